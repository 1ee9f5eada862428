// Signing in and out.

import { call, find, show, write } from "./dom.js";

export class Session {
  /** `entered` is called once somebody is signed in, `left` when nobody is. */
  constructor(entered, left) {
    this.entered = entered;
    this.left = left;
    find("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.signIn();
    });
    find("sign-out").addEventListener("click", () => this.signOut());
  }

  /** Asks the server who we are. */
  async begin() {
    const state = await call("session");
    this.needs = state.needs;
    write(find("version"), state.version ? `bench ${state.version}` : "bench");
    show(find("sign-out"), state.signed_in && state.needs !== "nothing");
    if (state.signed_in) {
      this.entered();
      return;
    }
    const token = state.needs === "token";
    show(find("token-field"), token);
    show(find("user-field"), !token);
    show(find("password-field"), !token);
    this.left();
    find(token ? "token" : "user").focus();
  }

  async signIn() {
    const body = this.needs === "token" ? { token: find("token").value } : { user: find("user").value, password: find("password").value };
    const error = find("sign-in-error");
    find("sign-in").disabled = true;
    write(find("sign-in"), "Signing in…");
    show(error, false);
    try {
      await call("login", body);
      await this.begin();
      find("sign-in-form").reset();
    } catch (refusal) {
      write(error, refusal.message);
      show(error, true);
      const field = find(this.needs === "token" ? "token" : "password");
      field.value = "";
      field.focus();
    } finally {
      find("sign-in").disabled = false;
      write(find("sign-in"), "Sign in");
    }
  }

  async signOut() {
    try {
      await call("logout", {});
    } finally {
      await this.begin();
    }
  }
}
