import { css, el } from "./dom.js";
import { count } from "./words.js";

// short names of states for the matrix; the full ones are in each cell's title.
const short = { ESTABLISHED: "ESTAB", SYN_SENT: "SYN_SENT", UNKNOWN: "?" };
const order = ["CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT", "UNKNOWN"];

// drawMatrix draws how many connections are in which pair of states; a click selects them.
export function drawMatrix(box, cells, where, choose) {
  if (cells.length === 0) {
    box.replaceChildren(el("p", { class: "faint" }, "None."));
    return;
  }
  const used = (side) => order.filter((s) => cells.some((c) => c[side] === s));
  const servers = used("server");
  const most = Math.max(...cells.map((c) => c.connections));
  const find = new Map(cells.map((c) => [`${c.client}/${c.server}`, c]));
  const head = el("tr", {}, el("td"), ...servers.map((s) => el("th", { scope: "col", title: s }, short[s] ?? s)));
  const rows = used("client").map((client) => el("tr", {}, el("th", { scope: "row", title: client }, short[client] ?? client), ...servers.map((server) => {
    const c = find.get(`${client}/${server}`);
    if (!c) return el("td");
    const share = Math.log1p(c.connections) / Math.log1p(most);
    const pressed = where.includes(`client.state:${client.toLowerCase()} `) && where.includes(`server.state:${server.toLowerCase()}`);
    const button = el("button", {
      type: "button", "aria-pressed": pressed, class: c.found ? "ill" : "",
      title: `client ${client}, server ${server}: ${count(c.connections)}, ${count(c.living)} living, something found on ${count(c.found)}`,
      onclick: () => choose(client, server, pressed),
    }, count(c.connections));
    button.style.setProperty("--share", (0.1 + 0.9 * share).toFixed(2));
    return el("td", {}, button);
  })));
  box.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
}

// Brush shows how many connections there were over time; dragging selects those that lived meanwhile.
export class Brush {
  constructor(box, choose) {
    this.box = box;
    this.choose = choose;
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(box);
  }

  size() { return { width: Math.max(200, this.box.clientWidth), height: 168 }; }

  draw(answer) {
    this.answer = answer ?? this.answer;
    const a = this.answer;
    this.plot?.destroy();
    this.plot = null;
    if (!a || a.times.length === 0) {
      this.box.replaceChildren(el("p", {}, "Nothing yet."));
      return;
    }
    this.box.replaceChildren();
    const axis = { stroke: css("--faint"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: "11px system-ui" };
    this.plot = new uPlot({
      ...this.size(), legend: { show: false }, cursor: { y: false, points: { show: false }, drag: { x: true, setScale: false } },
      scales: { y: { range: (_, __, max) => [0, Math.max(1, max)] } },
      axes: [{ ...axis, size: 30, values: times }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000], values: (_, list) => list.map((v) => count(v)) }],
      series: [{}, { label: "present", stroke: css("--mark"), fill: `rgb(${css("--heat")} / .18)`, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
        { label: "began that something was found on", stroke: css("--warning"), width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }],
      hooks: {
        setSelect: [(u) => {
          if (u.select.width < 2) return;
          this.choose(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        }],
      },
    }, [a.times, a.present, a.found], this.box);
  }
}

// times are ticks in UTC, as all times of the page, with as many digits as they differ in.
function times(u, list) {
  const step = list.length > 1 ? list[1] - list[0] : 1;
  return list.map((t) => {
    const text = new Date(t * 1000).toISOString();
    return step >= 86400 ? text.slice(5, 10) : step >= 60 ? text.slice(11, 16) : step >= 1 ? text.slice(11, 19) : text.slice(11, 23);
  });
}
