"use strict";

/* Interactive figures, for the report and for the what-if page. */
const charts = (() => {
  const LEAST_PLOT = 150, NARROW = 700, NARROW_LABEL = 150, NARROW_LETTERS = 22;

  /* Call a function with every view of a specification. */
  function each(node, change) {
    if (Array.isArray(node)) return node.forEach(part => each(part, change));
    if (node === null || typeof node !== "object") return;
    change(node);
    for (const key of ["spec", "layer", "concat", "vconcat", "hconcat"]) each(node[key] ?? null, change);
  }

  /* Give the data of a specification, which are columns and rows, as Vega-Lite reads them. */
  function unpack(spec) {
    each(spec, view => {
      if (!view.data) return;
      const { columns, texts, rows } = view.data.values;
      view.data.values = rows.map(values => Object.fromEntries(columns.map((name, k) => [name, texts[name]?.[values[k]] ?? values[k]])));
    });
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

  /* Draw a specification in a box, for a court ("" all), and return its view. Its first width shows how much its plots must grow or shrink. */
  async function embed(box, original, width, court) {
    const spec = structuredClone(original);
    if (width < NARROW) narrow(spec);
    spec.params.find(param => param.name === "court").value = court;
    const options = { ast: true, actions: false, renderer: "canvas", defaultStyle: false, logLevel: 1, patch };
    const { view } = await vegaEmbed(box, spec, options);
    const difference = width - box.querySelector("canvas").clientWidth;
    if (Math.abs(difference) <= 3) return view;
    widen(spec, Math.floor(difference / (spec.columns ?? 1)));
    view.finalize();
    return (await vegaEmbed(box, spec, options)).view;
  }

  return { unpack, embed };
})();
