// Draws the curves of a training from the rows that the page is sent (RunPages/TrainingChart.razor).
const STEP = 0, SECONDS = 1, LOSS = 2, EVAL = 3, RATE = 4, NORM = 5, SPEED = 6, GPUS = 7;
const INDEX = 0, MEMORY = 1, BUSY = 2, POWER = 3, HEAT = 4;
const MOST_DRAWN = 1500;

const panels = [
  { title: "loss", height: 300, format: ".4f", curves: [["training", row => row[LOSS]], ["validation", row => row[EVAL]]] },
  { title: "rate", format: ".2e", curves: [["rate", row => row[RATE]]] },
  { title: "norm", format: ".3f", curves: [["norm", row => row[NORM]]] },
  { title: "speed", format: ",.0f", curves: [["speed", row => row[SPEED]]] },
  { title: "memory", column: "memory in GiB", format: ".1f", gpu: MEMORY },
  { title: "use", column: "use in %", format: ".0f", gpu: BUSY },
  { title: "power", column: "power in W", format: ".0f", gpu: POWER },
  { title: "heat", column: "temperature in °C", format: ".0f", gpu: HEAT },
];

/** The same weight as TensorBoard's slider: a mean that forgets, without the pull of its start. */
export function smooth(values, weight) {
  let mean = 0, count = 0;
  return values.map(value => {
    if (value == null) return null;
    mean = mean * weight + value * (1 - weight);
    return mean / (1 - weight ** ++count);
  });
}

/**
 * At most so many places that stand for all of a curve between two x: of each stretch the lowest and the highest, and both ends. Each curve
 * has places of its own: where one has its peak, another has none.
 */
export function thin(x, values, low, high, most) {
  const there = [];
  for (let at = 0; at < x.length; at++) if (values[at] != null) there.push(at);
  // One beyond each end, so that lines go on to the edge.
  const seen = there.filter((at, index) => x[there[index + 1] ?? at] >= low && x[there[index - 1] ?? at] <= high);
  const size = Math.ceil(seen.length / (most / 2 - 1));
  if (size <= 2) return seen;
  const taken = new Set([seen[0], seen[seen.length - 1]]);
  for (let begin = 0; begin < seen.length; begin += size) {
    let least = seen[begin], greatest = seen[begin];
    for (const at of seen.slice(begin, begin + size)) {
      if (values[at] < values[least]) least = at;
      if (values[at] > values[greatest]) greatest = at;
    }
    taken.add(least).add(greatest);
  }
  return [...taken].sort((one, other) => one - other);
}

