import { by, el } from "./dom.js";
import { ask, listen, login, logout } from "./api.js";
import { Table, orders } from "./table.js";
import { Brush, drawMatrix } from "./overview.js";
import { Detail } from "./detail.js";
import { chosen } from "./choose.js";
import { count, severityClass } from "./words.js";

// What the address behind # says: the selection, the order, the connection that is open and a time in it. Everything that
// the page shows follows from it and from what the server says.
const place = { q: "", s: "", c: null, t: null };

function readPlace() {
  const p = new URLSearchParams(location.hash.slice(1));
  place.q = p.get("q") ?? "";
  place.s = p.get("s") ?? "";
  place.c = /^\d+$/.test(p.get("c") ?? "") ? Number(p.get("c")) : null;
  place.t = p.get("t") !== null && Number.isFinite(Number(p.get("t"))) ? Number(p.get("t")) : null;
}

function address(change = {}) {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries({ ...place, ...change })) if (v !== null && v !== "") p.set(k, v);
  const text = p.toString().replaceAll("%3A", ":");
  return text ? `#${text}` : "#";
}

function go(change) {
  const to = address(change);
  if (to !== (location.hash || "#")) history.pushState(null, "", to === "#" ? location.pathname : to);
  follow();
}

let shown = {};
async function follow() {
  readPlace();
  if (place.q !== shown.q || place.s !== shown.s) {
    const both = place.q !== shown.q;
    shown = { ...shown, q: place.q, s: place.s };
    by("q").value = place.q;
    by("sort").value = place.s.replace("-", "") || "worst";
    await select(both);
  }
  if (place.c !== shown.c || place.t !== shown.t) {
    const same = place.c === shown.c;
    shown = { ...shown, c: place.c, t: place.t };
    open(same);
  }
}

const table = new Table(by("table"), {
  open: (c) => go({ c, t: null }),
  sorted: (s) => go({ s }),
  count: (a) => { by("count").textContent = a.matched === a.total ? `${count(a.total)} ${a.total === 1 ? "connection" : "connections"}` : `${count(a.matched)} of ${count(a.total)} connections`; },
  failed: wrong,
});
const brush = new Brush(by("brush"), (from, to) => go({ q: within(from, to) }));
const detail = new Detail(by("detail"), {
  close: () => { go({ c: null, t: null }); by("table").focus(); },
  at: (t) => { history.replaceState(null, "", address({ t })); readPlace(); shown.t = place.t; },
  link: () => location.href,
});

// select shows what the selection means, or what is wrong with it.
async function select(overview) {
  try {
    await table.show(place.q, place.s);
    wrong(null);
    if (overview) await look();
  } catch (error) {
    wrong(error);
  }
}

async function look() {
  const [states, line] = await Promise.all([ask("states", { q: place.q }), ask("timeline", { q: place.q })]);
  drawMatrix(by("matrix"), states.cells, `${place.q} `, chooseStates);
  brush.draw(line);
}

function wrong(error) {
  if (error?.code === 401) { enter(); return; }
  by("q").setAttribute("aria-invalid", Boolean(error));
  by("wrong").hidden = !error;
  by("wrong").textContent = error ? [error.caret, error.message, error.next].filter(Boolean).join("\n") : "";
}

function chooseStates(client, server, pressed) {
  const term = pressed ? "" : `client.state:${client.toLowerCase()} server.state:${server.toLowerCase()}`;
  go({ q: chosen(place.q, ["client.state:", "server.state:"], term) });
}

function within(from, to) {
  const moment = (t) => new Date(t * 1000).toISOString();
  return chosen(place.q, ["end:>=", "start:<="], `end:>=${moment(from)} start:<=${moment(to)}`);
}

async function open(same) {
  const on = place.c !== null;
  by("main").classList.toggle("opened", on);
  table.opened = place.c;
  table.draw();
  if (!on) detail.hide();
  else if (same) detail.mark(place.t);
  else await detail.show(place.c, place.t);
}

