//! What people do wrong, and what goes wrong around them.

use crate::devtools::Browser;
use crate::stage::{Stage, column, last};
use serde_json::json;

/// Lets a test keep a page from hearing of changes, as a slow network does: `window.deaf = true`.
const EARS: &str = r"
const Source = EventSource;
window.EventSource = class extends Source {
  addEventListener(kind, listener, ...more) {
    super.addEventListener(kind, (message) => { if (!window.deaf) listener(message); }, ...more);
  }
};";

pub(crate) fn too_many_users(browser: &Browser) {
    let stage = Stage::start(&[]);
    stage.load(5);
    let page = browser.open(&format!("{}/", stage.url));
    page.click("#nav-watch");
    page.fill("#new-users", "9000000");
    page.click("#change-users");
    page.until_text("#answer", "ulimit -n");
    let board = stage.board();
    assert_eq!(last(&board, "aim"), 5.0, "nothing has changed");
    assert_eq!(board["run"]["state"], "running");
    page.fill("#new-users", "6");
    page.click("#change-users");
    page.until_text("#answer", "6 users");
    stage.until("6 users are there", |board| last(board, "users") == 6.0);
}

pub(crate) fn two_pages(browser: &Browser) {
    let stage = Stage::start(&[]);
    stage.load(5);
    let first = browser.open(&stage.url);
    let second = browser.open("about:blank");
    second.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": EARS }));
    second.go(&stage.url);
    for page in [&first, &second] {
        page.click("#nav-watch");
        page.until_text("#figure-users", "5");
    }
    // The second page does not hear of what the first one does.
    second.run("window.deaf = true");
    second.fill("#new-users", "9");
    first.fill("#new-users", "30");
    first.click("#change-users");
    first.until_text("#answer", "30 users");
    stage.until("the load goes to 30 users", |board| last(board, "aim") == 30.0);
    second.click("#change-users");
    second.until_text("#answer", "another page has set 30 users");
    assert_eq!(last(&stage.board(), "aim"), 30.0, "what the first page said goes on");

    // It looks, and tries again.
    second.run("window.deaf = false");
    second.until_text("#figure-users", "30");
    second.fill("#new-users", "9");
    second.click("#change-users");
    second.until_text("#answer", "9 users");
    stage.until("the load goes to 9 users", |board| last(board, "aim") == 9.0);
}

pub(crate) fn late_form(browser: &Browser) {
    let stage = Stage::start(&[]);
    let page = browser.open("about:blank");
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": EARS }));
    page.go(&stage.url);
    page.choose("#pack", "api");
    page.fill("#users", "3");
    page.until_text("#command", "--users=3");
    page.run("window.deaf = true");
    let run = stage.load(5);
    page.click("#start");
    page.until_text("#start-form", "already");
    let board = stage.board();
    assert_eq!(board["run"]["id"], run, "the run that was there goes on");
    assert_eq!(board["run"]["state"], "running");
    assert_eq!(page.run("document.querySelector('#users').value"), "3", "what was typed is still there");
}

pub(crate) fn ended(browser: &Browser) {
    let stage = Stage::start(&[]);
    stage.load(5);
    let page = browser.open("about:blank");
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": EARS }));
    page.go(&stage.url);
    page.click("#nav-watch");
    page.fill("#new-users", "12");
    page.run("window.deaf = true");
    stage.stop();
    page.click("#change-users");
    page.until_text("#answer", "nothing runs");

    let other = browser.open(&stage.url);
    other.click("#nav-watch");
    other.until_text("#state", "Over");
    let usable = "['#stop', '#change-users', '#set-mark'].filter((one) => { \
        const found = document.querySelector(one); return found?.checkVisibility() && !found.disabled; })";
    assert_eq!(other.run(usable), json!([]), "what cannot be done any more is not offered");
}

pub(crate) fn away(browser: &Browser) {
    let stage = Stage::start(&[]);
    stage.load(5);
    let page = browser.open(&stage.url);
    page.click("#nav-watch");
    page.until_text("#figure-users", "5");
    page.close();
    let seen = column(&stage.board(), "t").len();
    let board = stage.until("the run goes on without a page", |board| column(board, "t").len() >= seen + 4);
    let wanted = column(&board, "t").len();

    let page = browser.open(&stage.url);
    page.click("#nav-watch");
    page.until_text("#state", "Running");
    page.click("#chart-requests button");
    let rows = page.until(
        "all seconds are there as a table",
        &format!(
            "(() => {{ const rows = document.querySelectorAll('#chart-requests tbody tr').length; \
             return rows >= {wanted} && rows; }})()"
        ),
    );
    assert!(rows.as_u64() >= Some(wanted as u64), "{rows} of {wanted}");
    let statistics = page.text("#statistics");
    assert!(statistics.contains("/api/v1/item") && statistics.contains("POST"), "{statistics}");

    // The server goes away and is said to be away.
    drop(stage);
    page.until_text("#connection", "connection lost");
}

pub(crate) fn nothing(browser: &Browser) {
    let stage = Stage::start(&[]);
    let page = browser.open(&stage.url);
    page.until_usable("#start-form");
    page.click("#nav-watch");
    page.until(
        "it says that nothing runs",
        "/(nothing|no run)/i.test(document.querySelector('main').innerText)",
    );
    assert_eq!(page.run("!!document.querySelector('#stop')?.checkVisibility()"), false);
    page.click("#nav-results");
    page.until(
        "it says that there are no results",
        "/no results/i.test(document.querySelector('main').innerText)",
    );
    let (status, said) = stage.post("/api/steer", &json!({ "do": "stop" }));
    assert_eq!(status, 409, "{said}");
    assert!(said["error"].as_str().is_some_and(|text| text.contains("nothing runs")), "{said}");
    let (status, said) = stage.post("/api/steer", &json!({ "do": "explode" }));
    assert!((400..500).contains(&status), "{status} {said}");
}
