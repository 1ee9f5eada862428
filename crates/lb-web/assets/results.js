// The list of results: reports, files, and the comparison of two runs.

import { badge, call, find, formatBytes, formatMoment, make, show, write } from "./dom.js";

const ENDS = { complete: ["complete", "good"], interrupted: ["stopped early", "care"], failed: ["failed", "bad"], running: ["not finished", "care"] };
const KINDS = { experiment: "experiment", load: "load without end", suite: "suite" };
const SHOWN = 50;

export class Results {
  constructor() {
    this.runs = [];
    // The rows of the list by the run's id: what did not change stays in the page, so that a list that is read again
    // takes no click away.
    this.rows = new Map();
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
      const { runs, trend } = await call("results");
      show(find("trend"), trend === true);
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
    this.rows = new Map(this.runs.filter((run) => this.rows.has(run.id)).map((run) => [run.id, this.rows.get(run.id)]));
    arrange(find("results"), found.slice(0, this.limit).map((run) => this.findRow(run)));
    for (const input of find("results").querySelectorAll("input")) input.checked = this.chosen[input.dataset.side] === input.value;
    show(find("more-results"), found.length > this.limit);
    const none = this.runs.length === 0 ? "There are no results yet. A run that ends appears here." : `No result contains “${wanted}”.`;
    write(find("results-note"), found.length === 0 ? (this.read ? none : "") : `${Math.min(found.length, this.limit)} of ${this.runs.length} results, the newest first`);
    this.considerCompare();
  }

  /** Returns the row of a run, with what is known of the run now. */
  findRow(run) {
    const text = JSON.stringify(run);
    let row = this.rows.get(run.id);
    if (row?.text === text) return row.element;
    const parts = makeParts(run);
    if (row) {
      row.parts.forEach((part, at) => part.replaceWith(parts[at]));
    } else {
      const sides = make("div", { class: "sides" }, this.makeChoice(run, "before"), this.makeChoice(run, "after"));
      row = { element: make("li", { class: "result" }, sides, ...parts) };
    }
    for (const input of row.element.querySelectorAll("input")) {
      input.setAttribute("aria-label", `${run.label || run.name}: ${input.dataset.side}`);
    }
    this.rows.set(run.id, Object.assign(row, { text, parts }));
    return row.element;
  }

  makeChoice(run, side) {
    const input = make("input", { type: "radio", name: `compare-${side}`, class: `compare-${side}`, value: run.id, "data-side": side });
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

/** Shows the elements in this order, and moves none that is in its place. */
function arrange(list, elements) {
  const wanted = new Set(elements);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
  });
}

/** Makes what a row tells of a run, and the links to its reports and files. */
function makeParts(run) {
  const name = run.label || run.name;
  const [end, kind] = ENDS[run.ended] ?? [run.ended ?? "under way", "care"];
  const title = make("h3", {}, name);
  const facts = [formatMoment(run.started_at), KINDS[run.kind] ?? run.kind, run.config, (run.algorithms ?? []).join(", "), run.label ? run.name : null];
  const reports = (run.reports ?? []).map((report) => make("a", {
    class: "button", target: "_blank", rel: "noopener", text: report.title,
    href: addressOf(run, "reports", report),
    "aria-label": `${report.title} of ${name} (opens in a new tab)`,
  }));
  const what = make("div", { class: "what" },
    make("div", { class: "title" }, title, badge(end, kind)),
    run.headline ? make("p", { class: "headline", text: run.headline }) : null,
    make("p", { class: "sub", text: facts.filter(Boolean).join(" · ") }));
  return [what, make("div", { class: "links" }, ...reports, makeFiles(run, name))];
}

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
