// One chart: uPlot with a legend that shows values, marks, a text alternative and a table. What it shows is a
// `content`: { caption, data, shown, lines, y, y2, clock, bands, marks, range,
// name, empty }. `lines` describe the columns of
// `data` after the first: { label, colour, dash, width, fill, scale, joined }. `shown`, if given, has the columns whose
// values the legend and the table show, where these differ from what is drawn.

import { find, formatClock, make, show, write } from "./dom.js";
import { colour, onTheme } from "./theme.js";

const DASHES = { solid: undefined, dashed: [7, 4], dotted: [2, 3] };
const TABLE_ROWS = 120;
const SPEAK_EVERY = 5000;
const FONT = "11px system-ui, -apple-system, sans-serif";

export class Chart {
  /** `id` names a `figure` of the page, `title` is its heading, `zoomed` is told a range that was drawn over. */
  constructor(id, title, zoomed) {
    this.id = id;
    this.title = title;
    this.zoomed = zoomed;
    this.plot = null;
    this.key = "";
    this.hidden = new Set();
    this.spokenAt = 0;
    this.tableAt = 0;
    this.caption = make("p", { class: "sub" });
    this.legend = make("ul", { class: "legend" });
    this.canvas = make("div", { class: "canvas", role: "img", "aria-label": `${title}: no figures yet` });
    this.empty = make("p", { class: "empty", text: "No figures yet." });
    this.table = make("div", { class: "scroll", id: `${id}-table`, tabindex: "0", role: "region", hidden: true });
    this.table.setAttribute("aria-label", `${title}, as a table`);
    this.button = make("button", { type: "button", class: "quiet", text: "Show as table" });
    this.button.setAttribute("aria-expanded", "false");
    this.button.setAttribute("aria-controls", `${id}-table`);
    this.button.setAttribute("aria-label", `Show as table: ${title}`);
    this.button.addEventListener("click", () => this.toggleTable());
    const head = make("div", { class: "chart-head" }, make("h3", { text: title }), this.button);
    this.figure = find(id);
    this.figure.prepend(head, this.caption);
    this.figure.append(this.legend, this.canvas, this.empty, this.table);
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    onTheme(() => {
      this.key = "";
      if (this.content) this.draw(this.content);
    });
  }

  draw(content) {
    this.content = content;
    write(this.caption, content.caption ?? "");
    const filled = content.data[0].length > 0;
    show(this.empty, !filled);
    show(this.canvas, filled);
    show(this.legend, filled);
    show(this.button, filled);
    write(this.empty, content.empty ?? "No figures yet.");
    if (!filled) {
      this.table.hidden = true;
      this.discard();
      return;
    }
    const key = JSON.stringify([content.lines, content.y2 ?? null, content.name]);
    if (key !== this.key || this.plot === null) this.build(key);
    else this.plot.setData(content.data);
    this.writeLegend();
    this.speak();
    if (!this.table.hidden && performance.now() - this.tableAt > 2000) this.writeTable();
  }

  discard() {
    this.plot?.destroy();
    this.plot = null;
    this.key = "";
  }