// The status line, the chips of what was found, and how stale the rest may become.
let last = null, refreshed = 0, looked = 0, before = null;
function status(s) {
  by("link").textContent = s.live && !s.ended ? "live" : s.ended ? "" : "reading";
  by("link").className = "";
  by("source").textContent = s.source;
  by("logout").hidden = !s.guarded;
  const now = performance.now();
  const rate = before && s.live ? Math.max(0, Math.round((s.packets - before.packets) / ((now - before.at) / 1000))) : null;
  before = { packets: s.packets, at: now };
  const meters = [["packets", count(s.packets)], rate !== null && ["per second", count(rate)], ["connections", count(s.connections)], s.living > 0 && ["living", count(s.living)],
    s.half_open > 0 && ["half open", count(s.half_open)], s.dropped > 0 && ["dropped", count(s.dropped), "critical"], s.lost.events > 0 && ["events lost", count(s.lost.events), "warning"],
    s.lost.rows > 0 && ["forgotten", count(s.lost.rows)]];
  by("meters").replaceChildren(...meters.filter(Boolean).map(([what, n, kind]) => el("div", {}, el("dt", {}, what), el("dd", { class: kind }, n))));
  by("codes").replaceChildren(...s.codes.map((c) => el("button", {
    type: "button", class: `chip ${severityClass(c.severity)}`, title: `${c.severity}: select them`, onclick: () => go({ q: chosen(place.q, ["finding:"], `finding:${c.code}`) }),
  }, c.code, el("b", {}, count(c.findings)))));
  const changed = !last || last.packets !== s.packets || last.rows !== s.rows || last.ended !== s.ended;
  last = s;
  if (!changed || document.hidden) return;
  if (now - refreshed > 2000 || s.ended) { refreshed = now; table.refresh().catch(wrong); }
  if (now - looked > 5000 || s.ended) { looked = now; look().catch(wrong); }
}

// broken says that the server does not answer; where the browser has given up, the page begins anew.
let again = 0;
function broken(over) {
  by("link").textContent = "no line to tcptrack; trying again";
  by("link").className = "broken";
  clearTimeout(again);
  if (over) again = setTimeout(begin, 3000);
}

// begin shows the page to who may see it.
let stream = null;
async function begin() {
  let first;
  try {
    first = await ask("status");
  } catch (error) {
    if (error.code === 401) return enter();
    broken(true);
    return undefined;
  }
  by("login").hidden = true;
  by("main").hidden = false;
  last = first;
  status(first);
  refreshed = looked = performance.now();
  shown = {};
  await follow();
  stream?.close();
  stream = listen({
    status, lost: () => table.refresh().catch(wrong),
    broken,
  });
  document.documentElement.dataset.ready = "yes";
  return undefined;
}

function enter() {
  stream?.close();
  by("main").hidden = true;
  by("login").hidden = false;
  by("token").focus();
}

by("login").addEventListener("submit", async (e) => {
  e.preventDefault();
  try {
    await login(by("token").value);
    by("token").value = "";
    by("refused").textContent = "";
    await begin();
  } catch (error) {
    by("refused").textContent = `${error.message}; ${error.next}`;
  }
});
by("logout").addEventListener("click", async () => { await logout(); enter(); });
by("select").addEventListener("submit", (e) => { e.preventDefault(); go({ q: by("q").value.trim() }); });
by("clear").addEventListener("click", () => go({ q: "" }));
by("sort").append(...orders.map(([value, title]) => el("option", { value }, title)));
by("sort").addEventListener("change", () => go({ s: by("sort").value }));

let typing = 0;
by("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const text = by("q").value;
    try {
      const { completions } = await ask("complete", { text });
      if (by("q").value === text) by("words").replaceChildren(...completions.map((value) => el("option", { value })));
    } catch (error) {
      wrong(error);
    }
  }, 150);
});

document.addEventListener("keydown", (e) => {
  const writes = e.target.closest("input, select, textarea");
  if (e.key === "/" && !writes) {
    e.preventDefault();
    by("q").focus();
  } else if (e.key === "Escape" && place.c !== null && !writes) {
    detail.on.close();
  } else if ((e.key === "j" || e.key === "k") && !e.ctrlKey && !e.metaKey && !e.altKey && !writes && e.target !== by("table")) {
    by("table").focus();
    table.key(e);
  }
});
addEventListener("popstate", follow);
addEventListener("hashchange", follow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { brush.draw(); detail.redraw(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && last) { table.refresh().catch(wrong); } });
begin();
