import { copy, css, el } from "./dom.js";
import { ask } from "./api.js";
import { drawLadder, drawStates } from "./ladder.js";
import { address, count, counted, glyphs, octets, severityClass, since, span, state } from "./words.js";

// Detail shows all about one connection. Times in it are seconds since its first packet.
export class Detail {
  constructor(box, on) {
    this.box = box;
    this.on = on; // { close(), at(t), link() }
    this.answer = null;
    this.plots = [];
  }

  hide() {
    this.asking?.abort();
    this.wanted = null;
    this.clear();
    this.answer = null;
    this.box.hidden = true;
  }

  clear() {
    for (const p of this.plots) p.destroy();
    this.plots = [];
    this.box.replaceChildren();
  }

  async show(conn, t) {
    this.wanted = conn;
    this.asking?.abort(); // reading packets again may take a while
    this.asking = new AbortController();
    this.box.hidden = false;
    this.box.setAttribute("aria-busy", "true");
    try {
      const answer = await ask(`connections/${conn}`, {}, { signal: this.asking.signal });
      if (this.wanted !== conn) return;
      this.answer = answer;
      this.t = t;
      this.draw();
    } catch (error) {
      if (this.wanted !== conn) return;
      this.clear();
      this.box.append(this.closing(), el("h2", {}, `Connection ${conn}`), el("p", { role: "alert" }, [error.message, error.next].filter(Boolean).join(": ")));
    } finally {
      this.box.setAttribute("aria-busy", "false");
    }
    this.box.focus({ preventScroll: true });
  }

  redraw() { if (this.answer) this.draw(); }

  closing() { return el("button", { type: "button", class: "close", onclick: () => this.on.close(), "aria-label": "Close the connection" }, "Close"); }

  draw() {
    const a = this.answer, c = a.connection;
    this.clear();
    this.box.append(
      this.closing(),
      el("h2", {}, `Connection ${c.conn}`),
      this.tools(c),
      el("dl", { class: "facts" }, ...this.facts(c).flatMap(([what, ...text]) => [el("dt", {}, what), el("dd", {}, ...text)])),
      ...a.findings.map((f) => this.finding(f)),
      el("h3", {}, "What each end was taken to be"), drawStates(a.history, c, this.box.clientWidth - 24),
    );
    const d = a.drawing;
    this.box.append(el("h3", {}, "The packets that decide"));
    this.ladder = null;
    if (d) {
      const evidence = new Set(a.findings.flatMap((f) => f.evidence));
      this.ladder = drawLadder(d, evidence, this.box.clientWidth - 24, (t) => { this.on.at(t); this.mark(t); });
      this.box.append(el("div", { class: "ladder" }, this.ladder.svg), d.more > 0 && el("p", {}, `${counted(d.more, "more row", "more rows")}: tcptrack explain FILE ${c.conn} --all shows all.`) || "");
      if (d.cut) this.box.append(el("p", {}, "It has more packets than are drawn; these are the first."));
      if (d.short) this.box.append(el("p", {}, "What came earlier is no longer in memory; --ring keeps more."));
    } else {
      this.box.append(el("p", {}, `Not drawn: ${a.without}.`));
    }
    if (d && d.series.t.length > 1) {
      this.plot("Windows announced", d.series, [["client's", "client_window", "--client"], ["server's", "server_window", "--server"]]);
      this.plot("Octets in flight", d.series, [["client's", "client_flight", "--client"], ["server's", "server_flight", "--server"]]);
    }
    this.box.append(el("h3", {}, "Every change of state"), this.history(a, c));
    this.mark(this.t);
  }

  tools(c) {
    const tools = el("div", { class: "tools" });
    tools.append(el("a", { class: "button", href: new URL(`api/v1/connections/${c.conn}/pcapng`, document.baseURI.split("#")[0]), download: "" }, "Download pcapng"));
    if (c.wireshark) tools.append(el("button", { type: "button", title: c.wireshark, onclick: (e) => copy(c.wireshark, e.currentTarget) }, "Copy Wireshark filter"));
    tools.append(el("button", { type: "button", onclick: (e) => copy(this.on.link(), e.currentTarget) }, "Copy link"));
    return tools;
  }

