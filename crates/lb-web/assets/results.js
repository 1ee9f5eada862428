// The list of results: reports, files, and the comparison of two runs.

import { badge, call, find, formatBytes, formatMoment, make, show, write } from "./dom.js";

const ENDS = { complete: ["complete", "good"], interrupted: ["stopped early", "care"], failed: ["failed", "bad"], running: ["not finished", "care"] };
const KINDS = { experiment: "experiment", load: "load without end", suite: "suite" };
const SHOWN = 50;

export class Results {
  constructor() {
    this.runs = [];
    this.limit = SHOWN;
    this.chosen = { before: null, after: null };
    find("results-filter").addEventListener("input", () => {
      this.limit = SHOWN;
      this.draw();
    });
    find("more-results").addEventListener("click", () => {
      this.limit += SHOWN;
      this.draw();
    });
    find("refresh-results").addEventListener("click", () => this.refresh());
    find("compare").addEventListener("click", () => this.compare());
    this.considerCompare();
  }

  async refresh() {
    try {
      const { runs } = await call("results");
      const is = JSON.stringify(runs);
      const was = JSON.stringify(this.runs);
      this.runs = runs ?? [];
      write(find("results-error"), "");
      show(find("results-error"), false);
      if (is === was && this.read) return;
      this.read = true;
    } catch (error) {
      write(find("results-error"), error.message);
      show(find("results-error"), true);
    }
    this.draw();
  }

  /** Returns the address of the first report of a result, or null if there is none. */
  findReport(id) {
    const run = this.runs.find((other) => other.id === id);
    return run?.reports?.length > 0 ? addressOf(run, "reports", run.reports[0]) : null;
  }

  draw() {
    const wanted = find("results-filter").value.trim().toLowerCase();
    const texts = (run) => [run.name, run.label, run.config, run.headline, KINDS[run.kind] ?? run.kind, ...(run.algorithms ?? [])];
    const found = this.runs.filter((run) => wanted === "" || texts(run).some((text) => String(text ?? "").toLowerCase().includes(wanted)));
    for (const side of ["before", "after"]) {
      if (!this.runs.some((run) => run.id === this.chosen[side])) this.chosen[side] = null;
    }
    find("results").replaceChildren(...found.slice(0, this.limit).map((run) => this.makeRow(run)));
    show(find("more-results"), found.length > this.limit);
    const none = this.runs.length === 0 ? "There are no results yet. A run that ends appears here." : `No result contains “${wanted}”.`;
    write(find("results-note"), found.length === 0 ? (this.read ? none : "") : `${Math.min(found.length, this.limit)} of ${this.runs.length} results, the newest first`);
    this.considerCompare();
  }

  makeRow(run) {
    const name = run.label || run.name;
    const [end, kind] = ENDS[run.ended] ?? [run.ended ?? "under way", "care"];
    const title = make("h3", {}, name);
    const facts = [formatMoment(run.started_at), KINDS[run.kind] ?? run.kind, run.config, (run.algorithms ?? []).join(", "), run.label ? run.name : null];
    const reports = (run.reports ?? []).map((report) => make("a", {
      class: "button", target: "_blank", rel: "noopener", text: report.title,
      href: addressOf(run, "reports", report),
      "aria-label": `${report.title} of ${name} (opens in a new tab)`,
    }));
    return make("li", { class: "result" },
      make("div", { class: "sides" }, this.makeChoice(run, "before", name), this.makeChoice(run, "after", name)),
      make("div", { class: "what" },
        make("div", { class: "title" }, title, badge(end, kind)),
        run.headline ? make("p", { class: "headline", text: run.headline }) : null,
        make("p", { class: "sub", text: facts.filter(Boolean).join(" · ") })),
      make("div", { class: "links" }, ...reports, makeFiles(run, name)));
  }

  makeChoice(run, side, name) {
    const input = make("input", { type: "radio", name: `compare-${side}`, class: `compare-${side}`, value: run.id });
    input.checked = this.chosen[side] === run.id;
    input.setAttribute("aria-label", `${name}: ${side}`);
    input.addEventListener("change", () => {
      this.chosen[side] = run.id;
      this.considerCompare();
    });
    return make("label", { class: "side" }, input, make("span", { text: side, "aria-hidden": "true" }));
  }

  considerCompare() {
    const { before, after } = this.chosen;
    let reason = "";
    if (before === null || after === null) reason = "Choose a result as “before” and another as “after”.";
    else if (before === after) reason = "Both sides are the same result; choose two.";
    find("compare").disabled = reason !== "" || this.busy === true;
    const label = (id) => this.runs.filter((run) => run.id === id).map((run) => run.label || run.name)[0];
    write(find("compare-reason"), reason || `${label(before)} before, ${label(after)} after`);
  }

  async compare() {
    this.busy = true;
    this.considerCompare();
    write(find("compare"), "Comparing…");
    const { before, after } = this.chosen;
    let text;
    let ok = false;
    try {
      const reply = await call("compare", { before, after });
      text = reply.text;
      ok = reply.ok;
    } catch (error) {
      text = error.message;
    }
    this.busy = false;
    write(find("compare"), "Compare");
    this.considerCompare();
    find("comparison-state").replaceChildren(ok ? badge("compared", "good") : badge("not compared", "bad"));
    write(find("comparison"), text ?? "");
    find("comparison").classList.toggle("sentence", !ok);
    show(find("comparison-part"), true);
    find("comparison-part").scrollIntoView({ block: "nearest" });
    find("comparison").focus({ preventScroll: true });
  }
}

const addressOf = (run, what, { n }) => `results/${encodeURIComponent(run.id)}/${what}/${encodeURIComponent(n)}`;

function makeFiles(run, name) {
  const files = run.files ?? [];
  if (files.length === 0) return null;
  const items = files.map((file) => make("li", {}, make("a", {
    download: file.name, text: file.name, href: addressOf(run, "files", file),
  }), ` ${formatBytes(file.bytes)}`));
  const summary = make("summary", { text: `${files.length} ${files.length === 1 ? "file" : "files"}` });
  summary.setAttribute("aria-label", `${summary.textContent} of ${name}`);
  return make("details", {}, summary, make("ul", { class: "files" }, ...items));
}
