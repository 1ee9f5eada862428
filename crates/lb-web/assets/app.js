// The beginning of the page: its parts, the view that the address names, and when to draw.

import { Board } from "./board.js";
import { Charts } from "./charts.js";
import { find, formatNumber, session, show, write } from "./dom.js";
import { StartForm } from "./form.js";
import { Live } from "./live.js";
import { Results } from "./results.js";
import { Session } from "./session.js";
import { Steer } from "./steer.js";
import { startTheme } from "./theme.js";
import { Watch } from "./watch.js";

const VIEWS = { start: "Start", watch: "Watch", results: "Results" };
const CONNECTIONS = {
  live: ["connected", "good"],
  opening: ["connecting…", "care"],
  lost: ["connection lost, trying again", "bad"],
  closed: ["not connected", ""],
};

const board = new Board();
const charts = new Charts(board, () => schedule());
const results = new Results();
const watch = new Watch(board, results);
const steer = new Steer(board);
const form = new StartForm(board, () => go("watch"));
let signedIn = false;
let view = null;
let planned = false;
let before = { run: undefined, state: undefined };

const live = new Live({
  board: (content) => hear(() => board.load(content)),
  change: (content) => hear(() => board.apply(content)),
  state: (name) => {
    const [text, kind] = CONNECTIONS[name];
    write(find("connection"), text);
    find("connection").className = `connection ${kind}`;
  },
});

const door = new Session(enter, leave);
session.lost = () => {
  if (signedIn) door.begin().catch(() => live.close());
};

/** Takes what the server told. What needs no drawing is done even in the background, where nothing is drawn. */
function hear(take) {
  take();
  const now = { run: board.run?.id, state: board.run?.state };
  if (view === null) go(viewOfAddress() ?? (board.isBusy ? "watch" : "start"), true);
  if (now.state === "over" && before.state !== undefined && before.state !== "over") results.refresh().then(schedule);
  before = now;
  writeTitle();
  schedule();
}

function schedule() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    if (!signedIn) return;
    form.draw();
    if (view !== "watch") return;
    watch.draw();
    steer.draw();
    charts.writeMarks();
    if (board.run !== null) charts.draw();
  });
}

function writeTitle() {
  const { run, progress, series } = board;
  let state = VIEWS[view] ?? "Sign in";
  if (signedIn && run !== null) {
    const trial = progress.trial ?? "";
    const figures = series.last ? `${formatNumber(series.last.requests)} requests/s` : "";
    const detail = board.isExperiment ? trial : figures;
    state = run.state === "over" ? `Over (${run.ended ?? "ended"})` : [run.state, detail].filter(Boolean).join(", ");
    state = `${state} · ${VIEWS[view]}`;
  }
  const title = `${state.charAt(0).toUpperCase()}${state.slice(1)} – bench`;
  if (document.title !== title) document.title = title;
}

const viewOfAddress = () => {
  const name = location.hash.replace(/^#\//, "");
  return Object.hasOwn(VIEWS, name) ? name : null;
};

/** Shows a view. `quietly` leaves the focus where it is, as when the page is loaded. */
function go(name, quietly = false) {
  if (location.hash !== `#/${name}`) history[quietly ? "replaceState" : "pushState"](null, "", `#/${name}`);
  const changed = view !== name;
  view = name;
  for (const other of Object.keys(VIEWS)) {
    show(find(other === "start" ? "start-view" : other === "watch" ? "watch" : "results-view"), signedIn && other === name);
    const link = find(`nav-${other}`);
    if (other === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  writeTitle();
  schedule();
  if (!changed) return;
  if (name === "results") results.refresh();
  if (quietly) return;
  window.scrollTo(0, 0);
  find(`${name}-title`).focus({ preventScroll: true });
}

function enter() {
  signedIn = true;
  show(find("sign-in-view"), false);
  show(find("nav"), true);
  show(find("connection"), true);
  if (view !== null) {
    const name = view;
    view = null;
    go(name, true);
  } else if (viewOfAddress() !== null) {
    go(viewOfAddress(), true);
  }
  form.begin();
  results.refresh().then(schedule);
  live.open();
  setTimeout(() => {
    if (signedIn && view === null) go("start", true);
  }, 2000);
}

function leave() {
  signedIn = false;
  live.close();
  board.clear();
  before = { run: undefined, state: undefined };
  for (const id of ["start-view", "watch", "results-view", "nav", "connection"]) show(find(id), false);
  show(find("sign-in-view"), true);
  writeTitle();
}

async function begin() {
  startTheme();
  for (const name of Object.keys(VIEWS)) {
    find(`nav-${name}`).addEventListener("click", (event) => {
      event.preventDefault();
      go(name);
    });
  }
  for (const link of document.querySelectorAll("a[data-view]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go(link.dataset.view);
    });
  }
  find("skip").addEventListener("click", (event) => {
    event.preventDefault();
    find("main").focus();
  });
  window.addEventListener("popstate", () => {
    if (signedIn && viewOfAddress() !== null) go(viewOfAddress());
  });
  await tryToEnter();
}

/** Asks who we are until the server answers. */
async function tryToEnter() {
  try {
    await door.begin();
    show(find("unreachable"), false);
  } catch (error) {
    write(find("unreachable"), `${error.message} Trying again…`);
    show(find("unreachable"), true);
    setTimeout(tryToEnter, 3000);
  }
}

begin();
