"use strict";

/* Interactive figures, for the report and for the what-if page. */
const charts = (() => {
  const LEAST_PLOT = 150, NARROW = 860, NARROW_LABEL = 175, NARROW_LETTERS = 24, MOST_WRAPPED = 30, LINE_HEIGHT = 14, ROUNDS = 4, WIDTH = 920, HEAD_LETTER = 7.6, HEAD_MARGIN = 70;

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

  /* On a narrow page there is no room for the numbers beside a plot, which the tooltips have. Long names are in several lines, or cut if they are many. */
  function narrow(spec, width) {
    each(spec, view => {
      if (view.layer) view.layer = view.layer.filter(layer => layer.encoding?.x?.value !== "width");
    });
    narrowNames(spec, [], null);
    spec.padding = 5;
    each(spec, view => {
      const legend = view.encoding?.color?.legend;
      if (legend?.columns) legend.columns = Math.max(1, Math.floor(legend.columns * width / WIDTH));
    });
    if (spec.concat) spec.columns = 1;
    spec.config.legend.columns = 2;
  }

  /* Leave out the middle of the heads of panels that are longer than the page is wide. */
  function shortenHeads(spec, width) {
    const head = spec.facet?.row;
    if (!head) return;
    const most = Math.floor((width - HEAD_MARGIN) / HEAD_LETTER);
    const short = `slice(datum.label, 0, ${most} / 2) + '…' + slice(datum.label, 1 - ${most} / 2)`;
    head.header = { ...head.header, labelExpr: `length(datum.label) > ${most} ? ${short} : datum.label` };
  }

  /* Break or cut the names of rows; `rows` are the data and `stepped` is the view with the height of a row, both of the view or of one around it. */
  function narrowNames(node, rows, stepped) {
    if (Array.isArray(node)) return node.forEach(part => narrowNames(part, rows, stepped));
    if (node === null || typeof node !== "object") return;
    rows = node.data?.values ?? rows;
    stepped = node.height?.step ? node : stepped;
    const { field, axis } = node.encoding?.y ?? {};
    if (axis?.labelExpr) {
      const names = [...new Set(rows.map(row => row[field]).filter(name => typeof name === "string"))];
      const broken = Object.fromEntries(names.map(name => [name, inLines(name)])), most = Math.max(1, ...Object.values(broken).map(lines => lines.length));
      if (stepped && names.length <= MOST_WRAPPED) {
        Object.assign(axis, { labelLimit: NARROW_LABEL, labelExpr: `(${JSON.stringify(broken)})[datum.label]`, labelLineHeight: LINE_HEIGHT, labelBaseline: "middle" });
        stepped.height = { ...stepped.height, step: Math.max(stepped.height.step, LINE_HEIGHT * most + 6) };
      } else Object.assign(axis, { labelLimit: NARROW_LABEL, labelExpr: axis.labelExpr.replace(/\d+/g, n => Math.min(n, NARROW_LETTERS)) });
    }
    for (const key of ["spec", "layer", "concat", "vconcat", "hconcat"]) narrowNames(node[key] ?? null, rows, stepped);
  }

  /* Break a name at spaces into lines of a few letters. */
  function inLines(name) {
    const lines = [""];
    for (const word of name.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (lines.at(-1) === "" || longer.length <= NARROW_LETTERS) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
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

  /* Draw a specification in a box, for a court ("" all), and return its view. Its width shows how much its plots must grow or shrink. */
  async function embed(box, original, width, court) {
    const spec = structuredClone(original);
    if (width < NARROW) narrow(spec, width);
    shortenHeads(spec, width);
    spec.params.find(param => param.name === "court").value = court;
    const options = { ast: true, actions: false, renderer: "canvas", defaultStyle: false, logLevel: 1, patch };
    for (let round = 1; ; round++) {
      const { view } = await vegaEmbed(box, spec, options);
      const difference = width - box.querySelector("canvas").clientWidth;
      if ((difference >= 0 && (round > 1 || difference <= 3)) || round === ROUNDS) return view;
      widen(spec, Math.floor(difference / (spec.columns ?? 1)) - (difference < 0 ? 2 * (round - 1) : 0));  // texts at the end of a plot do not shrink
      view.finalize();
    }
  }

  return { unpack, embed };
})();
