//! Who may use the page, and what a page of somebody else can do with it.

use crate::FOREIGN;
use crate::chromium::{outcomes, stranger};
use crate::devtools::{Browser, Page};
use crate::stage::{Stage, last};
use serde_json::{Value, json};

/// A user's name and password with what URLs, headers and pages give a meaning to.
const USER: &str = "admin";
const PASSWORD: &str = "s3cret <&'\" pass";
/// A token that a program made.
const TOKEN: &str = "tok-5f1c77e0a9d34b7f8c21";

/// Calls that would read or change something, at this address.
fn attempts(at: &str) -> Value {
    let url = |path: &str| format!("{at}{path}");
    let call = |path: &str, init: Value| json!({ "way": "call", "url": url(path), "init": init });
    let json_kind = json!({ "content-type": "application/json" });
    let stop = json!({ "do": "stop" }).to_string();
    let users = json!({ "do": "users", "users": 1, "insist": true }).to_string();
    let start = json!({ "kind": "pack", "pack": "api" }).to_string();
    let post = |path: &str, mode: &str, body: &str| {
        let headers =
            if mode == "no-cors" { json!({ "content-type": "text/plain" }) } else { json_kind.clone() };
        call(
            path,
            json!({ "method": "POST", "mode": mode, "credentials": "include", "headers": headers, "body": body }),
        )
    };
    let form = |path: &str, name: &str, value: &str| json!({ "way": "form", "url": url(path), "enctype": "text/plain", "name": name, "value": value });
    json!([
        call("/api/state", json!({})),
        call("/api/live", json!({})),
        call("/api/results", json!({ "credentials": "include" })),
        call("/api/state", json!({ "mode": "no-cors" })),
        { "way": "image", "url": url("/") },
        post("/api/steer", "no-cors", &stop),
        post("/api/steer", "cors", &stop),
        post("/api/steer", "no-cors", &users),
        post("/api/runs", "no-cors", &start),
        post("/api/runs", "cors", &start),
        post("/api/check", "cors", &start),
        post("/api/logout", "no-cors", "{}"),
        form("/api/steer", "{\"do\":\"stop\",\"x\":\"", "\"}"),
        form("/api/runs", "{\"kind\":\"pack\",\"pack\":\"api\",\"x\":\"", "\"}"),
    ])
}

/// What a page of somebody else could have changed.
fn state(stage: &Stage) -> Value {
    let board = stage.board();
    json!({
        "run": board["run"]["id"],
        "state": board["run"]["state"],
        "aim": last(&board, "aim"),
        "answers": board["answers"],
        "results": stage.get("/api/results")["runs"].as_array().map(Vec::len),
    })
}

/// Has a stranger's page make the calls and checks that none was answered.
fn visit(browser: &Browser, host: &str, target: &str, attempts: impl FnOnce(&str) -> Value) -> Vec<Value> {
    let origin = stranger(host, target, attempts);
    let page = browser.open(&format!("{origin}/page"));
    let told = page.until("the calls are made", "document.getElementById('outcome').textContent");
    let told = outcomes(told.as_str().expect("a text"));
    for outcome in &told {
        let text = outcome["text"].as_str().unwrap_or_default();
        assert!(!text.contains("\"run\""), "it read {outcome}");
        let status = outcome["status"].as_u64().unwrap_or(0);
        assert!(!(200..300).contains(&status), "a call was answered: {outcome}");
        assert_ne!(outcome, "shown");
    }
    told
}

pub(crate) fn foreign(browser: &Browser) {
    let stage = Stage::start(&[]);
    stage.load(5);
    let before = state(&stage);
    // Another port of the same machine is another origin, too.
    for host in [FOREIGN, "localhost"] {
        let told = visit(browser, host, &stage.url, |_| attempts(&stage.url));
        assert_eq!(told.len(), 14, "every call was tried: {told:?}");
        assert_eq!(state(&stage), before, "nothing has changed by a page of {host}");
    }
    let page = browser.open(&stage.url);
    page.until_text("#state", "Running");
}

pub(crate) fn rebound(browser: &Browser) {
    let stage = Stage::start(&[]);
    stage.load(5);
    let before = state(&stage);
    // The page's own origin now leads to the server, so that the browser takes both for the same site.
    let told = visit(browser, FOREIGN, &stage.url, attempts);
    let refused = told.iter().filter(|outcome| outcome["status"] == 403).count();
    assert!(refused >= 6, "the server was reached and refused: {told:?}");

    let page = browser.open(&format!("http://{FOREIGN}:{}/", stage.port()));
    assert_eq!(page.text("#start-form"), "", "the page itself is not given to a name that is not ours");
    assert_eq!(statuses(&page, "/"), [403]);
    assert_eq!(state(&stage), before, "nothing has changed");
}