  build(key) {
    this.discard();
    this.key = key;
    const { lines, y2, name } = this.content;
    this.legend.replaceChildren(...lines.map((line, at) => this.makeKey(line, at)));
    const axis = { stroke: colour("var(--sub)"), font: FONT, ticks: { show: false }, grid: { stroke: colour("var(--grid)"), width: 1 } };
    const size = (_, values) => 14 + 7 * Math.max(3, ...(values ?? []).map((value) => String(value).length));
    const axes = [
      { ...axis, size: 26, space: 70, values: (_, values) => values.map(formatClock), incrs: CLOCK_STEPS },
      { ...axis, size, space: 34, values: (_, values) => values.map(formatTick(this.content.y)) },
    ];
    const scales = { x: { time: false, range: (_, low, high) => this.content.range(low, high) }, y: { range: (_, low, high) => this.limit("y", high) } };
    if (y2) {
      axes.push({ ...axis, size, side: 1, scale: "y2", grid: { show: false }, space: 34, values: (_, values) => values.map(formatTick(this.content.y2)) });
      scales.y2 = { range: (_, low, high) => this.limit("y2", high) };
    }
    const series = lines.map((line, at) => ({
      label: line.label,
      scale: line.scale ?? "y",
      stroke: colour(line.fill ? "var(--page)" : line.colour),
      width: line.fill ? 1 : (line.width ?? 1.8),
      dash: DASHES[line.dash ?? "solid"],
      fill: line.fill ? colour(line.colour) : undefined,
      show: !this.hidden.has(line.label),
      spanGaps: line.joined === true,
      points: line.fill || line.dash === "dashed" ? { show: false } : { size: 4, fill: colour(line.colour), stroke: colour(line.colour) },
      at,
    }));
    const options = {
      ...this.measure(),
      padding: [() => (this.content.marks.length > 0 ? LABELS : 10), y2 ? 0 : 12, 0, 0],
      legend: { show: false },
      scales,
      axes,
      series: [{}, ...series],
      cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: name, scales: ["x", null] }, points: { size: 7 }, y: false },
      hooks: {
        drawClear: [(plot) => this.drawBands(plot)],
        draw: [(plot) => this.drawMarks(plot)],
        setCursor: [() => this.writeLegend()],
        setSelect: [(plot) => this.select(plot)],
      },
    };
    this.plot = new globalThis.uPlot(options, this.content.data, this.canvas);
    const mouse = this.plot.root.querySelector(".u-over");
    mouse.addEventListener("dblclick", () => this.zoomed(null));
  }

  limit(scale, high) {
    const { most, least } = this.content[scale];
    return [0, most ?? Math.max((high ?? 0) * 1.1, least ?? 1)];
  }

  select(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    const range = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (range[1] - range[0] >= 2) this.zoomed(range);
  }

  measure() {
    const width = Math.max(200, this.canvas.clientWidth || this.figure.clientWidth - 26);
    return { width, height: width < 420 ? 200 : 230 };
  }

  fit() {
    if (this.plot === null || this.canvas.clientWidth === 0) return;
    const size = this.measure();
    if (size.width !== this.plot.width || size.height !== this.plot.height) this.plot.setSize(size);
  }

  makeKey(line, at) {
    const swatch = make("span", { class: `swatch ${line.fill ? "area" : (line.dash ?? "solid")}` });
    swatch.style.color = line.colour;
    const value = make("span", { class: "value" });
    // A part of a stack cannot be hidden, because the one behind it would be taken for it.
    if (line.fill) return make("li", { class: "key" }, swatch, line.label, " ", value);
    const key = make("button", { type: "button", class: "key", title: "Show or hide" }, swatch, line.label, " ", value);
    key.setAttribute("aria-pressed", String(!this.hidden.has(line.label)));
    key.addEventListener("click", () => {
      if (!this.hidden.delete(line.label)) this.hidden.add(line.label);
      key.setAttribute("aria-pressed", String(!this.hidden.has(line.label)));
      this.plot?.setSeries(at + 1, { show: !this.hidden.has(line.label) });
    });
    return make("li", {}, key);
  }

  /** Returns the value of a line at a place, or its last value. */
  valueAt(at, place) {
    const { data, lines } = this.content;
    const values = this.content.shown?.[at] ?? data[at + 1];
    if (place !== null && place !== undefined) return values[place];
    for (let back = values.length - 1; back >= 0 && back > values.length - 4; back -= 1) {
      if (values[back] !== null && values[back] !== undefined) return values[back];
    }
    return null;
  }

  formatAt(at, value) {
    const { lines, y, y2 } = this.content;
    const axis = lines[at].scale === "y2" ? y2 : y;
    return value === null || value === undefined ? "–" : `${axis.format(value)}${axis.unit}`;
  }

  writeLegend() {
    const place = this.plot?.cursor.left >= 0 ? this.plot.cursor.idx : null;
    const values = this.legend.querySelectorAll(".value");
    for (const [at, element] of values.entries()) write(element, this.formatAt(at, this.valueAt(at, place)));
  }

  speak() {
    const now = performance.now();
    if (this.spokenAt !== 0 && now - this.spokenAt < SPEAK_EVERY) return;
    this.spokenAt = now;
    const { data, lines } = this.content;
    const last = lines.map((line, at) => `${line.label} ${this.formatAt(at, this.valueAt(at, null))}`);
    const marks = this.content.marks.length > 0 ? ` Marks: ${this.content.marks.length}.` : "";
    const text = `${this.title}, up to ${formatClock(data[0].at(-1))}. Last values: ${last.join(", ")}.${marks}`;
    this.canvas.setAttribute("aria-label", text);
  }

  toggleTable() {
    this.table.hidden = !this.table.hidden;
    this.button.setAttribute("aria-expanded", String(!this.table.hidden));
    write(this.button, this.table.hidden ? "Show as table" : "Hide the table");
    this.button.setAttribute("aria-label", `${this.button.textContent}: ${this.title}`);
    if (!this.table.hidden) this.writeTable();
  }

  writeTable() {
    this.tableAt = performance.now();
    const { data, lines, clock } = this.content;
    const heads = [clock, ...lines.map((line) => line.label)].map((text, at) => make("th", { scope: "col", class: at ? "number" : "", text }));
    const rows = [];
    for (let place = data[0].length - 1; place >= 0 && rows.length < TABLE_ROWS; place -= 1) {
      const values = lines.map((line, at) => this.valueAt(at, place));
      if (values.every((value) => value === null || value === undefined)) continue;
      const cells = values.map((value, at) => make("td", { class: "number", text: this.formatAt(at, value) }));
      rows.push(make("tr", {}, make("th", { scope: "row", text: formatClock(data[0][place]) }), ...cells));
    }
    const caption = make("caption", { text: `${this.title}, the latest first; at most ${TABLE_ROWS} rows` });
    this.table.replaceChildren(make("table", {}, caption, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
  }

  /** Shows behind the lines which trial was under way: a strip in the colour of its algorithm, every other one shaded. */
  drawBands(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const [at, band] of this.content.bands.entries()) {
      const from = Math.max(bbox.left, plot.valToPos(band.from, "x", true));
      const to = Math.min(bbox.left + bbox.width, band.to === null ? Infinity : plot.valToPos(band.to, "x", true));
      if (to <= from) continue;
      if (at % 2 === 1) {
        ctx.fillStyle = colour("var(--shade)");
        ctx.fillRect(from, bbox.top, to - from, bbox.height);
      }
      ctx.fillStyle = colour(band.colour);
      ctx.fillRect(from, bbox.top - 5 * devicePixelRatio, Math.max(1, to - from - 1), 3 * devicePixelRatio);
    }
    ctx.restore();
  }

  /** Draws marks as upright lines with their text above them, which is left out where there is no room for it. */
  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const unit = devicePixelRatio;
    const ends = [0, 0];
    const right = plot.width * unit;
    ctx.save();
    ctx.font = `${11 * unit}px system-ui, -apple-system, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.lineWidth = 1.25 * unit;
    for (const mark of this.content.marks) {
      const x = plot.valToPos(mark.t, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = colour(mark.colour);
      ctx.setLineDash([4 * unit, 3 * unit]);
      ctx.beginPath();
      const text = mark.text.length > 30 ? `${mark.text.slice(0, 29)}…` : mark.text;
      const width = ctx.measureText(text).width + 8 * unit;
      const wanted = Math.max(0, Math.min(x - 4 * unit, right - width));
      // A label gives way to the one before it, as long as it stays at its line.
      const row = ends.findIndex((end) => end <= wanted + 12 * unit && end + width <= right);
      const left = Math.max(wanted, ends[row]);
      const top = (row < 0 ? LABELS - 4 : 15 + row * 15) * unit;
      ctx.moveTo(x, top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      if (row < 0) continue;
      ends[row] = left + width;
      ctx.fillStyle = colour(mark.colour);
      ctx.fillText(text, left + 4 * unit, top - 7 * unit);
    }
    ctx.restore();
  }
}

// The room above a chart for the texts of marks, in two rows.
const LABELS = 38;
const formatTick = ({ tick }) => tick ?? ((value) => String(Number(value.toPrecision(4)).toLocaleString("en")));
const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
