// What can be changed while a run is under way. What cannot be changed now is disabled, and the reason stands beside it.

import { badge, call, fillSelect, find, formatClock, formatCount, formatNumber, make, show, write } from "./dom.js";

// The faults of topologies: title, the key of their value, its unit, and what is offered first.
const FAULTS = {
  latency_factor: ["slower", "factor", "times slower", "3"],
  latency_add: ["more latency", "add_ms", "ms more", "100"],
  error_rate: ["errors", "rate", "% of the requests", "20"],
  fast_fail: ["quick errors", "rate", "% of the requests", "20"],
  timeout_rate: ["no answer", "rate", "% of the requests", "20"],
  crash: ["stopped", null, "", ""],
  freeze: ["frozen", null, "", ""],
};

export class Steer {
  constructor(board) {
    this.board = board;
    this.busy = false;
    this.answersShown = null;
    this.meant = null;
    fillSelect(find("fault-kind"), Object.entries(FAULTS).map(([value, [title]]) => [value, title]));
    find("fault-kind").addEventListener("change", () => this.offerFault());
    this.offerFault();
    find("insist").addEventListener("change", () => this.draw());
    const on = (id, act) => find(id).addEventListener("submit", (event) => {
      event.preventDefault();
      act();
    });
    find("stop").addEventListener("click", () => this.send(this.board.run?.state === "stopping" ? { do: "stop", now: true } : { do: "stop" }));
    // Whoever begins to write a number means the users that are aimed at then, whatever other pages do meanwhile.
    find("new-users").addEventListener("input", () => (this.meant ??= this.board.aim));
    find("pause").addEventListener("click", () => this.send({ do: this.board.run?.state === "paused" ? "resume" : "pause" }));
    on("users-form", () => this.changeUsers());
    on("fault-form", () => this.injectFault());
    find("clear-faults").addEventListener("click", () => this.send({ do: "clear_faults" }));
    on("algorithm-form", () => this.send({ do: "algorithm", algorithm: find("new-algorithm").value }));
    on("mark-form", () => this.setMark());
  }

  insistence() {
    return this.board.isExperiment && find("insist").checked ? { insist: true } : {};
  }

  changeUsers() {
    const users = readNumber("new-users");
    if (users === null || users < 0 || !Number.isInteger(users)) {
      this.say(false, "Give the number of users as a whole number, such as 50.", "new-users");
      return;
    }
    const command = { do: "users", users, ...this.insistence() };
    if (find("new-spawn-rate").value.trim() !== "") {
      command.spawn_rate = readNumber("new-spawn-rate");
      if (!(command.spawn_rate > 0)) {
        this.say(false, "Give the spawn rate in users per second, such as 5, or leave it empty.", "new-spawn-rate");
        return;
      }
    }
    const from = this.meant ?? this.board.aim;
    if (from !== null) command.from = from;
    this.meant = null;
    this.send(command);
  }

  offerFault() {
    const [, key, unit, first] = FAULTS[find("fault-kind").value];
    show(find("fault-value-field"), key !== null);
    write(find("fault-unit"), unit);
    find("fault-value").value = first;
  }

  injectFault() {
    const kind = find("fault-kind").value;
    const [, key] = FAULTS[kind];
    const fault = { fault: kind };
    if (key !== null) {
      const value = readNumber("fault-value");
      if (value === null || value < 0) {
        this.say(false, "Give the strength of the fault as a number.", "fault-value");
        return;
      }
      fault[key] = key === "rate" ? value / 100 : value;
    }
    this.send({ do: "fault", backend: find("fault-backend").value, fault, ...this.insistence() });
  }

  setMark() {
    const name = find("mark-name").value.trim();
    if (name === "") {
      this.say(false, "Give the mark a name, such as v2.", "mark-name");
      return;
    }
    const settle = readNumber("mark-settle");
    this.send({ do: "mark", name, settle_s: settle ?? 0 });
  }

  async send(command) {
    if (this.busy) return;
    this.busy = true;
    this.draw();
    try {
      const { ok, text } = await call("steer", command);
      if (ok && command.do === "users") this.board.aim = command.users;
      this.say(ok, text);
    } catch (error) {
      this.say(false, error.message);
    } finally {
      this.busy = false;
      this.draw();
    }
  }

  /** Says an answer, and leads to the field that it concerns. */
  say(ok, text, field = null) {
    find("answer").replaceChildren(badge(ok ? "done" : "refused", ok ? "good" : "bad"), ` ${text}`);
    for (const id of ["new-users", "new-spawn-rate", "fault-value", "mark-name"]) {
      if (id === field) find(id).setAttribute("aria-invalid", "true");
      else find(id).removeAttribute("aria-invalid");
    }
    if (field !== null) find(field).focus();
  }

