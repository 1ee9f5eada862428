// The board: all that is known of the run, as the server tells it. A `board` message replaces everything, a `change`
// brings only what is new. Series are kept by column, because that is what charts draw; a row without values lies
// between two trials, so that no line joins them.

const SERIES = ["t", "users", "aim", "in_flight", "requests", "failures", "p50", "p95", "p99", "trial"];
const ENDPOINT = ["t", "requests", "failures", "p50", "p95", "p99"];
const PLOTTED = ["run", "trials_seen", "series", "backends", "endpoint_series", "marks"];
const KEPT = { slow: 200, log: 500, answers: 20 };

/** Columns of numbers over time, and the last complete row. */
class Columns {
  constructor(names) {
    this.names = names;
    this.values = Object.fromEntries(names.map((name) => [name, []]));
    this.last = null;
    this.step = 1;
  }

  get length() {
    return this.values[this.names[0]].length;
  }

  push(row) {
    for (const [at, name] of this.names.entries()) this.values[name].push(row[at] ?? null);
    this.last = Object.fromEntries(this.names.map((name, at) => [name, row[at] ?? null]));
  }

  /** Interrupts all lines before the moment `t`. */
  breakBefore(t) {
    const before = this.last.t;
    for (const name of this.names) this.values[name].push(name === "t" ? (before + t) / 2 : null);
  }
}

export class Board {
  constructor() {
    this.clear();
  }

  clear() {
    this.run = null;
    this.steerable = null;
    this.progress = {};
    this.series = new Columns(SERIES);
    this.trialsSeen = [];
    this.backends = { ids: [], t: [], counts: new Map(), last: null };
    this.endpoints = new Map();
    this.rows = new Map();
    this.total = null;
    this.failures = [];
    this.statisticsOf = null;
    // How often the statistics, and what charts show, have changed: what did not change is not drawn again.
    this.counted = (this.counted ?? 0) + 1;
    this.plotted = (this.plotted ?? 0) + 1;
    for (const name of ["trials", "marks", "warnings", "slow", "log", "answers"]) this[name] = [];
    /** The number of users that this page believes is aimed at; null before the first figures. */
    this.aim = null;
    /** How many lines of the log, and of slow requests, were dropped from the front. */
    this.dropped = { slow: 0, log: 0, answers: 0 };
  }

  load(board) {
    this.clear();
    this.apply(board);
  }

  apply(change) {
    if (change.run !== undefined && this.run && change.run?.id !== this.run.id) this.clear();
    if (change.run !== undefined) this.run = change.run;
    if (change.steerable !== undefined) {
      this.steerable = change.steerable;
      if (this.aim === null) this.aim = change.steerable?.users ?? null;
    }
    if (change.progress !== undefined) this.progress = change.progress ?? {};
    if (PLOTTED.some((name) => change[name] !== undefined)) this.plotted += 1;
    if (change.trials_seen) this.trialsSeen.push(...change.trials_seen);
    if (change.series) this.addPoints(change.series);
    if (change.backends) this.addBackends(change.backends);
    for (const [name, points] of Object.entries(change.endpoint_series ?? {})) this.addEndpoint(name, points);
    if (change.statistics) this.addStatistics(change.statistics);
    for (const name of ["trials", "marks", "warnings", "slow", "log", "answers"]) this.addLines(name, change[name] ?? []);
  }

  addPoints(series) {
    const order = series.columns ? SERIES.map((name) => series.columns.indexOf(name)) : null;
    for (const point of series.points ?? []) {
      const row = order ? order.map((at) => (at < 0 ? null : point[at])) : point;
      const last = this.series.last;
      if (last && row[0] <= last.t) continue;
      if (last && row[9] !== last.trial) this.series.breakBefore(row[0]);
      const aim = row[2];
      if (aim !== null && aim !== undefined && aim !== last?.aim) this.aim = aim;
      this.series.push(row);
    }
  }

  addBackends({ ids, points }) {
    const kept = this.backends;
    if (ids) {
      kept.ids = ids;
      for (const id of ids) if (!kept.counts.has(id)) kept.counts.set(id, kept.t.map(() => null));
    }
    for (const [t, ...replies] of points ?? []) {
      if (kept.last !== null && t <= kept.last) continue;
      if (kept.last !== null && this.isBetweenTrials(kept.last, t)) {
        kept.t.push((kept.last + t) / 2);
        for (const counts of kept.counts.values()) counts.push(null);
      }
      kept.t.push(t);
      for (const [id, counts] of kept.counts) counts.push(replies[kept.ids.indexOf(id)] ?? null);
      kept.last = t;
    }
  }

  addEndpoint(name, points) {
    if (!this.endpoints.has(name)) this.endpoints.set(name, new Columns(ENDPOINT));
    const columns = this.endpoints.get(name);
    for (const point of points) {
      if (columns.last && point[0] <= columns.last.t) continue;
      if (columns.last && this.isBetweenTrials(columns.last.t, point[0])) columns.breakBefore(point[0]);
      columns.push(point);
    }
  }

  isBetweenTrials(before, after) {
    for (let at = this.trialsSeen.length - 1; at >= 0; at -= 1) {
      const { from_s: from } = this.trialsSeen[at];
      if (from <= before) return false;
      if (from <= after) return true;
    }
    return false;
  }

  addStatistics({ reset, rows, total, failures, of }) {
    if (reset) {
      this.rows.clear();
      this.total = null;
      this.failures = [];
    }
    for (const row of rows ?? []) this.rows.set(`${row.method} ${row.name}`, row);
    this.counted += 1;
    if (of) this.statisticsOf = of;
    if (total !== undefined) this.total = total;
    if (failures !== undefined) this.failures = failures ?? [];
  }

  addLines(name, lines) {
    const kept = this[name];
    for (const line of lines) kept.push(line);
    const most = KEPT[name];
    if (most && kept.length > most) {
      this.dropped[name] += kept.length - most;
      kept.splice(0, kept.length - most);
    }
  }

  /** Says whether a run is under way, from its start until it is over. */
  get isBusy() {
    return this.run !== null && this.run.state !== "over";
  }

  /** Says whether algorithms are compared in trials, rather than load sent without end. */
  get isExperiment() {
    return Boolean(this.run?.mode) && this.run.mode !== "continuous";
  }
}
