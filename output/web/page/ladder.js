import { svg } from "./dom.js";
import { since } from "./words.js";

// The colours of states that have one in the bars over time: what is open, what closes, what is over.
const kinds = {
  SYN_SENT: ".25", SYN_RECV: ".25", ESTABLISHED: ".38", FIN_WAIT1: ".95", FIN_WAIT2: ".85", CLOSE_WAIT: ".85", CLOSING: ".95", LAST_ACK: ".95", TIME_WAIT: ".22", CLOSED: ".08", UNKNOWN: ".03", LISTEN: ".1",
};

// drawStates draws a bar for each end: what it was taken to be over time; dashed where it was not proven.
export function drawStates(history, c, width) {
  const left = 48, right = 8, room = Math.max(120, width - left - right);
  const life = Math.max(since(c.start, c.end), 1e-6);
  const x = (t) => left + (Math.min(Math.max(t, 0), life) / life) * room;
  const box = svg("svg", { width, height: 66, role: "img", "aria-label": "states over time" });
  ["client", "server"].forEach((side, k) => {
    const y = 4 + k * 26;
    box.append(svg("text", { x: 0, y: y + 15, class: "faint" }, side));
    const moves = history.filter((h) => h.side === side && (h.from !== h.to || h.to !== "UNKNOWN"));
    const parts = [];
    for (const h of moves) {
      const last = parts[parts.length - 1];
      const others = h.possible.filter((p) => p !== h.to);
      if (last && last.to === h.to && last.others.join() === others.join()) continue;
      if (last) last.until = since(c.start, h.time);
      parts.push({ to: h.to, others, from: since(c.start, h.time), until: life });
    }
    for (const p of parts) {
      const w = Math.max(x(p.until) - x(p.from), 1.5);
      const words = [p.to, ...p.others].join(" or ");
      box.append(svg("rect", {
        x: x(p.from), y, width: w, height: 20, rx: 2, class: `${side[0]}${p.others.length ? " unsure" : ""}`, "fill-opacity": kinds[p.to] ?? ".3", "stroke-opacity": p.others.length ? "1" : ".5",
      }, svg("title", {}, `${side} ${words}, ${p.from.toFixed(3)} s to ${p.until.toFixed(3)} s`)));
      const label = [words, `${p.to}?`, p.to].find((text) => w > text.length * 7.6 + 10);
      if (label) {
        const text = svg("text", { x: x(p.from) + 5, y: y + 14 }, label);
        if (Number(kinds[p.to] ?? 0.3) >= 0.6) text.style.fill = "var(--raised)";
        box.append(text);
      }
    }
  });
  box.append(svg("text", { x: left, y: 64, class: "faint" }, "0 s"), svg("text", { x: left + room, y: 64, class: "faint", "text-anchor": "end" }, `${+life.toFixed(3)} s`));
  return box;
}

// drawLadder draws the rows between the two ends; what a row says is a line of text where the ends are too close.
export function drawLadder(d, evidence, width, choose) {
  const narrow = width < 470;
  const step = 24, top = 26;
  const timeAt = 62, stateWidth = narrow ? 0 : 96;
  const x1 = timeAt + 14 + stateWidth, x2 = Math.max(x1 + 120, width - 14 - stateWidth);
  const total = Math.max(width, x2 + 14 + stateWidth);
  const height = top + d.rows.length * step + 8;
  const box = svg("svg", { width: total, height, viewBox: `0 0 ${total} ${height}`, role: "list", "aria-label": "packets between client and server" });
  box.append(svg("text", { x: x1, y: 14, "text-anchor": "middle" }, "client"), svg("text", narrow ? { x: total - 2, y: 14, "text-anchor": "end" } : { x: x2, y: 14, "text-anchor": "middle" }, "server"));
  for (const x of [x1, x2]) box.append(svg("line", { x1: x, x2: x, y1: 20, y2: height - 4, class: "life" }));
  const rungs = [];
  let before = { client: "", server: "" };
  d.rows.forEach((r, i) => {
    const y = top + i * step + step / 2;
    const g = svg("g", { class: "rung", role: "listitem", tabindex: r.label ? 0 : -1, "aria-label": `${r.t.toFixed(3)} s ${r.from ?? ""} ${r.label || r.text}` },
      svg("rect", { x: 0, y: y - step / 2, width: total, height: step, class: "hit" }));
    if (r.label) {
      g.append(svg("text", { x: timeAt, y: y + 4, "text-anchor": "end", class: "mono faint" }, r.t.toFixed(3)), svg("title", {}, `packet ${r.packet}`));
      const out = r.from === "client";
      const [a, b] = out ? [x1, x2] : [x2, x1];
      const end = b + (out ? -7 : 7);
      g.append(svg("line", { x1: a, x2: end, y1: y + 5, y2: y + 5, class: `arrow ${out ? "c" : "s"}` }), svg("path", { d: `M${b} ${y + 5} l${out ? -8 : 8} -4 v8 z`, class: `tip ${out ? "c" : "s"}` }));
      g.append(svg("text", { x: (x1 + x2) / 2, y: y + 1, "text-anchor": "middle" }, fit(r.label, x2 - x1 - 16)));
      if (evidence.has(r.packet)) g.append(svg("circle", { cx: a, cy: y + 5, r: 4, class: "proof" }, svg("title", {}, "evidence of a finding")));
      if (!narrow) {
        if (r.client !== before.client && r.client !== "UNKNOWN") g.append(svg("text", { x: x1 - 8, y: y + 4, "text-anchor": "end", class: "mono" }, r.client));
        if (r.server !== before.server && r.server !== "UNKNOWN") g.append(svg("text", { x: x2 + 8, y: y + 4, class: "mono" }, r.server));
      }
      before = r;
    } else {
      g.append(svg("text", { x: (x1 + x2) / 2, y: y + 4, "text-anchor": "middle", class: "faint" }, fit(r.text, narrow ? total - timeAt : x2 - x1 + 2 * stateWidth)));
    }
    g.addEventListener("click", () => choose(r.t));
    g.addEventListener("keydown", (e) => { if (e.key === "Enter") choose(r.t); });
    box.append(g);
    rungs.push(g);
  });
  return {
    svg: box,
    timeOf: (packet) => d.rows.find((r, i) => r.packet >= packet || i === d.rows.length - 1)?.t,
    mark(t) {
      let best = 0;
      d.rows.forEach((r, i) => { if (r.t <= t + 5e-7) best = i; });
      rungs.forEach((g, i) => g.classList.toggle("now", i === best));
      rungs[best]?.scrollIntoView({ block: "nearest" });
    },
  };
}

// fit cuts a text to a width: 6.3 pixels is a usual letter of 12 pixels' height.
function fit(text, width) {
  const most = Math.max(4, Math.floor(width / 6.3));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