  /** Returns why each group cannot be used now; null if it can. */
  findReasons() {
    const { run, steerable, isExperiment } = this.board;
    const still = run === null ? "Nothing is running." : { over: "The run is over.", stopping: "The run is stopping.", starting: "The run is starting." }[run.state] ?? null;
    if (still !== null) return { all: still };
    if (steerable === null) return { all: "The run has not said yet what can be changed." };
    const insists = isExperiment && find("insist").checked;
    const own = steerable.backends ?? [];
    const algorithms = steerable.algorithms ?? [];
    let users = null;
    if (isExperiment && !insists) users = "In an experiment, all algorithms share one schedule of users.";
    else if (!isExperiment && (steerable.users === null || steerable.users === undefined)) users = "The load arrives by rate; it has no number of users to change.";
    let faults = null;
    if (!steerable.faults || own.length === 0) faults = "Faults can be injected only into mock backends that bench started itself.";
    else if (isExperiment && !insists) faults = "In an experiment, the scenario decides which faults there are.";
    let algorithm = null;
    if (isExperiment) algorithm = "An experiment switches algorithms by itself.";
    else if (algorithms.length === 0) algorithm = "This load balancer cannot be switched.";
    const marks = steerable.marks ? null : "Marks belong to loads without end.";
    const pause = steerable.pause ? null : "A load without end cannot pause.";
    return { all: null, users, faults, algorithm, marks, pause };
  }

  draw() {
    const reasons = this.findReasons();
    const { run, steerable, isExperiment, aim, series } = this.board;
    const over = run === null || run.state === "over";
    if (this.over !== over) {
      this.over = over;
      find("steer").open = !over;
    }
    show(find("insist-field"), isExperiment && !over);
    const groups = [["users", "users-form"], ["faults", "fault-form"], ["algorithm", "algorithm-form"], ["marks", "mark-form"]];
    for (const [name, id] of groups) {
      const reason = reasons.all ?? reasons[name];
      find(id).querySelector("fieldset").disabled = reason !== null || this.busy;
      write(find(`${id}-reason`), reason ?? "");
      show(find(`${id}-reason`), reason !== null);
    }
    find("stop").disabled = this.busy || over;
    write(find("stop"), run?.state === "stopping" ? "Stop at once" : "Stop");
    write(find("pause"), run?.state === "paused" ? "Resume" : "Pause");
    const pause = reasons.all ?? reasons.pause;
    find("pause").disabled = this.busy || pause !== null;
    write(find("pause-reason"), over ? "" : (pause ?? ""));
    const now = series.last?.users;
    const text = now === null || now === undefined ? "" : `${formatCount(now)} now${aim !== null && aim !== now ? `, ${formatCount(aim)} aimed at` : ""}`;
    const most = steerable?.most_users;
    write(find("users-now"), [text, Number.isFinite(most) ? `at most ${formatCount(most)}` : ""].filter(Boolean).join(" · "));
    fillSelect(find("fault-backend"), (steerable?.backends ?? []).map((id) => [id, id]));
    fillSelect(find("new-algorithm"), (steerable?.algorithms ?? []).map((name) => [name, name]));
    write(find("algorithm-now"), steerable?.algorithm ? `${steerable.algorithm} now` : "");
    if (find("new-spawn-rate").placeholder === "" && Number.isFinite(steerable?.spawn_rate)) find("new-spawn-rate").placeholder = formatNumber(steerable.spawn_rate);
    this.drawAnswers();
  }

  drawAnswers() {
    const { answers, run, dropped } = this.board;
    const key = `${run?.id} ${dropped.answers + answers.length}`;
    if (key === this.answersShown) return;
    if (this.answersShown !== null && this.answersShown.split(" ")[0] !== String(run?.id)) {
      this.meant = null;
      find("answer").replaceChildren();
    }
    this.answersShown = key;
    show(find("answers-part"), answers.length > 0);
    const items = answers.toReversed().map(({ text, ok, t }) => make("li", {}, make("span", { class: "number", text: formatClock(t) }), " ", badge(ok ? "done" : "refused", ok ? "good" : "bad"), ` ${text}`));
    find("answers").replaceChildren(...items);
  }
}

function readNumber(id) {
  const text = find(id).value.trim();
  const value = Number(text);
  return text === "" || !Number.isFinite(value) ? null : value;
}
