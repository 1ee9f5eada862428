//! Whether everybody can use the page: axe-core finds nothing serious, and nothing is wider than a narrow window.
//!
//! axe-core comes in a Python package that carries it as a file, and is given to the page as a person's extension would
//! bring it.

use crate::devtools::{Browser, Look, Page};
use crate::stage::{Stage, requests};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::LazyLock;

/// What needs axe-core.
pub(crate) const TESTS: [crate::Test; 1] =
    [("axe_finds_nothing_serious_in_any_view_at_any_width_in_light_and_dark", every_view)];

/// Prints the script, from the wheel in the folder that the argument names.
const READ: &str = "import glob, sys, zipfile
(wheel,) = glob.glob(sys.argv[1] + '/axe_playwright_python-*.whl')
sys.stdout.buffer.write(zipfile.ZipFile(wheel).read('axe_playwright_python/axe.min.js'))";

/// The script of axe-core, if it was fetched.
static AXE: LazyLock<Option<String>> = LazyLock::new(|| {
    let (python, sources) = (std::env::var_os("BENCH_PYTHON")?, std::env::var_os("BENCH_PYTHON_SOURCES")?);
    let read = Command::new(python).args(["-c", READ]).arg(sources).output().ok()?;
    read.status.success().then(|| String::from_utf8(read.stdout).expect("a script is text"))
});

/// Returns whether axe-core is there.
pub(crate) fn has_axe() -> bool {
    AXE.is_some()
}

/// A wide and a narrow window, in light and dark.
const LOOKS: [Look; 4] = [
    Look { width: 1400, height: 1000, dark: false },
    Look { width: 1400, height: 1000, dark: true },
    Look { width: 390, height: 844, dark: false },
    Look { width: 390, height: 844, dark: true },
];

/// Waits until transitions are over and two frames were drawn.
const SETTLED: &str =
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";

/// What axe-core says, in short. The impact of what it finds is minor, moderate, serious or critical.
const ASK: &str = "axe.run(document, { resultTypes: ['violations'] }).then((told) => ({
  rules: told.passes.length,
  found: told.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => ({
    id: one.id, help: one.help, nodes: one.nodes.slice(0, 5).map((node) => [node.target.join(' '), node.html.slice(0, 200), node.failureSummary]),
  })),
}))";

/// Elements that reach beyond the right edge of the page and do not lie in something that scrolls by itself.
const WIDE: &str = "(() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (one) => one !== null && one !== document.body && one !== document.documentElement &&
    (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  const wide = [...document.body.querySelectorAll('*')].filter((one) => one.checkVisibility() &&
    one.getBoundingClientRect().right > width + 1 && !scrolls(one.parentElement));
  return { page: document.documentElement.scrollWidth, width, wide: wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 160)) };
})()";

/// Looks at a view in every way.
fn judge(page: &Page, view: &str) {
    for look in LOOKS {
        page.show(look);
        page.run(SETTLED);
        let told = page.run(ASK);
        assert!(told["rules"].as_u64() > Some(10), "axe-core looked at {view} ({look:?}): {told}");
        assert_eq!(told["found"], json!([]), "{view} ({look:?}): {:#}", told["found"]);
        fits(page, view, look);
    }
}

/// Checks that nothing is wider than the window.
fn fits(page: &Page, view: &str, look: Look) {
    let found = page.run(WIDE);
    assert_eq!(found["page"], found["width"], "{view} ({look:?}) is wider than the window: {found:#}");
    assert_eq!(found["wide"], json!([]), "{view} ({look:?}): {found:#}");
}

fn open(browser: &Browser, stage: &Stage) -> Page {
    let page = browser.open(&stage.url);
    page.run(&format!("{};0", AXE.as_deref().expect("this test runs only where axe-core is")));
    page
}

fn every_view(browser: &Browser) {
    let locked = Stage::start_with(&[], &[("BENCH_WEB_AUTH", "admin:secret")]);
    let page = open(browser, &locked);
    page.until_usable("#sign-in");
    judge(&page, "signing in");
    drop((page, locked));

    let stage = Stage::start(&[]);
    let page = open(browser, &stage);
    page.until_usable("#start-form");
    page.until_text("#command", "bench pack");
    judge(&page, "the start form");
    page.choose("#kind", "url");
    judge(&page, "the start form for an address");
    page.click("#nav-results");
    judge(&page, "no results");
    page.click("#nav-watch");
    judge(&page, "nothing running");

    stage.load(20);
    let fault = json!({ "do": "fault", "backend": "api-1", "fault": { "fault": "error_rate", "rate": 1.0 } });
    let (status, said) = stage.post("/api/steer", &fault);
    assert_eq!((status, &said["ok"]), (200, &Value::Bool(true)), "{said}");
    stage.until("requests fail", |board| {
        board["statistics"]["failures"].as_array().is_some_and(|all| !all.is_empty())
    });
    page.until_text("#failures", "HTTP 5");
    judge(&page, "a running load");
    page.run("document.querySelectorAll('main button[aria-expanded=false]').forEach((one) => one.click())");
    page.run("document.querySelectorAll('main details').forEach((one) => (one.open = true))");
    judge(&page, "a running load with tables in place of charts");

    stage.stop();
    page.until_text("#state", "Over");
    judge(&page, "a load that is over");
    page.click("#nav-results");
    page.until("a result is there", "document.querySelector('#results .compare-before')");
    page.run("document.querySelectorAll('main details').forEach((one) => (one.open = true))");
    judge(&page, "results");

    experiment(&stage, &page);
}

/// An experiment shows its trials.
fn experiment(stage: &Stage, page: &Page) {
    let form = json!({
        "kind": "pack", "pack": "api", "mode": "smoke", "users": 5, "duration": "2s", "repetitions": 1,
        "algorithms": ["round-robin", "random"]
    });
    let (status, said) = stage.post("/api/runs", &form);
    assert_eq!(status, 201, "{said}");
    page.click("#nav-watch");
    let board = stage.until("the experiment is over", |board| board["run"]["state"] == "over");
    assert!(requests(&board) > 0, "{board:#}");
    page.until("its trials are there", "document.querySelectorAll('#trials tbody tr').length >= 2");
    judge(page, "an experiment");
}
