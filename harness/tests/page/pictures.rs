//! Pictures of the page for the documentation, in a wide and a narrow window, in light and dark.

use crate::devtools::{Browser, Look, Page, quoted};
use crate::stage::{Stage, column, last};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Names the folder in which pictures are written.
const FOLDER: &str = "BENCH_PICTURES";

/// A picture may have so many bytes.
const LARGEST: usize = 250_000;

/// What writes the pictures.
pub(crate) const TEST: crate::Test = ("pictures_of_the_page_are_written", take);

/// Returns where pictures are wanted; `None` if none are.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    // Tests run in the folder of their crate, and people name folders from the root.
    Some(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder))
}

/// Takes a picture of what is seen in each kind of window, in narrow ones from an element on.
fn shoot(page: &Page, view: &str, heights: [u32; 2], from: &str) {
    let folder = folder().expect("pictures are wanted");
    for (name, width, height) in [("wide", 1400, heights[0]), ("narrow", 390, heights[1])] {
        for dark in [false, true] {
            page.show(Look { width, height, dark });
            let from = if width < 1000 { from } else { "body" };
            page.run(&format!("document.querySelector({}).scrollIntoView()", quoted(from)));
            // Charts fit themselves to the window, and are drawn again with the next figures.
            std::thread::sleep(std::time::Duration::from_millis(1500));
            let picture = page.picture(false);
            let theme = if dark { "dark" } else { "light" };
            let path = folder.join(format!("page-{view}-{name}-{theme}.png"));
            assert!(picture.len() <= LARGEST, "{} has {} bytes", path.display(), picture.len());
            std::fs::write(&path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

fn take(browser: &Browser) {
    let stage = Stage::start(&[]);
    let page = browser.open(&stage.url);
    page.until_usable("#start-form");
    page.choose("#pack", "boutique");
    page.fill("#users", "50");
    page.until_text("#command", "--users=50");
    shoot(&page, "start", [1000, 1200], "body");

    running(&stage, &page);
    stage.stop();
    experiment(&stage);
    experiment(&stage);
    results(&stage, &page);
}

/// A load whose users change, with a fault that begins and ends.
fn running(stage: &Stage, page: &Page) {
    stage.load(20);
    let steer = |command: &Value| {
        let (status, said) = stage.post("/api/steer", command);
        assert_eq!((status, &said["ok"]), (200, &Value::Bool(true)), "{said}");
    };
    let pass = |seconds: f64| {
        let begun = last(&stage.board(), "t");
        stage.until("time passes", |board| last(board, "t") >= begun + seconds);
    };
    pass(20.0);
    steer(&json!({ "do": "users", "users": 60, "spawn_rate": 5 }));
    pass(20.0);
    steer(&json!({ "do": "mark", "name": "version 2" }));
    pass(10.0);
    steer(&json!({ "do": "fault", "backend": "api-2", "fault": { "fault": "latency_factor", "factor": 4 } }));
    pass(20.0);
    steer(&json!({ "do": "clear_faults" }));
    steer(&json!({ "do": "fault", "backend": "api-3", "fault": { "fault": "error_rate", "rate": 0.3 } }));
    pass(15.0);
    page.click("#nav-watch");
    page.until_text("#failures", "HTTP 5");
    assert!(column(&stage.board(), "t").len() > 80);
    shoot(page, "watch", [1600, 1500], "#charts");
}

/// An experiment in virtual time, so that the machine does not matter.
fn experiment(stage: &Stage) {
    let form = json!({
        "kind": "pack", "pack": "api", "mode": "load", "engine": "sim", "duration": "30s", "repetitions": 6,
        "algorithms": ["round-robin", "least-connections"]
    });
    let (status, said) = stage.post("/api/runs", &form);
    assert_eq!(status, 201, "{said}");
    stage.until("the experiment is over", |board| board["run"]["state"] == "over");
}

fn results(stage: &Stage, page: &Page) {
    page.click("#nav-results");
    page.until(
        "three results are there",
        "document.querySelectorAll('#results .compare-before').length === 3",
    );
    let runs = stage.get("/api/results");
    for (side, at) in [("before", 1), ("after", 0)] {
        let id = runs["runs"][at]["id"].as_str().expect("an id");
        page.click(&format!("#results .compare-{side}[value={}]", quoted(id)));
    }
    page.click("#compare");
    page.until_text("#comparison", "p95");
    page.run("document.activeElement.blur()");
    shoot(page, "results", [1000, 1400], "body");
}
