//! From the first look to the comparison of two runs, as a person goes it.

use crate::devtools::{Browser, Page, quoted};
use crate::stage::{Stage, column, last, requests};
use serde_json::{Value, json};

/// Fills in the form for a mode of the pack with three backends.
fn fill_in(page: &Page, mode: &str, users: &str, duration: &str) {
    page.until_usable("#start-form");
    page.choose("#pack", "api");
    page.choose("#mode", mode);
    page.fill("#users", users);
    page.fill("#spawn-rate", "100");
    page.fill("#duration", duration);
    page.until_text("#command", &format!("bench pack api {mode}"));
    page.until_text("#command", &format!("--users={users}"));
}

/// Returns how many points of a chart a person can see: those that are not of the background.
fn drawn(page: &Page, chart: &str) -> u64 {
    let script = format!(
        "(() => {{ const canvas = document.querySelector({}); const {{ width, height }} = canvas; \
         const {{ data }} = canvas.getContext('2d').getImageData(0, 0, width, height); let drawn = 0; \
         for (let at = 3; at < data.length; at += 4) if (data[at] > 0) drawn += 1; return drawn; }})()",
        quoted(&format!("{chart} canvas"))
    );
    page.run(&script).as_u64().unwrap_or(0)
}

pub(crate) fn whole(browser: &Browser) {
    let stage = Stage::start(&[]);
    let page = browser.open(&stage.url);
    fill_in(&page, "load", "10", "forever");
    page.click("#start");
    page.until_text("#state", "Running");
    page.until("requests are shown", "Number(document.querySelector('#figure-rps').innerText) > 0");
    page.until_text("#statistics", "/api/v1/item");
    page.until_text("#figure-users", "10");
    assert!(drawn(&page, "#chart-requests") > 100, "the chart shows something");

    change_users(&stage, &page);
    inject_fault(&stage, &page);
    page.fill("#mark-name", "version 2");
    page.click("#set-mark");
    page.until_text("#marks", "version 2");
    page.click("#stop");
    page.until_text("#state", "Over");
    let title = page.run("document.title");
    assert!(title.as_str().is_some_and(|title| title.to_lowercase().contains("over")), "{title}");

    read_report(&stage, &page);
    second(&stage, &page);
    compare(&stage, &page);
}

fn change_users(stage: &Stage, page: &Page) {
    page.fill("#new-users", "50");
    page.fill("#new-spawn-rate", "20");
    page.click("#change-users");
    page.until_text("#answer", "50 users");
    page.until_text("#figure-users", "50");
    let board = stage.until("50 users send requests", |board| {
        column(board, "users").iter().rev().take(3).all(|users| *users == 50.0)
    });
    let users = column(&board, "users");
    let ten = users.iter().position(|users| *users == 10.0).expect("10 users were there");
    let fifty = users.iter().position(|users| *users == 50.0).expect("50 users are there");
    assert!(ten < fifty, "first 10, then 50: {users:?}");
    // A client waits a second between two requests, so that five times the users send about five times the requests.
    let rate = column(&board, "requests");
    let most = rate.iter().copied().fold(0.0, f64::max);
    let before = rate[ten..fifty].first().copied().unwrap_or(0.0);
    assert!(most > 2.0 * before, "more users send more: {before} before, {most} with 50 users");
    page.until(
        "the chart says it, too",
        "document.querySelector('#chart-users [role=img]').getAttribute('aria-label').includes('50')",
    );
    assert!(drawn(page, "#chart-users") > 100);
}

fn inject_fault(stage: &Stage, page: &Page) {
    page.choose("#fault-backend", "api-2");
    page.choose("#fault-kind", "error_rate");
    page.fill("#fault-value", "100");
    page.click("#inject-fault");
    page.until_text("#answer", "api-2");
    page.until_text("#marks", "api-2");
    page.until_text("#failures", "HTTP 5");
    let failures =
        page.until("failures are counted", "Number(document.querySelector('#figure-failures').innerText)");
    assert!(failures.as_f64() > Some(0.0));
    page.click("#clear-faults");
    page.until_text("#marks", "back to normal");
    let board = stage.until("requests succeed again", |board| last(board, "failures") == 0.0);
    let kinds: Vec<&Value> =
        board["marks"].as_array().expect("marks").iter().map(|mark| &mark["kind"]).collect();
    assert!(kinds.iter().filter(|kind| **kind == "fault").count() >= 2, "it begins and it ends: {board:#}");
    let failed = column(&board, "failures").iter().sum::<f64>();
    assert!(failed > 0.0 && failed < requests(&board) as f64, "one of three backends failed: {failed}");
}

