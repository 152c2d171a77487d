"use strict";

/* Show figures in a box, each in its place; those before stay until the new ones are drawn. `figures` has name, text and specification. */
const showFigures = (() => {
  const views = new WeakMap();
  let drawing = Promise.resolve();

  function place(box, count) {
    while (box.children.length > count) box.lastElementChild.remove();
    while (box.children.length < count) {
      const wide = Object.assign(document.createElement("div"), { className: "wide", tabIndex: 0, role: "region" });
      wide.innerHTML = "<figure><figcaption><b></b> <span></span></figcaption><div class=chart></div></figure>";
      box.append(wide);
    }
  }

  async function draw(box, figures) {
    if (box === null) return;  // another scenario was opened meanwhile
    place(box, figures.length);
    for (const [k, { key, name, text, spec }] of figures.entries()) {
      const wide = box.children[k], chart = wide.querySelector(".chart");
      wide.ariaLabel = `Figure: ${name}`;
      wide.dataset.key = key;
      wide.querySelector("b").textContent = name;
      wide.querySelector("span").textContent = text;
      spec.description = `${name}. ${text}`;  // Vega's label for screen readers
      charts.unpack(spec);
      const width = Math.max(wide.clientWidth, 300);
      const before = views.get(chart);
      const fresh = Object.assign(document.createElement("div"), { className: "chart" });
      fresh.style.cssText = "position: absolute; visibility: hidden";
      wide.append(fresh);
      views.set(fresh, await charts.embed(fresh, spec, width, ""));
      fresh.removeAttribute("style");
      chart.replaceWith(fresh);
      before?.finalize();
    }
  }

  return (id, figures) => {
    drawing = drawing.then(() => draw(document.getElementById(id), figures)).catch(error => console.error(error));
  };
})();
