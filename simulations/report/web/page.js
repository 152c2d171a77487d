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

/* Draw a figure in the width of the page, and again if the width changes meanwhile. */
async function draw(entry) {
  const { figure, box } = entry;
  if (entry.drawing || entry.width === figure.clientWidth) return;
  entry.drawing = true;
  try {
    while (entry.width !== figure.clientWidth) {
      entry.width = figure.clientWidth;
      entry.view?.finalize();
      entry.view = undefined;
      entry.view = await charts.embed(box, entry.spec, entry.width, chosen(entry));
    }
  } finally {
    entry.drawing = false;
  }
  figure.classList.add("is-live");
  if (entry.view.signal("court") !== chosen(entry)) entry.view.signal("court", chosen(entry)).resize().runAsync();  // picked meanwhile
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

/* A map that is wider than the page begins at its first state. */
const map = document.querySelector("#figure-workflow-map .scroll"), begin = map?.querySelector(".state");
if (begin) {
  const [box, first] = [map, begin].map(element => element.getBoundingClientRect());
  if (first.right > box.right) map.scrollLeft = first.left + first.width / 2 - box.left - box.width / 2;
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
  charts.unpack(spec);
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
