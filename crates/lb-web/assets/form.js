// The form that starts a run. The server checks what is written while it is written, by asking the command line itself.

import { call, copyText, fillSelect, find, make, show, write } from "./dom.js";

// The fields of a form and the elements that hold them.
const FIELDS = {
  kind: "kind", pack: "pack", mode: "mode", profile: "profile", engine: "engine", config: "config", url: "url", algorithms: "algorithms",
  load_balancer: "load-balancer", users: "users", spawn_rate: "spawn-rate", duration: "duration",
  repetitions: "repetitions", label: "label", seed: "seed", thresholds: "thresholds",
};
const NUMBERS = ["users", "spawn_rate", "repetitions", "seed"];
const ONLY = { pack: ["pack", "mode", "profile"], config: ["config"], url: [] };
const WAIT = 450;
const KEPT = "form";

export class StartForm {
  /** `started` is called with the id of a run that began. */
  constructor(board, started) {
    this.board = board;
    this.started = started;
    this.choices = null;
    this.running = null;
    this.timer = 0;
    this.busy = false;
    const form = find("start-form");
    form.addEventListener("input", () => this.change());
    form.addEventListener("change", (event) => {
      if (event.target.id === "pack") this.fillModes(true);
      this.change();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    find("copy-command").addEventListener("click", (event) => copyText(find("command").textContent, event.target));
    find("clear-form").addEventListener("click", () => this.reset());
    for (const id of Object.values(FIELDS)) {
      find(id).after(make("p", { id: `${id}-error`, class: "field-error", hidden: true }));
    }
  }

  /** Asks what there is to choose from. */
  async begin() {
    try {
      this.choices = await call("choices");
    } catch (error) {
      this.tell(false, error.message);
      return;
    }
    const { packs = [], configs = [], algorithms = [], load_balancers: balancers = [], environment = {} } = this.choices;
    fillSelect(find("pack"), packs.map(({ name, title }) => [name, title ? `${name}: ${title}` : name]));
    fillSelect(find("config"), configs.map(({ name }) => [name, name]));
    fillSelect(find("load-balancer"), [["", "as the command line chooses"], ...balancers.map((name) => [name, name])]);
    find("algorithm-choices").replaceChildren(...algorithms.map((algorithm) => this.makeAlgorithm(algorithm)));
    const set = Object.entries(environment ?? {}).filter(([, value]) => value !== null && typeof value !== "object");
    write(find("environment"), set.length > 0 ? `Set by the environment: ${set.map(([name, value]) => `${name}=${value}`).join(", ")}` : "");
    this.fillModes(true);
    this.restore();
    this.change(0);
  }

  makeAlgorithm({ name, about }) {
    const button = make("button", { type: "button", class: "choice", text: name, title: about ?? "", "aria-pressed": "false" });
    if (about) button.setAttribute("aria-label", `${name}: ${about}`);
    button.dataset.name = name;
    button.addEventListener("click", () => {
      const names = readNames();
      find("algorithms").value = (names.includes(name) ? names.filter((other) => other !== name) : [...names, name]).join(", ");
      this.change();
    });
    return button;
  }

  fillModes(begins) {
    const modes = this.findPack()?.modes ?? [];
    fillSelect(find("mode"), modes.map(({ name, about }) => [name, about ? `${name}: ${about}` : name]));
    const first = modes.find((mode) => mode.default) ?? modes[0];
    if (begins && first) find("mode").value = first.name;
    const profiles = this.findPack()?.profiles ?? [];
    fillSelect(find("profile"), [["", "as the mode says"], ...profiles.map(({ name, about }) => [name, about ? `${name}: ${about}` : name])]);
  }

  findPack() {
    return (this.choices?.packs ?? []).find(({ name }) => name === find("pack").value);
  }

  /** Shows what belongs to the kind of load, and says by example what an empty field means. */
  arrange() {
    const kind = find("kind").value;
    for (const [other, names] of Object.entries(ONLY)) for (const name of names) show(find(`${name}-field`), other === kind);
    show(find("profile-field"), kind === "pack" && find("profile").options.length > 1);
    write(find("url-name"), kind === "url" ? "URL" : "Target (optional)");
    write(find("url-hint"), kind === "url" ? "Each user asks for this page again and again." : "Leave it empty for mock backends that bench starts itself.");
    write(find("pack-about"), this.findPack()?.about ?? "");
    write(find("config-about"), (this.choices?.configs ?? []).find(({ name }) => name === find("config").value)?.about ?? "");
    const mode = kind === "pack" ? (this.findPack()?.modes ?? []).find(({ name }) => name === find("mode").value) : null;
    find("users").placeholder = mode?.users ?? "";
    find("duration").placeholder = mode?.duration ?? "";
    const names = readNames();
    for (const button of find("algorithm-choices").children) button.setAttribute("aria-pressed", String(names.includes(button.dataset.name)));
  }

  /** Returns the form as the server reads it: only what is filled in and belongs to the kind of load. */
  read() {
    const kind = find("kind").value;
    const form = { kind };
    const foreign = Object.entries(ONLY).filter(([other]) => other !== kind).flatMap(([, names]) => names);
    for (const [name, id] of Object.entries(FIELDS)) {
      const text = find(id).value.trim();
      if (name === "kind" || text === "" || foreign.includes(name)) continue;
      if (name === "algorithms") form.algorithms = readNames();
      else if (NUMBERS.includes(name) && Number.isFinite(Number(text)) && Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER) form[name] = Number(text);
      else form[name] = text;
    }
    return form;
  }

  change(wait = WAIT) {
    this.arrange();
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(this.read()));
    } catch {
      // Without storage, the form is empty after the page was loaded again.
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), wait);
  }

  restore() {
    let kept = {};
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") ?? {};
    } catch {
      return;
    }
    for (const name of ["kind", "pack"]) choose(FIELDS[name], kept[name]);
    this.fillModes(true);
    for (const [name, id] of Object.entries(FIELDS)) {
      if (kept[name] === undefined || name === "kind" || name === "pack") continue;
      const text = Array.isArray(kept[name]) ? kept[name].join(", ") : String(kept[name]);
      if (find(id).tagName === "SELECT") choose(id, text);
      else find(id).value = text;
    }
  }

  reset() {
    find("start-form").reset();
    this.fillModes(true);
    this.change(0);
    find("kind").focus();
  }

  async check() {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    find("check").setAttribute("aria-busy", "true");
    try {
      const { command, ok, text, field } = await call("check", this.read(), running.signal);
      write(find("command"), command ?? "");
      this.tell(ok, text, field);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.tell(false, error.message, error.field);
    }
    find("check").setAttribute("aria-busy", "false");
  }

  /** Shows what the check says, and beside the field that it concerns. */
  tell(ok, text, field = null) {
    const state = find("check-state");
    // Nothing is planned while a run is under way, so nothing is claimed either.
    const unchecked = ok && this.board.isBusy;
    write(state, unchecked ? "Not checked" : ok ? "This can run" : "This cannot run");
    state.className = `badge ${unchecked ? "care" : ok ? "good" : "bad"}`;
    write(find("check-text"), text ?? "");
    find("check-text").classList.toggle("sentence", unchecked || !ok);
    find("check-text").classList.toggle("wrong", !ok);
    for (const [name, id] of Object.entries(FIELDS)) {
      const wrong = !ok && name === field;
      const error = find(`${id}-error`);
      write(error, wrong ? text : "");
      show(error, wrong);
      if (wrong) {
        find(id).setAttribute("aria-invalid", "true");
        find(id).closest("details")?.setAttribute("open", "");
      } else {
        find(id).removeAttribute("aria-invalid");
      }
      const hint = find(`${id}-hint`) ? `${id}-hint` : "";
      const described = [wrong ? `${id}-error` : "", hint].filter(Boolean).join(" ");
      if (described === "") find(id).removeAttribute("aria-describedby");
      else find(id).setAttribute("aria-describedby", described);
    }
  }

  draw() {
    const under = this.board.isBusy;
    // What was not checked while a run was under way is checked once it is over.
    if (this.wasBusy && !under) this.change();
    this.wasBusy = under;
    find("start").disabled = under || this.busy;
    write(find("start"), this.busy ? "Starting…" : "Start");
    write(find("start-reason"), under ? "A run is under way. Stop it, or wait until it is over." : "");
    show(find("start-reason"), under);
  }

  async start() {
    if (this.busy || this.board.isBusy) return;
    clearTimeout(this.timer);
    this.running?.abort();
    this.busy = true;
    this.draw();
    try {
      const { run } = await call("runs", this.read());
      this.busy = false;
      this.started(run);
    } catch (error) {
      this.busy = false;
      this.tell(false, error.message, error.field);
      const id = FIELDS[error.field];
      if (id) find(id).focus();
    }
    this.draw();
  }
}

const readNames = () => find("algorithms").value.split(/[\s,]+/).filter((name) => name !== "");

/** Chooses an option if it is there. */
function choose(id, value) {
  if (value !== undefined && [...find(id).options].some((option) => option.value === value)) find(id).value = value;
}
