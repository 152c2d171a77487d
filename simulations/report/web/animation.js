"use strict";

/* The animation of cases between states. Each `.animation` element holds its data as JSON; `data` says what they are
   (simulations/report/animation.py). `element.showCourt(title)` shows one court, "" all;
   `element.seek(step)` goes to a step, 1.5 being half a step after the first. */
function animateFlow(element) {
  const data = JSON.parse(element.querySelector("script").textContent);
  const { states, short, final, places, days, courts, later } = data;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const PER_STEP = Math.max(120, Math.min(700, 40000 / days.length)), MOST_DOTS = 50, BOX = 52, LINE_HEIGHT = 14, MOST_LINES = 2;
  const INK = "#1b1b1b", SOFT = "#555555", LINE = "#9aa4aa", OPEN = "#56b4e9", DONE = "#9a9a9a", DOT = "#0072b2";

  const row = document.createElement("p"), play = document.createElement("button"), label = document.createElement("label");
  const slider = document.createElement("input"), date = document.createElement("output"), canvas = document.createElement("canvas");
  play.type = "button";
  Object.assign(slider, { type: "range", min: 0, max: days.length - 1, value: 0 });
  label.append("Day ", slider);
  row.append(play, " ", label, " ", date);
  row.className = "controls";
  canvas.setAttribute("role", "img");
  const key = document.createElement("p");
  key.className = "use";
  element.append(row, canvas, key);

  let court = -1, counts = [], moves = [], most = 1, perDot = 1, playing = false, at = 0, clock = 0;

  /* Add up the counts of every step, of one court or of all. */
  function addUp() {
    const now = new Float64Array(states.length);
    for (const [of, state, n] of data.starts) if (court < 0 || of === court) now[state] += n;
    moves = days.map(() => []);
    for (const [step, of, from, to, n] of data.moves) if (court < 0 || of === court) moves[step].push([from, to, n]);
    counts = moves.map(all => {
      for (const [from, to, n] of all) { now[from] -= n; now[to] += n; }
      return Float64Array.from(now, n => Math.max(0, n));
    });
    most = Math.max(1, ...counts.flatMap(of => [...of]));
    const sums = moves.map(all => all.reduce((sum, [, , n]) => sum + n, 0)).sort((a, b) => a - b);
    perDot = Math.max(1, Math.ceil(sums[Math.floor(sums.length * .95)] / MOST_DOTS));
    key.textContent = `Bars: cases in each state${court < 0 ? "" : `, ${courts[court]}`}, mean over replications. One dot: ${perDot === 1 ? "one move" : `${format(perDot)} moves`}.`;
  }

  const format = n => n >= 10 || Math.abs(n - Math.round(n)) < .005 ? Math.round(n).toLocaleString("en") : n.toFixed(1);
  const shorten = (text, letters) => text.length <= letters ? text : `${text.slice(0, letters / 2)}…${text.slice(1 - letters / 2)}`;

  /* Return a title in one or two lines; one that is too long is its short form. */
  function inLines(title, letters, shorter) {
    const lines = [""];
    for (const word of title.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (longer.length <= letters || lines.at(-1) === "") lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    if (lines.length <= MOST_LINES && lines.every(line => line.length <= letters)) return lines;
    return shorter === undefined ? lines.slice(0, MOST_LINES).map(line => shorten(line, letters)) : inLines(shorter, letters);
  }

  function layout() {
    const width = element.clientWidth;
    let columns = 1 + Math.max(...places.map(([x]) => x)), at = places;
    const least = 96;
    if (width / columns < least) {  // a narrow page: in reading order
      columns = Math.max(2, Math.floor(width / least));
      const order = states.map((_, k) => k).sort((a, b) => places[a][0] - places[b][0] || places[a][1] - places[b][1]);
      at = [];
      order.forEach((state, k) => { at[state] = [k % columns, Math.floor(k / columns)]; });
    }
    const rows = 1 + Math.max(...at.map(([, y]) => y)), cell = width / columns, w = Math.min(cell - 14, 190);
    const titles = states.map((state, k) => inLines(state, Math.floor(w / 6.8), short[k]));
    const top = 8 + LINE_HEIGHT * Math.max(...titles.map(lines => lines.length)), pitch = BOX + 12 + top;
    return { width, height: rows * pitch, w, titles, at: at.map(([x, y]) => [x * cell + 4, y * pitch + top]) };
  }

  function draw() {
    const { width, height, w, titles, at: corners } = layout(), scale = devicePixelRatio || 1, context = canvas.getContext("2d");
    const step = Math.min(days.length - 1, Math.floor(at)), part = at - step;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    context.scale(scale, scale);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    states.forEach((state, k) => {
      const [x, y] = corners[k], next = counts[Math.min(step + 1, days.length - 1)][k], n = counts[step][k] + (next - counts[step][k]) * part;
      context.font = "12px Liberation Sans, Arial, sans-serif";
      context.fillStyle = SOFT;
      titles[k].forEach((line, row) => context.fillText(line, x, y - 5 - LINE_HEIGHT * (titles[k].length - 1 - row)));
      context.strokeStyle = LINE;
      context.setLineDash(state === later ? [4, 3] : []);
      context.strokeRect(x, y, w, BOX);
      context.setLineDash([]);
      context.fillStyle = final[k] || state === later ? DONE : OPEN;
      const filled = Math.max(n > 0 ? 1 : 0, BOX * n / most);
      context.fillRect(x, y + BOX - filled, w, filled);
      context.font = "bold 13px Liberation Sans, Arial, sans-serif";
      context.fillStyle = INK;
      context.fillText(format(n), x + 5, y + 17);
    });
    if (part > 0 && !still.matches && step + 1 < days.length) dots(context, moves[step + 1], part, corners, w);
    date.textContent = `end of ${days[step]}`;
    slider.value = step;
    slider.setAttribute("aria-valuetext", date.textContent);
    canvas.setAttribute("aria-label", `Cases by state, ${date.textContent}: ${states.map((s, k) => `${s} ${format(counts[step][k])}`).join(", ")}.`);
  }

  /* Dots start one after the other within the step, on bent paths. */
  function dots(context, all, part, corners, w) {
    context.fillStyle = DOT;
    for (const [from, to, n] of all) {
      const many = Math.max(1, Math.round(n / perDot));
      const [x1, y1] = corners[from], [x2, y2] = corners[to];
      for (let k = 0; k < Math.min(many, MOST_DOTS); k++) {
        const gone = (part - .4 * k / many) / .6;
        if (gone <= 0 || gone >= 1) continue;
        const bend = Math.sin(Math.PI * gone) * (14 + 3 * (k % 5)) * (x2 < x1 ? 1 : -1);
        context.beginPath();
        context.arc(x1 + w / 2 + (x2 - x1) * gone, y1 + BOX / 2 + (y2 - y1) * gone + bend, 3, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  function tick(now) {
    if (!playing) return;
    const step = (now - clock) / PER_STEP;
    clock = now;
    at = Math.min(days.length - 1, at + Math.min(step, 1));
    draw();
    if (at >= days.length - 1) return stop();
    requestAnimationFrame(tick);
  }

  function stop() {
    playing = false;
    play.textContent = "Play";
    at = Math.floor(at);
    draw();
  }

  play.addEventListener("click", () => {
    if (playing) return stop();
    if (at >= days.length - 1) at = 0;
    playing = true;
    play.textContent = "Pause";
    clock = performance.now();
    requestAnimationFrame(tick);
  });
  slider.addEventListener("input", () => { at = Number(slider.value); draw(); });
  let resizing, drawnAt = element.clientWidth;
  new ResizeObserver(() => {  // also when a page that was not shown gets its width
    if (element.clientWidth === drawnAt) return;
    drawnAt = element.clientWidth;
    clearTimeout(resizing);
    resizing = setTimeout(draw, 150);
  }).observe(element);
  element.showCourt = title => { court = courts.indexOf(title); addUp(); draw(); };
  element.seek = step => { at = step; draw(); };
  element.hidden = false;
  addUp();
  stop();
}

for (const element of document.querySelectorAll(".animation")) animateFlow(element);
