// The view of the run under way: its state, figures, warnings and tables.

import { badge, copyText, find, formatClock, formatCount, formatMoment, formatMs, formatNumber, formatShare, make, saveText, show, write } from "./dom.js";
import { Table } from "./tables.js";

const STATES = { starting: "Starting", running: "Running", paused: "Paused", stopping: "Stopping", over: "Over" };
const EXITS = { 98: "It was worse than what it was compared with.", 99: "A threshold was not held.", 130: "" };
const ENDS = { complete: ["complete", "good"], interrupted: ["stopped early", "care"], failed: ["failed", "bad"] };

const ms = (key, title) => ({ key, title, number: true, format: formatMs });
const perSecond = (key, title) => ({ key, title, number: true, format: formatNumber });
const STATISTICS = [
  { key: "method", title: "Type" },
  { key: "name", title: "Name", head: true },
  { key: "requests", title: "# reqs", number: true, format: formatCount },
  { key: "failures", title: "# fails", number: true, fill: fillFailures },
  ms("avg_ms", "Avg"), ms("min_ms", "Min"), ms("max_ms", "Max"), ms("median_ms", "Median"),
  ms("p95_ms", "p95"), ms("p99_ms", "p99"),
  perSecond("requests_per_s", "req/s"), perSecond("failures_per_s", "failures/s"),
];
const FAILURES = [
  { key: "count", title: "# fails", number: true, format: formatCount },
  { key: "method", title: "Type" },
  { key: "name", title: "Name", head: true },
  { key: "text", title: "What happened" },
];
const TRIALS = [
  { key: "label", title: "Trial", head: true },
  { key: "algorithm", title: "Algorithm" },
  { key: "block", title: "Block", number: true, format: (block) => (Number.isFinite(block) ? String(block + 1) : "–") },
  { key: "verdict", title: "Verdict", fill: fillVerdict, value: (row) => (row.valid ? "valid" : "invalid") },
  ms("mean", "Mean"), ms("p50", "p50"), ms("p95", "p95"), ms("p99", "p99"),
  perSecond("requests_per_s", "req/s"),
  { key: "error_rate", title: "Errors", number: true, format: formatShare },
];

function fillFailures(cell, row) {
  const part = row.failures > 0 && row.requests > 0 ? ` (${formatShare(row.failures / row.requests)})` : "";
  write(cell, `${formatCount(row.failures)}${part}`);
  cell.classList.toggle("bad", row.failures > 0);
}

function fillVerdict(cell, row) {
  const problems = (row.problems ?? []).join("; ");
  cell.replaceChildren(row.valid ? badge("valid", "good") : badge("invalid", "bad"), problems === "" ? "" : ` ${problems}`);
}

/** A list of lines that grows at its end and is cut at its beginning; it follows the end while that is in sight. */
class Lines {
  constructor(id, part) {
    this.list = find(id);
    this.part = part ? find(part) : null;
    this.first = 0;
    this.count = 0;
  }

  update(lines, dropped) {
    if (this.part) show(this.part, lines.length > 0);
    if (dropped < this.first || dropped + lines.length < this.first + this.count) this.clear(dropped);
    const follows = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 8;
    while (this.first < dropped && this.count > 0) {
      this.list.firstChild.remove();
      this.first += 1;
      this.count -= 1;
    }
    if (this.count === 0) this.first = dropped;
    const added = lines.slice(this.count);
    if (added.length === 0) return;
    this.list.append(...added.map((text) => make("li", { text })));
    this.count += added.length;
    if (follows) this.list.scrollTop = this.list.scrollHeight;
  }

  clear(dropped = 0) {
    this.list.replaceChildren();
    this.first = dropped;
    this.count = 0;
  }
}

export class Watch {
  constructor(board, results) {
    this.board = board;
    this.results = results;
    const name = { key: "name", descending: false };
    this.statistics = new Table("statistics", {
      caption: "Requests by endpoint; times in ms", columns: STATISTICS, sort: name,
      keyOf: (row) => `${row.method} ${row.name}`, filter: "statistics-filter", empty: "No request has ended yet.",
    });
    this.failures = new Table("failures", {
      caption: "Failed requests by endpoint and reason", columns: FAILURES, sort: { key: "count", descending: true },
      keyOf: (row) => JSON.stringify([row.method, row.name, row.text]), empty: "No request has failed.",
    });
    this.trials = new Table("trials", {
      caption: "Trials that have ended; times in ms", columns: TRIALS, sort: { key: "", descending: false },
      keyOf: (row) => row.number, empty: "No trial has ended yet.",
    });
    this.warnings = new Lines("warnings", "warnings-part");
    this.slow = new Lines("slow", "slow-part");
    this.log = new Lines("log");
    this.id = null;
    find("copy-run").addEventListener("click", (event) => copyText(this.board.run?.command ?? "", event.target));
    find("save-statistics").addEventListener("click", () => this.saveStatistics());
    for (const link of document.querySelectorAll("#parts a")) link.addEventListener("click", (event) => leap(event, link));
  }

  draw() {
    const { board } = this;
    const { run } = board;
    show(find("nothing"), run === null);
    for (const part of document.querySelectorAll("#watch .run-part")) show(part, run !== null);
    this.drawState();
    if (run === null) return;
    if (this.id !== run.id) {
      this.id = run.id;
      for (const lines of [this.warnings, this.slow, this.log]) lines.clear();
    }
    this.drawFigures();
    this.drawProgress();
    if (this.counted !== board.counted) this.drawStatistics();
    if (board.trials.length !== this.trials.rows.length || board.trials.at(-1) !== this.trials.rows.at(-1)?.source) {
      this.trials.update(board.trials.map((trial, number) => ({ ...trial, number, source: trial })));
    }
    show(find("trials-part"), board.isExperiment);
    this.warnings.update(board.warnings, 0);
    this.slow.update(board.slow, board.dropped.slow);
    this.log.update(board.log, board.dropped.log);
  }