/** @param words what is written on it, in the reader's language, by its name here: of panels, curves and axes */
export function draw(root, library, name, words) {
  const part = what => root.querySelector(`[data-chart=${what}]`);
  const plot = part("plot");
  const rows = [];
  let failed = "", timer = null, rested = 0, zoom = null, colours = "", width = root.offsetWidth, stopped = false;

  const timed = () => part("over").value === "time";
  const shown = panel => panel.gpu === undefined ? panel.curves
    : [...new Set(rows.flatMap(row => row[GPUS].map(gpu => gpu[INDEX])))].sort((one, other) => one - other)
      .map(index => [`GPU ${index}`, row => row[GPUS].find(gpu => gpu[INDEX] === index)?.[panel.gpu]]);

  function theme() {
    const style = getComputedStyle(root), colour = what => style.getPropertyValue(`--mud-palette-${what}`).trim();
    return { lines: [colour("primary"), colour("secondary"), colour("warning"), colour("info")], surface: colour("surface"),
      text: colour("text-primary"), faint: colour("text-secondary"), rule: colour("lines-default") };
  }

  function figure() {
    const look = theme(), weight = Number(part("smoothing").value);
    const x = rows.map(row => timed() ? row[SECONDS] / 60 : row[STEP]);
    const there = panels.map(panel => ({ ...panel, curves: shown(panel) }))
      .filter(panel => panel.curves.some(([, value]) => rows.some(row => value(row) != null)));
    const heights = there.map(panel => panel.height ?? 96), gap = 40;
    const total = heights.reduce((sum, height) => sum + height + gap, 0);
    const [low, high] = zoom ?? [-Infinity, Infinity];
    const traces = [], layout = {
      // Left to itself the kit keeps the width that it began with.
      width: plot.clientWidth, height: total + 34, margin: { l: 64, r: 16, t: 8, b: 34 }, paper_bgcolor: look.surface, plot_bgcolor: look.surface,
      font: { family: getComputedStyle(root).fontFamily, size: 12, color: look.faint }, showlegend: false, annotations: [],
      hovermode: "x unified", hoversubplots: "axis", hoverlabel: { bgcolor: look.surface, bordercolor: look.rule, font: { color: look.text } },
      dragmode: "zoom", uirevision: part("over").value + part("log").checked,
      xaxis: { title: { text: words[timed() ? "minutes" : "step"], standoff: 6 }, gridcolor: look.rule, zeroline: false, linecolor: look.rule,
        anchor: there.length > 1 ? `y${there.length}` : "y", unifiedhovertitle: { text: timed() ? `%{x:.2f} ${words.minutes}` : `${words.step} %{x:,}` },
        ...(zoom ? { range: zoom } : { autorange: true }) },
    };
    let top = total;
    there.forEach((panel, at) => {
      const axis = at ? `y${at + 1}` : "y";
      const domain = [(top - gap - heights[at]) / total, (top - gap) / total];
      layout[at ? `yaxis${at + 1}` : "yaxis"] = { domain, gridcolor: look.rule, zeroline: false, nticks: panel.height ? 8 : 4,
        fixedrange: true, exponentformat: "e", type: panel.height && part("log").checked ? "log" : "linear" };
      layout.annotations.push({ text: words[panel.title], xref: "paper", yref: "paper", x: 0, y: domain[1] + 6 / total, xanchor: "left",
        yanchor: "bottom", showarrow: false, font: { size: 12, color: look.text } });
      panel.curves.forEach(([called, value], which) => {
        const raw = rows.map(row => value(row) ?? null), colour = look.lines[which % look.lines.length];
        const curve = (label, values, more) => {
          const held = thin(x, values, low, high, MOST_DRAWN);
          if (held.length) traces.push({ type: "scatter", mode: held.length < 2 || called === "validation" ? "lines+markers" : "lines",
            name: panel.gpu === undefined ? words[label] : `${label} ${words[panel.title].replace("GPU ", "")}`, x: held.map(place => x[place]), y: held.map(place => values[place]), yaxis: axis, connectgaps: true,
            line: { color: colour, width: panel.height ? 2 : 1.5 }, marker: { size: 6 }, hovertemplate: `%{y:${panel.format}}`, ...more });
        };
        if (called === "training" && weight > 0) {
          curve("smoothed", smooth(raw, weight), {});
          curve(called, raw, { opacity: .35, line: { color: colour, width: 1 } });
        } else {
          curve(called, raw, {});
        }
      });
      top -= heights[at] + gap;
    });
    colours = JSON.stringify(look);
    return [traces, layout];
  }

  /** At most once a second, and never more than a tenth of the time. */
  function soon() {
    if (timer !== null || stopped) return;
    timer = setTimeout(now, Math.max(0, rested - performance.now()));
  }

  async function now() {
    timer = null;
    if (stopped || document.hidden || !plot.offsetWidth) return;
    let begun;
    try {
      await import(new URL(library, document.baseURI));
      if (stopped) return;
      begun = performance.now();
      const first = !plot.classList.contains("js-plotly-plot");
      part("over").disabled = rows.every(row => row[SECONDS] === null);
      await window.Plotly.react(plot, ...figure(), { displayModeBar: false });
      part("trouble").textContent = failed;
      if (first) {
        begun = performance.now(); // the first one pays for much that the others don't
        plot.on("plotly_relayout", change => {
          if (change["xaxis.range[0]"] !== undefined) zoom = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
          else if (change["xaxis.autorange"]) zoom = null;
          else return;
          soon();
        });
      }
    } catch (error) {
      part("trouble").textContent = words.trouble.replace("{0}", `${error.message}.`);
      return;
    }
    const took = performance.now() - begun;
    rested = performance.now() + Math.max(1000, 9 * took);
  }

  function save(blob, ending) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  /** By way of an SVG as data: the page may load no blob. */
  async function picture() {
    if (!window.Plotly) return;
    try {
      save(await drawn(), "png");
      failed = "";
    } catch (error) {
      failed = words.picture.replace("{0}", `${error.message || error}.`);
    }
    part("trouble").textContent = failed;
  }

  async function drawn() {
    const [width, height, scale] = [plot.offsetWidth, plot.offsetHeight, 2];
    const image = new Image(width * scale, height * scale);
    image.src = await window.Plotly.toImage(plot, { format: "svg", width, height });
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise(take => canvas.toBlob(take));
    if (!blob) throw new Error(`${canvas.width} × ${canvas.height}`);
    return blob;
  }

  function csv() {
    const gpus = panels.filter(panel => panel.gpu !== undefined)
      .flatMap(panel => shown(panel).map(([called, value]) => [`${called} ${panel.column}`, value]));
    const columns = [["step", row => row[STEP]], ["seconds", row => row[SECONDS]], ["loss", row => row[LOSS]], ["eval_loss", row => row[EVAL]],
      ["learning_rate", row => row[RATE]], ["grad_norm", row => row[NORM]], ["tokens_per_second", row => row[SPEED]], ...gpus];
    return [columns.map(([called]) => called), ...rows.map(row => columns.map(([, value]) => value(row) ?? ""))]
      .map(line => line.join(",")).join("\n") + "\n";
  }

  const handlers = {
    input: event => {
      part("smoothed").textContent = Number(part("smoothing").value).toFixed(2);
      if (event.target.matches("input, select")) { rested = 0; soon(); }
    },
    change: event => {
      if (event.target === part("over")) zoom = null;
    },
    click: event => {
      const what = event.target.closest("[data-chart]")?.dataset.chart;
      if (what === "whole") { zoom = null; rested = 0; soon(); }
      if (what === "png") picture();
      if (what === "csv") save(new Blob([csv()], { type: "text/csv" }), "csv");
    },
  };
  for (const [type, handle] of Object.entries(handlers)) root.addEventListener(type, handle);
  document.addEventListener("visibilitychange", soon);
  // The theme's variables come a moment after its name.
  const watch = new MutationObserver(() => setTimeout(() => { if (colours !== JSON.stringify(theme())) { rested = 0; soon(); } }, 400));
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  setTimeout(() => { if (colours && colours !== JSON.stringify(theme())) { rested = 0; soon(); } }, 1500);
  // Of its height the chart itself decides.
  const size = new ResizeObserver(() => { if (width !== root.offsetWidth) { width = root.offsetWidth; soon(); } });
  size.observe(root);

  return {
    add(from, fresh) {
      rows.length = from;
      for (const row of fresh) rows.push(row);
      soon();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      for (const [type, handle] of Object.entries(handlers)) root.removeEventListener(type, handle);
      document.removeEventListener("visibilitychange", soon);
      watch.disconnect();
      size.disconnect();
      if (plot.classList.contains("js-plotly-plot")) window.Plotly.purge(plot);
    },
  };
}
