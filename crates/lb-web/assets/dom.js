// Elements, numbers and calls: what every part of the page uses. Text from outside enters the page through
// `textContent` alone.

export const find = (id) => document.getElementById(id);

/** Makes an element. `attributes` may hold `text`, and `on` with listeners; `true` sets an attribute without a value. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets a text only if it differs, so that nothing is laid out again for nothing. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows or hides an element. */
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

/** Makes a badge: `good`, `bad`, `care` or plain. */
export const badge = (text, kind = "") => make("span", { class: `badge ${kind}`.trim(), text });

/** Fills a `select`, and keeps what is chosen if it is still there. Options are `[value, text]`. */
export function fillSelect(select, options) {
  const key = JSON.stringify(options);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => make("option", { value, text })));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

const whole = new Intl.NumberFormat("en");

/** Writes a count: 1,234. */
export const formatCount = (value) => (value === null || value === undefined ? "–" : whole.format(Math.round(value)));

/** Writes a number with about three digits: 0.12, 3.4, 56, 1,234. */
export function formatNumber(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1) return value.toFixed(size < 0.095 ? 3 : 2);
  if (size < 9.95) return value.toFixed(1);
  return whole.format(Math.round(value));
}

/** Writes milliseconds: 0.85, 8.1, 45.3, 560. */
export function formatMs(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value < 1) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : whole.format(Math.round(value));
}

/** Writes a share of one as percent: 0 %, 0.05 %, 3.1 %, 56 %. */
export function formatShare(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const percent = value * 100;
  if (percent === 0) return "0 %";
  if (percent < 0.01) return "< 0.01 %";
  return `${percent < 0.95 ? percent.toFixed(2) : percent < 9.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

/** Writes seconds as a clock: 0:07, 12:40, 3:02:11. */
export function formatClock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const all = Math.max(0, Math.round(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor((all % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

/** Writes a moment in the time zone of the reader: 2026-11-30 14:05. */
export function formatMoment(text) {
  const moment = new Date(text ?? "");
  if (Number.isNaN(moment.getTime())) return text ?? "";
  const two = (value) => String(value).padStart(2, "0");
  const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  return `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

/** Writes a size: 812 B, 12 kB, 3.4 MB. */
export function formatBytes(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** What the server answered with an error: a sentence, the status, and the field of a form that it concerns. */
export class Refusal extends Error {
  constructor(text, status, field = null) {
    super(text);
    this.status = status;
    this.field = field;
  }
}

/** Called when the server says that nobody is signed in. */
export const session = { lost: () => {} };

/** Calls the API and returns the JSON of the reply, or null if it has none. Throws a `Refusal` with a sentence. */
export async function call(path, body, signal) {
  const options = { signal, cache: "no-store", credentials: "same-origin" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let reply;
  let data = null;
  try {
    reply = await fetch(`api/${path}`, options);
    const text = await reply.text();
    if (text !== "") data = JSON.parse(text);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const text = reply ? "The reply of bench could not be read." : "bench cannot be reached. Is `bench ui` still running?";
    throw new Refusal(text, reply ? reply.status : 0);
  }
  if (reply.ok) return data;
  if (reply.status === 401 && path !== "login") session.lost();
  throw new Refusal(data?.error ?? `bench answered with status ${reply.status}.`, reply.status, data?.field ?? null);
}

/** Copies a text and says so on the button for a moment. */
export async function copyText(text, button) {
  const before = button.dataset.label ?? button.textContent;
  button.dataset.label = before;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it and copy";
  }
  setTimeout(() => (button.textContent = before), 2000);
}

/** Offers a text as a file. */
export function saveText(name, media, text) {
  const address = URL.createObjectURL(new Blob([text], { type: media }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
