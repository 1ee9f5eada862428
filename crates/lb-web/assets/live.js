// The stream of changes. It is opened again whenever it breaks, and says so. A page in the background closes it after
// a while and looks at the state now and then, because a browser opens only six connections to one server.

import { call } from "./dom.js";

const HIDDEN_FOR = 10000;
const LOOK_EVERY = 20000;

export class Live {
  /** `told` has the listeners `board`, `change` and `state` (`live`, `lost`, `opening` or `closed`). */
  constructor(told) {
    this.told = told;
    this.source = null;
    this.wanted = false;
    this.wait = 500;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.considerVisibility());
  }

  open() {
    this.wanted = true;
    this.broken = false;
    this.connect();
  }

  close() {
    this.wanted = false;
    this.disconnect();
    this.told.state("closed");
  }

  disconnect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  connect() {
    this.disconnect();
    if (!this.wanted) return;
    if (!this.broken) this.told.state("opening");
    const source = new EventSource("api/live");
    this.source = source;
    source.addEventListener("open", () => (this.wait = 500));
    source.addEventListener("board", (message) => this.hear("board", message));
    source.addEventListener("change", (message) => this.hear("change", message));
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.broken = true;
      this.told.state("lost");
      // A stream that was refused is not tried again by the browser, one that broke is.
      if (source.readyState === EventSource.CLOSED) this.tryLater();
    });
  }

  hear(kind, message) {
    let content;
    try {
      content = JSON.parse(message.data);
    } catch {
      this.told.state("lost");
      this.tryLater();
      return;
    }
    this.broken = false;
    this.told.state("live");
    this.told[kind](content);
  }

  tryLater() {
    this.disconnect();
    this.timer = setTimeout(async () => {
      this.wait = Math.min(this.wait * 2, 8000);
      try {
        // The state is told even if there is no room for another stream; a reply of 401 ends in the view for signing in.
        this.told.board(await call("state"));
      } catch {
        if (this.wanted) this.tryLater();
        return;
      }
      if (this.wanted) this.connect();
    }, this.wait);
  }

  considerVisibility() {
    if (!this.wanted) return;
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => this.lookNowAndThen(), HIDDEN_FOR);
    } else if (this.source === null) {
      this.connect();
    }
  }

  lookNowAndThen() {
    this.disconnect();
    this.timer = setTimeout(async () => {
      try {
        this.told.board(await call("state"));
      } catch {
        this.told.state("lost");
      }
      if (this.wanted && document.hidden) this.lookNowAndThen();
    }, LOOK_EVERY);
  }
}