/// Returns the statuses of the replies to requests for a path that came since the last time.
fn statuses(page: &Page, path: &str) -> Vec<u64> {
    let replies = page.events("Network.responseReceived");
    let of_path = |reply: &&Value| {
        let url = reply["params"]["response"]["url"].as_str().unwrap_or_default();
        url.splitn(4, '/').nth(3).is_some_and(|rest| format!("/{rest}") == path)
    };
    replies
        .iter()
        .filter(of_path)
        .filter_map(|reply| reply["params"]["response"]["status"].as_u64())
        .collect()
}

/// Fills in the form for signing in and sends it.
fn sign_in(page: &Page, fields: &[(&str, &str)]) {
    for (field, text) in fields {
        page.fill(field, text);
    }
    page.press("Enter");
}

/// Returns the addresses that a page asked for since the last time.
fn asked(page: &Page) -> Vec<String> {
    let requests = page.events("Network.requestWillBeSent");
    requests.iter().map(|one| one["params"]["request"]["url"].to_string()).collect()
}

/// Signs in wrongly, and returns for how many seconds the server thought about it.
fn refused(page: &Page, fields: &[(&str, &str)]) -> f64 {
    asked(page);
    statuses(page, "/api/login");
    sign_in(page, fields);
    page.until_usable("#sign-in-error");
    page.until_usable("#sign-in");
    let sent = page.events("Network.requestWillBeSent");
    let answered = page.events("Network.responseReceived");
    let moment = |events: &[Value], at: &str| {
        let login = |event: &&Value| {
            event["params"].pointer(at).and_then(Value::as_str).is_some_and(|url| url.ends_with("/api/login"))
        };
        let login = events.iter().find(login).unwrap_or_else(|| panic!("the form is sent: {events:?}"));
        (login["params"]["timestamp"].as_f64().expect("a time"), login.clone())
    };
    let (begun, _) = moment(&sent, "/request/url");
    let (ended, reply) = moment(&answered, "/response/url");
    assert_eq!(reply["params"]["response"]["status"], 401);
    ended - begun
}

pub(crate) fn password(browser: &Browser) {
    let stage = Stage::start_with(&[], &[("BENCH_WEB_AUTH", &format!("{USER}:{PASSWORD}"))]);
    assert_eq!(stage.status_with("/api/state", ""), 401, "nothing is told without a password");
    let page = browser.open(&stage.url);
    page.until_usable("#sign-in");
    assert_eq!(page.text("#start-form"), "", "no other view is there");

    let first = refused(&page, &[("#user", USER), ("#password", "guess")]);
    refused(&page, &[("#user", "root"), ("#password", PASSWORD)]);
    let third = refused(&page, &[("#user", USER), ("#password", "secret")]);
    // A busy machine can only make a pause longer.
    assert!(first >= 0.2 && third >= 0.8, "wrong attempts took {first} s and {third} s");
    assert_eq!(stage.status_with("/api/state", ""), 401);

    sign_in(&page, &[("#user", USER), ("#password", PASSWORD)]);
    page.until_usable("#start-form");
    assert_eq!(page.run("document.cookie"), "", "no script can read the session");
    page.reload();
    page.until_usable("#start-form");

    let other = browser.open(&stage.url);
    other.until_usable("#sign-in");
    secret_is_kept(&stage, &page, PASSWORD);
    let printed = stage.printed();
    assert!(printed.contains("wrong"), "wrong attempts are logged: {printed}");
}

pub(crate) fn token(browser: &Browser) {
    let stage = Stage::start_with(&[], &[("BENCH_WEB_TOKEN", TOKEN)]);
    let page = browser.open(&stage.url);
    page.until_usable("#token");
    refused(&page, &[("#token", "tok-guess")]);
    sign_in(&page, &[("#token", TOKEN)]);
    page.until_usable("#start-form");
    page.click("#nav-results");
    page.reload();

    assert_eq!(stage.status_with("/api/state", ""), 401);
    assert_eq!(stage.status_with("/api/state", "Authorization: Bearer tok-guess\r\n"), 401);
    assert_eq!(stage.status_with("/api/state", &format!("Authorization: Bearer {TOKEN}\r\n")), 200);
    secret_is_kept(&stage, &page, TOKEN);
}

/// Checks that a secret is in no address, nothing printed, no storage of the browser and no file.
fn secret_is_kept(stage: &Stage, page: &Page, secret: &str) {
    let urls = asked(page);
    assert!(urls.len() > 3, "the page asked for something: {urls:?}");
    let spellings = [
        secret.to_owned(),
        page.run(&format!("encodeURIComponent({})", crate::devtools::quoted(secret)))
            .as_str()
            .expect("a text")
            .to_owned(),
    ];
    let kept =
        page.run("JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.title])");
    let printed = stage.printed();
    for spelling in &spellings {
        assert!(!urls.iter().any(|url| url.contains(spelling)), "it is in an address: {urls:?}");
        assert!(!kept.to_string().contains(spelling), "the browser keeps it: {kept}");
        assert!(!printed.contains(spelling), "it was printed: {printed}");
    }
    for file in files(stage.bench.dir.path()) {
        let content = std::fs::read(&file).unwrap_or_default();
        let found = content.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "it is in {}", file.display());
    }
}

/// Returns all files below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
