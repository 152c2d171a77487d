"use strict";

/* Tables: each head sorts its column, and a button copies the table. */
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => row.cells[column].dataset.value ?? null;
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === null && y === null) return a.cells[column].textContent.localeCompare(b.cells[column].textContent) * (down ? -1 : 1);
        if (x === null || y === null) return x === null ? 1 : -1;
        return (x - y) * (down ? -1 : 1);
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
  const copy = document.createElement("button");
  copy.type = "button";
  copy.textContent = "Copy the table";
  copy.addEventListener("click", () => {
    const area = document.createElement("textarea");
    area.value = [...table.rows].map(row => [...row.cells].map(cell => cell.textContent.trim()).join("\t")).join("\n");
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    copy.textContent = "Copied";
    copy.focus();
    setTimeout(() => { copy.textContent = "Copy the table"; }, 1500);
  });
  table.closest(".table").querySelector(".tools").append(copy);
}

/* A large CSV is compressed in the page; the link gives it whole. */
for (const link of document.querySelectorAll("a[download$='.csv.gz']")) {
  link.addEventListener("click", async event => {
    event.preventDefault();
    const bytes = Uint8Array.from(atob(link.href.split(",")[1]), letter => letter.charCodeAt(0));
    const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
    const whole = Object.assign(document.createElement("a"), { href: URL.createObjectURL(text), download: link.download.slice(0, -3) });
    whole.click();
    setTimeout(() => URL.revokeObjectURL(whole.href), 1000);
  });
}

/* Folded tables are open on paper. */
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) Object.assign(fold, { open: true }).dataset.folded = "";
});
addEventListener("afterprint", () => {
  for (const fold of document.querySelectorAll("details[data-folded]")) fold.open = false;
});

/* Figures: the picture stays until the interactive figure is there, and for print. */
const picker = document.querySelector(".picker");
const select = picker.querySelector("select");
const figures = [];
const LEAST_PLOT = 150, NARROW = 700, NARROW_LABEL = 150, NARROW_LETTERS = 22;

/* Call a function with every view of a specification. */
function each(node, change) {
  if (Array.isArray(node)) return node.forEach(part => each(part, change));
  if (node === null || typeof node !== "object") return;
  change(node);
  for (const key of ["spec", "layer", "concat", "vconcat", "hconcat"]) each(node[key] ?? null, change);
}

function unpack(view) {
  if (!view.data) return;
  const { columns, texts, rows } = view.data.values;
  view.data.values = rows.map(values => Object.fromEntries(columns.map((name, k) => [name, texts[name]?.[values[k]] ?? values[k]])));
}

function widen(spec, difference) {
  each(spec, view => {
    if (typeof view.width === "number") view.width = Math.max(LEAST_PLOT, Math.round(view.width + difference));
  });
}

/* On a narrow page there is no room for the numbers beside a plot, which the tooltips have, and long names are cut. */
function narrow(spec) {
  each(spec, view => {
    if (view.layer) view.layer = view.layer.filter(layer => layer.encoding?.x?.value !== "width");
    const axis = view.encoding?.y?.axis;
    if (axis?.labelExpr) Object.assign(axis, { labelLimit: NARROW_LABEL, labelExpr: axis.labelExpr.replace(/\d+/g, n => Math.min(n, NARROW_LETTERS)) });
  });
  if (spec.concat) spec.columns = 1;
  spec.config.legend.columns = 2;
}

/* Vega-Lite reads texts of the tooltips of nearest points from the wrong datum. */
function patch(node) {
  if (node === null || typeof node !== "object") return node;
  if (node.transform?.some?.(transform => transform.type === "voronoi")) {
    const tooltip = node.encode.update.tooltip;
    if (tooltip?.signal) tooltip.signal = tooltip.signal.replace(/(?<!datum\.)datum\[/g, "datum.datum[");
  }
  for (const part of Object.values(node)) patch(part);
  return node;
}

/* Draw a figure in the width of the page. Its first width shows how much its plots must grow or shrink. */
async function draw(entry) {
  const { figure, box } = entry;
  const width = figure.clientWidth;
  if (entry.width === width) return;
  entry.width = width;
  const spec = structuredClone(entry.spec);
  if (width < NARROW) narrow(spec);
  spec.params.find(param => param.name === "court").value = chosen(entry);
  const options = { ast: true, actions: false, renderer: "canvas", defaultStyle: false, logLevel: 1, patch };
  entry.view?.finalize();
  let { view } = await vegaEmbed(box, spec, options);
  figure.classList.add("is-live");
  const difference = width - box.querySelector("canvas").clientWidth;
  if (Math.abs(difference) > 3) {
    widen(spec, Math.floor(difference / (spec.columns ?? 1)));
    view.finalize();
    ({ view } = await vegaEmbed(box, spec, options));
  }
  entry.view = view;
  if (view.signal("court") !== chosen(entry)) view.signal("court", chosen(entry)).resize().runAsync();  // picked meanwhile
}

function chosen(entry) {
  const court = select.value;
  const without = court !== "" && !entry.courts.includes(court);
  entry.note.hidden = !without || entry.courts.length === 0;
  return without ? "" : court;
}

/* Return a line below a figure, which is shown when a court is picked that the figure does not show alone. */
function noteBelow(element, text) {
  const note = Object.assign(document.createElement("p"), { className: "use", textContent: text, hidden: true });
  element.after(note);
  return note;
}

const unpicked = [];
for (const figure of document.querySelectorAll("figure")) {
  const data = figure.querySelector("script.spec");
  const ofAll = () => unpicked.push(noteBelow(figure.querySelector(".scroll"), "This figure is of all courts; the court picker does not change it."));
  if (!data) {
    ofAll();
    continue;
  }
  const spec = JSON.parse(data.textContent);
  const { courts, zooms } = spec.usermeta;
  const box = document.createElement("div");
  box.className = "live";
  spec.description = figure.querySelector(".says").textContent;  // Vega's label for screen readers
  figure.querySelector(".still").after(box);
  each(spec, unpack);
  const entry = { figure, box, spec, courts, note: noteBelow(box.parentElement, "This figure has no numbers of that court alone, and shows what it has.") };
  if (courts.length === 0) ofAll();
  if (zooms) {
    const use = document.createElement("p");
    use.className = "use";
    use.textContent = "Point at a line for its values; drag to move, Shift and wheel to zoom, double-click for the whole.";
    box.parentElement.after(use);
  }
  figures.push(entry);
}

const titles = new Set(figures.flatMap(entry => entry.courts));
if (titles.size > 1) {
  for (const title of titles) select.append(new Option(title, title));
  picker.hidden = false;
}
select.addEventListener("change", () => {
  for (const entry of figures) entry.view?.signal("court", chosen(entry)).resize().runAsync();
  for (const note of unpicked) note.hidden = select.value === "";
  for (const animation of document.querySelectorAll(".animation")) animation.showCourt(select.value);
});

const near = new IntersectionObserver(seen => {
  for (const { target, isIntersecting } of seen) {
    const entry = figures.find(one => one.figure === target);
    entry.near = isIntersecting;
    if (isIntersecting) draw(entry).catch(error => console.error(error));
  }
}, { rootMargin: "600px" });
for (const { figure } of figures) near.observe(figure);
let resizing;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    for (const entry of figures) {
      if (entry.view && !entry.near) entry.width = undefined;
      if (entry.near) draw(entry).catch(error => console.error(error));
    }
  }, 200);
});
