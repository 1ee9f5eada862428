// Light or dark: as the system says, or as the button says. Charts ask here for colours, because a canvas knows no
// variables.

import { find, write } from "./dom.js";

const NAMES = ["auto", "light", "dark"];
const listeners = [];
let probe = null;
const known = new Map();

function read() {
  try {
    const name = localStorage.getItem("theme");
    return NAMES.includes(name) ? name : "auto";
  } catch {
    return "auto";
  }
}

function use(name) {
  document.documentElement.dataset.theme = name;
  write(find("theme"), `Theme: ${name}`);
  known.clear();
  for (const listener of listeners) listener();
}

/** Calls a listener whenever colours change. */
export const onTheme = (listener) => listeners.push(listener);

/** Returns a colour of the style, such as `var(--text)`, in a form that a canvas takes. */
export function colour(value) {
  if (!known.has(value)) {
    probe ??= document.body.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
    probe.style.color = value;
    known.set(value, getComputedStyle(probe).color);
  }
  return known.get(value);
}

/** Begins with what was chosen the last time. */
export function startTheme() {
  use(read());
  find("theme").addEventListener("click", () => {
    const name = NAMES[(NAMES.indexOf(document.documentElement.dataset.theme) + 1) % NAMES.length];
    try {
      localStorage.setItem("theme", name);
    } catch {
      // A browser that keeps nothing shows the theme until it is closed.
    }
    use(name);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => use(read()));
}
