// The charts of a run: what each of them draws from the board.

import { fillSelect, find, formatClock, formatCount, formatMs, formatNumber, formatShare, make, show, write } from "./dom.js";
import { Chart } from "./plot.js";

const COLOURS = 10;
const MARKS = {
  fault: "var(--c4)",
  mark: "var(--c0)",
  change: "var(--sub)",
  algorithm: "var(--c3)",
};
const MOST_MARKS = 60;
const rate = { format: formatNumber, unit: "/s", least: 5 };
const milliseconds = { format: formatMs, unit: " ms", least: 1 };
const count = { format: formatCount, unit: "", least: 4 };
const formatPercent = (value) => `${Math.round(value * 100)} %`;
const share = { format: formatShare, unit: "", most: 1, tick: formatPercent };

/** Returns the colour with a number; colours repeat. */
const colourOf = (number) => `var(--c${number % COLOURS})`;

/** Returns the middle of some numbers. */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Returns the name of the endpoint with the most requests. */
function findBusiest(endpoints) {
  const sum = (columns) => columns.values.requests.reduce((all, value) => all + (value ?? 0), 0);
  return [...endpoints].map(([name, columns]) => [name, sum(columns)]).reduce((best, other) => (other[1] > best[1] ? other : best))[0];
}

/** Lays the points of an endpoint, which has none in seconds without requests, on the times of the run. */
function fillSeconds(columns, { t, requests }) {
  const names = ["requests", "failures", "p50", "p95", "p99"];
  const filled = { t: columns ? t : [], ...Object.fromEntries(names.map((name) => [name, []])) };
  let next = 0;
  for (let at = 0; columns && at < t.length; at += 1) {
    let found = -1;
    for (; next < columns.length && columns.values.t[next] <= t[at]; next += 1) {
      if (columns.values.requests[next] !== null) found = next;
    }
    const silent = requests[at] === null ? null : 0;
    for (const name of names) filled[name].push(found >= 0 ? columns.values[name][found] : name.startsWith("p") ? null : silent);
  }
  return filled;
}

export class Charts {
  constructor(board, redraw) {
    this.board = board;
    this.zoom = null;
    const zoomed = (range) => {
      this.zoom = range;
      redraw();
    };
    this.requests = new Chart("chart-requests", "Requests and failures", zoomed);
    this.latency = new Chart("chart-latency", "Latency", zoomed);
    this.users = new Chart("chart-users", "Users and requests in flight", zoomed);
    this.backends = new Chart("chart-backends", "Shares of the backends", zoomed);
    this.endpoint = new Chart("chart-endpoint", "One endpoint", zoomed);
    find("endpoint").addEventListener("change", () => (this.picked = true));
    for (const id of ["chart-view", "chart-percentile", "chart-window", "endpoint"]) find(id).addEventListener("change", redraw);
    find("chart-view").addEventListener("change", () => (this.zoom = null));
    find("chart-window").addEventListener("change", () => (this.zoom = null));
    find("zoom-out").addEventListener("click", () => zoomed(null));
    this.redraw = redraw;
  }

  draw() {
    const { board } = this;
    const chosen = ["chart-view", "chart-percentile", "chart-window", "endpoint"].map((id) => find(id).value);
    const key = JSON.stringify([board.plotted, this.zoom, chosen]);
    if (key === this.drawn) return;
    this.drawn = key;
    const algorithms = [...new Set(board.trialsSeen.map((trial) => trial.algorithm ?? "load"))];
    const several = board.isExperiment && board.trialsSeen.length > 0;
    const laid = several && find("chart-view").value === "algorithms";
    show(find("chart-view-field"), several);
    show(find("chart-percentile-field"), laid);
    show(find("chart-window-field"), !laid);
    show(find("zoom-out"), this.zoom !== null);
    this.writeKey(several && !laid ? algorithms : []);
    this.empty = board.run?.engine === "sim" ? "This run is simulated: it has no figures over time." : "No figures yet.";
    this.bands = several ? this.makeBands(algorithms) : [];
    this.marks = board.marks.slice(-MOST_MARKS).map((mark) => ({ ...mark, colour: MARKS[mark.kind] ?? MARKS.change }));
    if (laid) this.drawByAlgorithm(algorithms);
    else this.drawByTime();
    this.drawBackends();
    this.drawEndpoint();
  }