  facts(c) {
    const end = (e) => {
      const others = e.possible.filter((s) => s !== e.state);
      return `${address(e)}  ${state(e)}${others.length ? `, or ${others.join(" or ")}` : ""}; ${counted(e.packets, "packet", "packets")}, ${octets(e.stream_bytes)}${e.retransmissions ? `, ${count(e.retransmissions)} repeated` : ""}${e.rtt_ms ? `, round trip ${span(e.rtt_ms.mean / 1000)}` : ""}`;
    };
    const ended = c.living ? `lives; idle for ${span(c.idle_s)}` : `${c.how}${c.closed_by ? `, the ${c.closed_by} closed first` : ""}`;
    return [["Client", el("span", { class: "side-client" }, "● "), end(c.client)], ["Server", el("span", { class: "side-server" }, "● "), end(c.server)],
      ["When", `${c.start.replace("T", " ").slice(0, 23)} UTC, for ${span(since(c.start, c.end))}`], ["Ended", ended],
      ...(c.wireshark ? [["Wireshark", c.wireshark]] : [])];
  }

  finding(f) {
    return el("article", { class: `finding f-${f.severity}` },
      el("p", {}, el("b", { class: severityClass(f.severity) }, `${glyphs[f.severity]} ${f.severity} ${f.code}`), f.status === "closed" ? " (over)" : "", f.hidden_close ? `; a close hidden behind it: ${f.hidden_close}` : ""),
      el("p", {}, `${f.summary}.`),
      el("details", {}, el("summary", {}, `Whose fault, what to do`), el("p", {}, `Fault: ${f.culprit}.`), el("p", {}, `Means: ${f.cause}.`), el("p", {}, `Do: ${f.remedy}.`)),
      el("p", { class: "evidence" }, el("span", { class: "faint" }, "evidence: packets"), ...f.evidence.map((n) => el("button", { type: "button", onclick: () => this.packet(n) }, n))));
  }

  // packet goes to a packet in the ladder, if it stands there.
  packet(n) {
    const t = this.ladder?.timeOf(n);
    if (t === undefined) return;
    this.on.at(t);
    this.mark(t);
  }

  plot(title, series, lines) {
    const box = el("div", { class: "plot" });
    this.box.append(el("h3", {}, title), box);
    const axis = { stroke: css("--faint"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: "11px system-ui" };
    this.plots.push(new uPlot({
      width: Math.max(220, this.box.clientWidth - 24), height: 116, cursor: { sync: { key: "detail" }, y: false, drag: { x: false, y: false } },
      scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1, max) * 1.05] } },
      axes: [{ ...axis, size: 30, values: (_, list) => list.map((v) => `${+v.toFixed(3)} s`) }, { ...axis, size: 58, values: (_, list) => list.map((v) => octets(v)) }],
      series: [{ label: "s", value: (_, v) => (v === null ? "" : v.toFixed(3)) }, ...lines.map(([label, , color]) => ({ label, stroke: css(color), width: 1.5, paths: uPlot.paths.stepped({ align: 1 }), spanGaps: true, value: (_, v) => (v === null ? "" : octets(v)), points: { show: false } }))],
      hooks: { ready: [(u) => u.over.addEventListener("click", () => { const t = u.posToVal(u.cursor.left, "x"); this.on.at(+t.toFixed(6)); this.mark(t); })] },
    }, [series.t, ...lines.map(([, key]) => series[key])], box));
  }

  history(a, c) {
    const rows = a.history.map((h) => {
      const others = h.possible.filter((s) => s !== h.to);
      return el("tr", {}, el("td", {}, since(c.start, h.time).toFixed(3)), el("td", {}, h.packet), el("td", { class: `side-${h.side}` }, h.side), el("td", {}, h.to + (h.basis === "presumed" || others.length ? "?" : "")),
        el("td", {}, h.why + (others.length ? `; or ${others.join(" or ")}` : "")));
    });
    const box = el("table", { class: "history" }, el("thead", {}, el("tr", {}, ...["s", "packet", "side", "state", "why"].map((t) => el("th", { scope: "col" }, t)))), el("tbody", {}, ...rows));
    return a.history_omitted ? el("div", {}, el("p", {}, `${count(a.history_omitted)} in between are not kept.`), box) : box;
  }

  // mark shows a time in the ladder and in the plots.
  mark(t) {
    this.t = t;
    if (t === null || t === undefined || !this.answer) return;
    this.ladder?.mark(t);
    const plots = this.plots; // they have their scales when they are drawn
    requestAnimationFrame(() => { for (const p of plots) if (plots === this.plots) p.setCursor({ left: p.valToPos(t, "x"), top: 10 }, false); });
  }
}
