// The table works without this; with it, words select and heads sort.
const list = document.getElementById("list"), body = list.tBodies[0], shown = document.getElementById("shown");
const rows = [...body.rows], texts = new Map(rows.map((r) => [r, r.textContent.toLowerCase()])), said = shown.textContent;

document.getElementById("sift").hidden = false;
document.getElementById("q").addEventListener("input", (e) => {
  const words = e.target.value.toLowerCase().split(/\s+/).filter((w) => w && w !== "-");
  let n = 0;
  for (const r of rows) {
    const on = words.every((w) => (w.startsWith("-") ? !texts.get(r).includes(w.slice(1)) : texts.get(r).includes(w)));
    r.hidden = !on;
    n += on;
  }
  shown.textContent = words.length ? `${n} selected of ${said}` : said;
});

const heads = [...list.tHead.rows[0].cells];
heads.forEach((head, i) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const h of heads) h.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (r) => r.cells[i].dataset.v !== undefined ? Number(r.cells[i].dataset.v) : r.cells[i].textContent;
    rows.sort((a, b) => {
      const x = value(a), y = value(b);
      return (typeof x === "number" ? x - y : x.localeCompare(y, "en", { numeric: true })) * (down ? -1 : 1);
    });
    body.append(...rows);
  });
});
document.documentElement.dataset.ready = "yes";