  writeKey(algorithms) {
    const key = algorithms.join("\n");
    if (this.algorithmKey === key) return;
    this.algorithmKey = key;
    const items = algorithms.map((name, at) => {
      const swatch = make("span", { class: "swatch area" });
      swatch.style.color = colourOf(at);
      return make("li", {}, swatch, name);
    });
    find("algorithm-key").replaceChildren(...items);
    show(find("algorithm-key"), items.length > 0);
  }

  makeBands(algorithms) {
    return this.board.trialsSeen.map((trial, at) => ({
      from: trial.from_s,
      to: this.board.trialsSeen[at + 1]?.from_s ?? null,
      colour: colourOf(algorithms.indexOf(trial.algorithm ?? "load")),
    }));
  }

  /** Returns what all charts over the time of the run have in common. */
  overTime() {
    const range = (low, high) => {
      if (this.zoom) return this.zoom;
      const seconds = Number(find("chart-window").value);
      const end = Math.max(high ?? 0, (low ?? 0) + 10);
      return seconds > 0 ? [Math.max(0, end - seconds), end] : [Math.min(low ?? 0, end - 10), end];
    };
    return { clock: "Time", bands: this.bands, marks: this.marks, range, name: "run", empty: this.empty };
  }

  /** Returns the lines of percentiles. In a load without end they go on over seconds without requests. */
  percentiles() {
    const joined = !this.board.isExperiment;
    return [
      { label: "p50", colour: colourOf(5), joined },
      { label: "p95", colour: colourOf(0), width: 2, joined },
      { label: "p99", colour: colourOf(3), dash: "dotted", joined },
    ];
  }

  drawByTime() {
    const { values } = this.board.series;
    const common = this.overTime();
    this.requests.draw({
      ...common,
      caption: "Per second",
      data: [values.t, values.requests, values.failures],
      lines: [
        { label: "requests/s", colour: colourOf(2), width: 2 },
        { label: "failures/s", colour: colourOf(4) },
      ],
      y: rate,
    });
    this.latency.draw({
      ...common,
      caption: "Milliseconds, of the replies of each second",
      data: [values.t, values.p50, values.p95, values.p99],
      lines: this.percentiles(),
      y: milliseconds,
    });
    const lines = [
      { label: "users", colour: colourOf(0), width: 2 },
      { label: "in flight", colour: colourOf(1) },
    ];
    const data = [values.t, values.users, values.in_flight];
    if (this.board.series.last?.aim !== null) {
      lines.push({ label: "users aimed at", colour: "var(--sub)", dash: "dashed", width: 1.2 });
      data.push(values.aim);
    }
    this.users.draw({ ...common, caption: "At the end of each second", data, lines, y: count });
  }

  /** Lays the algorithms over each other: the median of their trials, for each second of a trial. */
  drawByAlgorithm(algorithms) {
    const percentile = find("chart-percentile").value;
    const trials = this.board.trialsSeen.length;
    const caption = (what) => `${what}: for each second of a trial, the median of the trials so far (${trials})`;
    const common = {
      clock: "Time in the trial", bands: [], marks: [], name: "trial", empty: this.empty,
      range: (low, high) => this.zoom ?? [0, Math.max(high ?? 0, 10)],
    };
    const lines = algorithms.map((label, at) => ({ label, colour: colourOf(at), joined: true, dash: at % 3 === 0 ? "solid" : at % 3 === 1 ? "dashed" : "dotted", width: 2 }));
    const content = (column, what, y) => ({ ...common, lines, y, caption: caption(what), data: this.fold(column, algorithms) });
    this.requests.draw(content("requests", "Requests per second", rate));
    this.latency.draw(content(percentile, `Milliseconds, ${percentile} of each second`, milliseconds));
    this.users.draw(content("in_flight", "Requests in flight", count));
  }

