import { el } from "./dom.js";
import { ask } from "./api.js";
import { address, count, glyphs, octets, severityClass, since, span, state } from "./words.js";

// The table shows a window of a list that the server keeps: rows are asked for in blocks as they come into sight.

const BLOCK = 100;
const KEPT = 40; // blocks

const columns = [
  { key: "mark", title: "", text: (r) => glyphs[r.severity] ?? (r.living ? "" : "–") },
  { key: "conn", title: "Conn", sort: "conn", num: true, text: (r) => r.conn },
  { key: "client", title: "Client", sort: "client", addr: true, text: (r) => address(r.client) },
  { key: "server", title: "Server", sort: "server", addr: true, text: (r) => address(r.server) },
  { key: "cstate", title: "Client is", sort: "client.state", text: (r) => state(r.client) },
  { key: "sstate", title: "Server is", sort: "server.state", text: (r) => state(r.server) },
  { key: "age", title: "Age", sort: "duration", num: true, text: (r) => span(since(r.start, r.end)) },
  { key: "idle", title: "Idle", sort: "idle", num: true, text: (r) => span(r.idle_s) },
  { key: "bytes", title: "Bytes", sort: "bytes", num: true, text: (r) => octets(r.client.bytes + r.server.bytes) },
  { key: "retr", title: "Retr", sort: "retransmissions", num: true, text: (r) => count(r.client.retransmissions + r.server.retransmissions) },
  { key: "finding", title: "Found", sort: "worst", text: (r) => [...new Set(r.findings)].join(", ") },
];

export const orders = columns.filter((c) => c.sort).map((c) => [c.sort, c.title]);

export class Table {
  constructor(box, on) {
    this.box = box;
    this.on = on; // { open(conn), sorted(order), count(answer), failed(error) }
    this.where = "";
    this.sort = "";
    this.matched = 0;
    this.blocks = new Map(); // by number: rows, or a promise of them
    this.at = 0; // the row that the keys are on
    this.opened = null;
    this.generation = 0;
    this.head = el("div", { class: "head", role: "row" });
    for (const c of columns) {
      this.head.append(c.sort
        ? el("button", { type: "button", class: c.num ? "num" : "", role: "columnheader", "data-sort": c.sort, onclick: () => this.turn(c.sort) }, c.title)
        : el("span", { role: "columnheader" }, el("span", { class: "skip" }, "Severity")));
      this.head.lastChild.classList.add(`c-${c.key}`);
    }
    this.body = el("div", { role: "rowgroup" });
    box.append(this.head, this.body);
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    box.addEventListener("keydown", (e) => { if (e.target === box) this.key(e); }); // the heads are buttons with keys of their own
    this.body.addEventListener("click", (e) => {
      const row = e.target.closest(".row");
      if (row?.dataset.conn) this.choose(Number(row.dataset.at), true);
    });
    new ResizeObserver(() => this.draw()).observe(box);
  }

  get height() { return this.head.offsetParent === null ? 52 : 26; }
  get top() { return this.head.offsetHeight; }

  turn(sort) {
    this.sort = this.sort === sort ? `-${sort}` : sort;
    this.on.sorted(this.sort);
  }

  // show begins a new list; refresh one of the same, at the same place.
  async show(where, sort) {
    this.where = where;
    this.sort = sort;
    this.at = 0;
    this.box.scrollTop = 0;
    await this.refresh();
  }

  async refresh() {
    const generation = ++this.generation;
    const first = Math.floor(Math.max(0, this.box.scrollTop) / this.height / BLOCK);
    const answer = await ask("connections", { q: this.where, sort: this.sort, limit: 2 * BLOCK, offset: first * BLOCK });
    if (generation !== this.generation) return;
    this.view = answer.view;
    this.matched = answer.matched;
    this.blocks = new Map([[first, answer.connections.slice(0, BLOCK)], [first + 1, answer.connections.slice(BLOCK)]]);
    this.box.setAttribute("aria-rowcount", this.matched);
    this.body.style.height = `${this.matched * this.height}px`;
    for (const b of this.head.querySelectorAll("[data-sort]")) {
      const own = (this.sort || "worst").replace("-", "") === b.dataset.sort;
      b.setAttribute("aria-sort", !own ? "none" : this.sort.startsWith("-") ? "descending" : "ascending");
    }
    this.on.count(answer);
    this.draw();
  }

  block(n) {
    const held = this.blocks.get(n);
    if (held) return Array.isArray(held) ? held : null;
    const generation = this.generation;
    const asked = ask("connections", { view: this.view, limit: BLOCK, offset: n * BLOCK }).then((answer) => {
      if (generation !== this.generation) return;
      this.blocks.set(n, answer.connections);
      this.draw();
    }, (error) => {
      if (generation !== this.generation) return;
      this.blocks.delete(n);
      if (error.code === 410) this.refresh().catch(this.on.failed);
      else this.on.failed(error);
    });
    this.blocks.set(n, asked);
    if (this.blocks.size > KEPT) this.blocks.delete(this.blocks.keys().next().value);
    return null;
  }

  // draw puts the rows that are in sight in their places.
  draw() {
    const h = this.height;
    this.body.style.height = `${this.matched * h}px`;
    const from = Math.max(0, Math.floor(this.box.scrollTop / h) - 4);
    const to = Math.min(this.matched, Math.ceil((this.box.scrollTop + this.box.clientHeight) / h) + 4);
    const rows = [];
    for (let i = from; i < to; i++) rows.push(this.row(i, this.block(Math.floor(i / BLOCK))?.[i % BLOCK], h));
    this.body.replaceChildren(...rows);
    this.mark();
  }

  row(i, r, h) {
    const row = el("div", { class: "row", role: "row", "aria-rowindex": i + 2, "data-at": i, id: `row-${i}` });
    row.style.top = `${this.top + i * h}px`;
    if (!r || r.forgotten) {
      row.append(el("span"), el("span", { role: "gridcell", class: "gone" }, r ? `${r.conn} forgotten` : "…"));
      return row;
    }
    row.dataset.conn = r.conn;
    if (!r.living) row.classList.add("ended");
    for (const c of columns) {
      const cell = el("span", { role: "gridcell", class: `c-${c.key}${c.num ? " num" : ""}${c.addr ? " addr" : ""}` }, c.text(r));
      if ((c.key === "mark" || c.key === "finding") && r.severity) cell.classList.add(severityClass(r.severity));
      if (c.key === "mark" && r.severity) cell.title = r.severity;
      row.append(cell);
    }
    return row;
  }

  mark() {
    for (const row of this.body.children) row.setAttribute("aria-selected", Number(row.dataset.at) === this.at && (document.activeElement === this.box || row.dataset.conn === String(this.opened)) || row.dataset.conn === String(this.opened));
    this.box.setAttribute("aria-activedescendant", `row-${this.at}`);
  }

  choose(i, open) {
    this.at = Math.max(0, Math.min(this.matched - 1, i));
    const h = this.height, top = this.at * h;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + h + this.top > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + h + this.top - this.box.clientHeight;
    this.draw();
    const r = this.block(Math.floor(this.at / BLOCK))?.[this.at % BLOCK];
    if (open && r && !r.forgotten) this.on.open(r.conn);
  }

  key(e) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.height) - 2);
    const to = { ArrowDown: this.at + 1, j: this.at + 1, ArrowUp: this.at - 1, k: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, g: 0, End: this.matched - 1, G: this.matched - 1 }[e.key];
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (to !== undefined) {
      e.preventDefault();
      this.choose(to, false);
    } else if (e.key === "Enter") {
      e.preventDefault();
      this.choose(this.at, true);
    }
  }
}