/// Opens the report of the first result, and takes a file of it.
fn read_report(stage: &Stage, page: &Page) {
    page.click("#nav-results");
    let link =
        page.until("a report is offered", "document.querySelector('#results a[href*=\"/reports/\"]')?.href");
    let report = page.beside(link.as_str().expect("an address"));
    report.until_text("body", "/api/v1/item");
    let text = report.text("body");
    assert!(
        text.contains("version 2") && text.contains("api-2"),
        "the report tells what was changed: {text}"
    );
    report.close();
    let file = "document.querySelector('#results a[download=\"continuous.json\"]')?.href";
    let file = page.until("the results can be taken away", file);
    let path = file.as_str().expect("an address").trim_start_matches(&stage.url).to_owned();
    let document = stage.get(&path);
    assert!(document["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "{document:#}");
}

/// Starts the same load again, from the form, and ends it soon.
fn second(stage: &Stage, page: &Page) {
    page.run("window.kept = document.querySelector('#results .compare-before')");
    page.click("#nav-start");
    fill_in(page, "load", "10", "forever");
    page.click("#start");
    page.until_text("#state", "Running");
    stage.until("the second load sends requests", |board| column(board, "t").len() > 2);
    page.click("#stop");
    page.until_text("#state", "Over");
}

fn compare(stage: &Stage, page: &Page) {
    page.click("#nav-results");
    // Until then the row of the second grows, and what is below it moves.
    page.until(
        "both results are complete",
        "[...document.querySelectorAll('#results .badge')].filter((one) => one.textContent === 'complete').length === 2",
    );
    assert_eq!(page.run("window.kept.isConnected"), true, "a list that is read again keeps its rows");
    let runs = stage.get("/api/results");
    // The newest is the first.
    for (side, at) in [("before", 1), ("after", 0)] {
        let id = runs["runs"][at]["id"].as_str().expect("an id");
        page.click(&format!("#results .compare-{side}[value={}]", quoted(id)));
    }
    page.click("#compare");
    page.until_text("#comparison", "at different times");
    let told = page.text("#comparison");
    assert!(told.contains("was changed by commands"), "what was done to the first load counts: {told}");
    assert!(page.text("#comparison-state").contains("compared"), "{told}");
}

/// Presses the key that leads on until an element has the focus, and returns how often.
fn tab_to(page: &Page, id: &str) -> usize {
    for pressed in 0..200 {
        if page.run("document.activeElement?.id ?? ''") == id {
            let outline = page.run(
                "(() => { const style = getComputedStyle(document.activeElement); \
                 return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; })()",
            );
            assert_eq!(outline, true, "#{id} is seen to have the focus");
            return pressed;
        }
        page.press("Tab");
    }
    panic!("the keyboard leads to #{id}");
}

pub(crate) fn keyboard(browser: &Browser) {
    let stage = Stage::start(&[]);
    let page = browser.open(&stage.url);
    page.until_usable("#start-form");
    page.press("Tab");
    let skips = page.run("document.activeElement.getAttribute('href')?.startsWith('#') ?? false");
    assert_eq!(skips, true, "the first stop skips the navigation");

    tab_to(&page, "pack");
    // A list goes to the entry that begins with what is typed.
    for letter in ["b", "o", "u"] {
        page.press(letter);
    }
    assert_eq!(page.run("document.querySelector('#pack').value"), "boutique");
    tab_to(&page, "users");
    page.write("4");
    tab_to(&page, "spawn-rate");
    page.write("50");
    page.until_text("#command", "bench pack boutique");
    tab_to(&page, "start");
    page.press("Enter");
    page.until_text("#state", "Running");
    let board = stage.until("4 users are there", |board| last(board, "users") == 4.0);
    assert!(
        board["run"]["command"].as_str().is_some_and(|command| command.contains("--users=4")),
        "{board:#}"
    );

    tab_to(&page, "new-users");
    page.write("6");
    page.press("Enter");
    page.until_text("#answer", "6 users");
    tab_to(&page, "stop");
    page.press("Space");
    page.until_text("#state", "Over");
    tab_to(&page, "nav-results");
    page.press("Enter");
    page.until("a result is there", "document.querySelectorAll('#results .compare-before').length === 1");
    assert_eq!(stage.board()["run"]["exit"], json!(0));
}