  /** Returns a column of the series by the second of the trial, with a column for each algorithm. */
  fold(column, algorithms) {
    const { values } = this.board.series;
    const seconds = new Map();
    for (const [at, value] of values[column].entries()) {
      const trial = this.board.trialsSeen[values.trial[at]];
      if (value === null || trial === undefined) continue;
      const second = Math.round(values.t[at] - trial.from_s);
      if (!seconds.has(second)) seconds.set(second, algorithms.map(() => []));
      seconds.get(second)[algorithms.indexOf(trial.algorithm ?? "load")]?.push(value);
    }
    const order = [...seconds.keys()].sort((a, b) => a - b);
    const columns = algorithms.map((_, at) => order.map((second) => {
      const found = seconds.get(second)[at];
      return found.length > 0 ? median(found) : null;
    }));
    return [order, ...columns];
  }

  drawBackends() {
    const { t, counts } = this.board.backends;
    const names = [...counts.keys()];
    const shares = names.map(() => []);
    const tops = names.map(() => []);
    for (let at = 0; at < t.length; at += 1) {
      const replies = names.map((id) => counts.get(id)[at]);
      const sum = replies.reduce((all, value) => all + (value ?? 0), 0);
      let top = 0;
      // From the last to the first: the first lies on top, is drawn first, and the others cover what is not its own.
      for (let number = names.length - 1; number >= 0; number -= 1) {
        top += sum > 0 ? (replies[number] ?? 0) / sum : 0;
        shares[number].push(sum > 0 && replies[number] !== null ? replies[number] / sum : null);
        tops[number].push(sum > 0 ? Math.min(1, top) : null);
      }
    }
    this.backends.draw({
      ...this.overTime(),
      caption: "Parts of the replies of each second that named their backend",
      empty: this.board.series.length > 0 ? "No reply has named its backend." : this.empty,
      data: [t, ...tops],
      shown: shares,
      lines: names.map((label, at) => ({ label, colour: `var(--a${at % COLOURS})`, fill: true })),
      y: share,
    });
  }

  drawEndpoint() {
    const { endpoints, series } = this.board;
    const list = find("endpoint");
    const isNew = list.value === "";
    fillSelect(list, [...endpoints.keys()].map((name) => [name, name]));
    show(find("endpoint-field"), endpoints.size > 0);
    // The busiest one comes first, until somebody picks one.
    if (endpoints.size > 0 && !this.picked && (isNew || series.length <= 10)) list.value = findBusiest(endpoints);
    const values = fillSeconds(endpoints.get(list.value), series.values);
    this.endpoint.draw({
      ...this.overTime(),
      caption: "Milliseconds on the left, requests and failures per second on the right",
      data: [values.t, values.p50, values.p95, values.p99, values.requests, values.failures],
      lines: [
        ...this.percentiles(),
        { label: "requests/s", colour: colourOf(2), dash: "dashed", scale: "y2" },
        { label: "failures/s", colour: colourOf(4), dash: "dashed", scale: "y2" },
      ],
      y: milliseconds,
      y2: rate,
    });
  }

  /** Writes the marks as a list, which says what the charts have no room for. */
  writeMarks() {
    const { marks } = this.board;
    show(find("marks-part"), marks.length > 0);
    if (this.marksWritten === marks.length && this.marksOf === this.board.run?.id) return;
    this.marksWritten = marks.length;
    this.marksOf = this.board.run?.id;
    const items = marks.slice(-200).reverse().map((mark) => {
      const swatch = make("span", { class: "swatch area" });
      swatch.style.color = MARKS[mark.kind] ?? MARKS.change;
      return make("li", {}, swatch, make("span", { class: "number", text: formatClock(mark.t) }), ` ${mark.kind}: ${mark.text}`);
    });
    find("marks").replaceChildren(...items);
    write(find("marks-count"), String(marks.length));
  }
}
