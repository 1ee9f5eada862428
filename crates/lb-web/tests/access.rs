//! Who may call, who is signed in, and what browsers are told about replies.

mod common;

use common::{Site, Stream};
use lb_web::Access;
use serde_json::json;

const CLOSED: [(&str, &str); 7] = [
    ("GET", "/api/choices"),
    ("GET", "/api/state"),
    ("GET", "/api/live"),
    ("GET", "/api/results"),
    ("GET", "/results/a/files/0"),
    ("POST", "/api/runs"),
    ("POST", "/api/steer"),
];

fn password() -> Site {
    Site::with(Access::password("ann:s3cret").expect("a password"), &[])
}

#[test]
fn the_page_and_its_files_are_served_with_types_tags_and_rules() {
    let site = Site::new();
    let page = site.get("/");
    assert_eq!((page.status, page.field("content-type").as_str()), (200, "text/html; charset=utf-8"));
    assert!(page.text().contains("<html lang=\"en\""), "{}", page.text());
    let policy = page.field("content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"] {
        assert!(policy.contains(rule), "`{rule}` is part of: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (field, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        for path in ["/", "/assets/app.js", "/api/state", "/nothing"] {
            assert_eq!(site.get(path).field(field), value, "{field} of {path}");
        }
    }
    let script = site.get("/assets/app.js");
    assert_eq!(
        (script.status, script.field("content-type").as_str()),
        (200, "text/javascript; charset=utf-8")
    );
    let known = format!("if-none-match: {}\r\n", script.field("etag"));
    assert_eq!(site.call("GET", "/assets/app.js", &known, "").status, 304);
    assert_eq!(site.get("/assets/vendor/uplot.js").status, 200);
    assert_eq!(site.get("/api/state").field("cache-control"), "no-store");
    for path in ["/assets/", "/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml", "/assets/nothing.js", "/x"]
    {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
}

#[test]
fn foreign_hosts_origins_and_media_types_are_refused() {
    let site = Site::with(Access::Everybody, &["bench.example"]);
    let ask = |host: &str, fields: &str| {
        site.send(&format!("GET /api/state HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n"))
            .status
    };
    assert_eq!(ask("evil.example", ""), 403, "a name that was rebound to this machine");
    assert_eq!(ask("bench.example", ""), 200, "a name that is listed");
    assert_eq!(ask("127.0.0.1", "origin: http://evil.example\r\n"), 403);
    assert_eq!(ask("127.0.0.1", "sec-fetch-site: cross-site\r\n"), 403);
    let own = format!("origin: http://{}\r\n", site.address);
    assert_eq!(ask(&site.address.to_string(), &own), 200);
    let post = |fields: &str, body: &str| site.call("POST", "/api/steer", fields, body).status;
    assert_eq!(post("content-type: text/plain\r\n", "{\"do\":\"stop\"}"), 415);
    assert_eq!(post("", ""), 415, "also without a body");
    assert_eq!(post("content-type: application/json\r\n", "{\"do\":\"stop\"}"), 409, "nothing runs");
    assert_eq!(site.call("DELETE", "/api/runs", "", "").status, 405);
    for (method, path, right) in [("GET", "/api/runs", "POST"), ("POST", "/api/state", "GET, HEAD")] {
        let wrong = site.call(method, path, "content-type: application/json\r\n", "");
        assert_eq!((wrong.status, wrong.field("allow").as_str()), (405, right), "{method} {path}");
    }
    let long = "x".repeat(70_000);
    assert_eq!(post("content-type: application/json\r\n", &long), 413);
}

#[test]
fn a_browser_signs_in_with_a_password_and_gets_a_session_that_ends() {
    let site = password();
    assert_eq!(site.get("/").status, 200, "the page itself is open, since it asks for the password");
    assert_eq!(
        site.get("/api/session").json(),
        json!({ "signed_in": false, "needs": "password", "version": "0.1.0" })
    );
    for (method, path) in CLOSED {
        let reply = site.call(method, path, "content-type: application/json\r\n", "");
        assert_eq!(reply.status, 401, "{method} {path}");
        assert!(!reply.field("www-authenticate").contains("Basic"), "no window of the browser's own");
    }
    let right = site.post("/api/login", &json!({ "user": "ann", "password": "s3cret" }));
    assert_eq!(right.status, 204);
    let cookie = right.field("set-cookie");
    assert!(
        cookie.starts_with(&format!("bench-session-{}=", site.address.port()))
            && cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"),
        "{cookie}"
    );
    let cookie = format!("cookie: {}\r\n", cookie.split(';').next().unwrap_or_default());
    assert_eq!(site.call("GET", "/api/session", &cookie, "").json()["signed_in"], true);
    assert_eq!(site.call("GET", "/api/state", &cookie, "").status, 200);
    let mut stream = Stream::open(&site, &cookie);
    assert_eq!(stream.next().expect("the board").0, "board");
    let out = site.call("POST", "/api/logout", &format!("content-type: application/json\r\n{cookie}"), "{}");
    assert_eq!((out.status, site.call("GET", "/api/state", &cookie, "").status), (204, 401));
}

#[test]
fn wrong_attempts_are_refused_counted_and_told_without_what_was_tried() {
    let site = password();
    for (user, secret) in [("ann", "guess-one"), ("bob", "s3cret")] {
        let wrong = site.post("/api/login", &json!({ "user": user, "password": secret }));
        assert_eq!((wrong.status, wrong.field("set-cookie").as_str()), (401, ""));
        assert!(!wrong.text().contains(secret), "{}", wrong.text());
    }
    // bob:s3cret in base64.
    assert_eq!(site.call("GET", "/api/state", "authorization: Basic Ym9iOnMzY3JldA==\r\n", "").status, 401);
    let told = site.told.lock().expect("no panic").join("\n");
    assert!(told.contains("(wrong attempt)") && told.contains("(3 wrong attempts in a row)"), "{told}");
    for secret in ["guess-one", "s3cret", "Ym9i"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert_eq!(site.call("POST", "/api/login", "content-type: application/json\r\n", "{").status, 400);
}

#[test]
fn programs_send_their_secret_with_each_request() {
    let site = password();
    // ann:s3cret in base64.
    assert_eq!(site.call("GET", "/api/state", "authorization: Basic YW5uOnMzY3JldA==\r\n", "").status, 200);
    let site = Site::with(Access::token("0123456789abcdef").expect("a token"), &[]);
    assert_eq!(site.get("/api/session").json()["needs"], "token");
    assert_eq!(site.call("GET", "/api/state", "authorization: Bearer 0123456789abcdef\r\n", "").status, 200);
    assert_eq!(site.get("/api/state?token=0123456789abcdef").status, 401, "an address ends up in logs");
    assert_eq!(site.post("/api/login", &json!({ "token": "0123456789abcdef" })).status, 204);
    assert_eq!(site.post("/api/login", &json!({ "token": "0123456789abcdeX" })).status, 401);
}

#[test]
fn no_call_tells_whether_a_guess_is_right_without_counting_it() {
    let site = password();
    let guess = "authorization: Basic eDp5\r\n";
    for (number, path) in
        ["/api/session", "/api/state", "/api/live", "/results/a/files/0"].into_iter().enumerate()
    {
        assert_eq!(site.call("GET", path, guess, "").status, 401, "{path}");
        assert_eq!(site.told.lock().expect("no panic").len(), number + 1, "{path}: it is counted");
    }
    let right = site.post("/api/login", &json!({ "user": "ann", "password": "s3cret" }));
    let cookie = right.field("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let both = format!("cookie: {cookie}\r\n{guess}");
    assert_eq!(site.call("GET", "/api/state", &both, "").status, 200, "who is signed in is not asked again");
}