  drawStatistics() {
    const { rows, total, failures, statisticsOf, counted } = this.board;
    this.counted = counted;
    const { trial, phase, seconds } = statisticsOf ?? {};
    const of = [trial, phase, Number.isFinite(seconds) ? `${formatClock(seconds)} so far` : ""].filter(Boolean).join(", ");
    write(this.statistics.caption, `Requests by endpoint${of ? ` (${of})` : ""}; times in ms`);
    this.statistics.update([...rows.values()], total && { method: "", name: "Aggregated", ...total });
    this.failures.update(failures);
  }

  drawState() {
    const { run, progress } = this.board;
    const state = run === null ? "Nothing is running" : (STATES[run.state] ?? run.state);
    const [end, kind] = ENDS[run?.ended] ?? [null, ""];
    write(find("state"), end !== null && run.state === "over" ? `${state}: ${end}` : state);
    find("state").className = `badge state ${run?.state === "over" ? kind : run?.state === "running" ? "good" : run === null ? "" : "care"}`;
    const scenarios = run?.scenarios?.join(", ");
    const title = run === null ? "Watch" : (this.board.isExperiment && progress.trial) || scenarios || "The run";
    write(find("watch-title"), title.replace(/^trial /, "Trial "));
    if (run === null) return;
    const facts = [run.engine && `${run.engine} engine`, run.load_balancer, run.started_at && `begun ${formatMoment(run.started_at)}`];
    write(find("run-facts"), facts.filter(Boolean).join(" · "));
    write(find("run-command"), run.command ?? "");
    const exit = run.exit ? (EXITS[run.exit] ?? `The exit code is ${run.exit}.`) : "";
    const error = [run.error?.replace(/[^.!?]$/, "$&.").replace(/^./, (first) => first.toUpperCase()), exit].filter(Boolean).join(" ");
    write(find("run-error"), error);
    show(find("run-error"), error !== "");
    const over = run.state === "over";
    const report = over ? this.results.findReport(run.results) : null;
    for (const id of ["run-again", "run-results"]) show(find(id), over);
    if (over && ["pause", "stop"].includes(document.activeElement?.id)) find("watch-title").focus();
    for (const id of ["pause", "stop"]) show(find(id), !over);
    show(find("run-report"), report !== null);
    if (report !== null) find("run-report").href = report;
  }

  drawFigures() {
    const { run, series, progress, aim } = this.board;
    const last = series.last;
    write(find("figure-users"), formatCount(last?.users));
    write(find("figure-users-of"), last && run.state !== "over" && aim !== null && last.aim !== null && aim !== last.users ? `of ${formatCount(aim)}` : "");
    write(find("figure-rps"), formatNumber(last?.requests));
    write(find("figure-failures"), formatNumber(last?.failures));
    const part = last && last.requests > 0 && last.failures > 0 ? formatShare(last.failures / last.requests) : "";
    write(find("figure-failures-of"), part);
    find("figure-failures").classList.toggle("bad", (last?.failures ?? 0) > 0);
    write(find("figure-p95"), formatMs(last?.p95));
    write(find("figure-flight"), formatCount(last?.in_flight));
    write(find("figure-time"), formatClock(last?.t ?? progress.elapsed_s));
  }

  drawProgress() {
    const { progress, run } = this.board;
    const parts = [];
    if (progress.scenario) parts.push(progress.scenario);
    if (Number.isFinite(progress.trials_done) && this.board.isExperiment) {
      parts.push(Number.isFinite(progress.trials) ? `${progress.trials_done} of ${progress.trials} trials done` : `${progress.trials_done} trials done`);
    }
    if (Number.isFinite(progress.block) && this.board.isExperiment) parts.push(`block ${progress.block + 1}`);
    if (progress.phase && run.state !== "over") parts.push(`${progress.phase} ${formatClock(progress.elapsed_s)}${progress.trial_s > 0 ? ` of ${formatClock(progress.trial_s)}` : ""}`);
    write(find("progress-text"), parts.join(" · "));
    const bar = find("progress");
    const known = Number.isFinite(progress.trials) && progress.trials > 0;
    show(bar, known);
    if (!known) return;
    const within = progress.trial_s > 0 && run.state !== "over" ? Math.min(1, (progress.elapsed_s ?? 0) / progress.trial_s) : 0;
    bar.value = Math.min(1, ((progress.trials_done ?? 0) + within) / progress.trials);
  }

  saveStatistics() {
    const { rows, total, run } = this.board;
    // A cell that begins like a formula would be one in a spreadsheet.
    const cell = (value) => {
      const text = String(value ?? "");
      const harmless = typeof value === "number" || !/^[=+\-@\t\r]/.test(text) ? text : `'${text}`;
      return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
    };
    const lines = [...rows.values(), ...(total ? [{ method: "", name: "Aggregated", ...total }] : [])];
    const head = STATISTICS.map((column) => cell(column.title)).join(",");
    const text = [head, ...lines.map((row) => STATISTICS.map((column) => cell(row[column.key])).join(","))].join("\r\n");
    saveText(`statistics-${run?.id ?? "run"}.csv`, "text/csv", `${text}\r\n`);
  }
}

/** Goes to a part of the page, without a change of the address, which names the view. */
function leap(event, link) {
  event.preventDefault();
  const part = document.getElementById(link.dataset.part);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  part.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
  const heading = part.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
