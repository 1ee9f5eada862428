//! Names from outside are text on the page: they make no elements, and run nothing.

use crate::common::{config, text};
use crate::devtools::{Browser, Page, quoted};
use crate::fake::{self, hostile};
use crate::stage::Stage;
use lb_web::{Access, Choice, Choices, ModeChoice, Options, PackChoice, Program};
use serde_json::json;
use std::path::Path;
use tokio::sync::mpsc;

/// Says whether a hostile text ran or made an element.
const HARMED: &str =
    "(window.ran !== undefined) || document.querySelector('img[src=x], main script, [onerror]') !== null";

/// The name of a folder that would run a script if it were taken for an element.
const FOLDER: &str = "<img src=x onerror=\"window.ran=3\">'&amp;";

/// The same as the name of a mark, which may have 64 characters.
const MARK: &str = "</li><img src=x onerror=\"window.ran=5\">'&amp;";

/// Checks that a page shows these texts as they are, and that they did nothing.
fn shows(page: &Page, texts: &[String]) {
    for text in texts {
        let script = format!("document.documentElement.textContent.includes({})", quoted(text));
        page.until(&format!("the page shows {text} as text"), &script);
    }
    harmless(page);
}

fn harmless(page: &Page) {
    assert_eq!(page.run(HARMED), false, "no name did anything");
    assert!(page.events("Page.javascriptDialogOpening").is_empty());
}

pub(crate) fn real(browser: &Browser) {
    let stage = Stage::start(&["--configs", "."]);
    let mut experiment =
        config(2, 1.0, &json!({ "algorithms": ["random"], "warm_up_s": 0, "topology": "situation-a" }));
    experiment["scenarios"][0]["name"] = hostile("scenario").into();
    let name = stage.bench.config("<b>config.json", &experiment);
    let out = format!("results/{FOLDER}");
    let run =
        stage.bench.run(&["--config", &name, "--engine", "sim", "--no-oracles", "--quiet", "--out", &out]);
    assert!(run.status.success(), "{}", text(&run.stderr));

    let page = browser.open(&stage.url);
    page.choose("#kind", "config");
    shows(&page, &["<b>config.json".to_owned()]);
    page.click("#nav-results");
    shows(&page, &["<b>config.json".to_owned()]);
    let link =
        page.until("a report is offered", "document.querySelector('#results a[href*=\"/reports/\"]')?.href");
    let report = page.beside(link.as_str().expect("an address"));
    shows(&report, &["scenario".to_owned()]);
    report.close();

    stage.load(3);
    page.click("#nav-watch");
    page.until_text("#state", "Running");
    page.fill("#mark-name", MARK);
    page.click("#set-mark");
    shows(&page, &[MARK.to_owned()]);
    page.reload();
    page.click("#nav-watch");
    shows(&page, &[MARK.to_owned()]);
    stage.stop();
    page.click("#nav-results");
    page.until("two results are there", "document.querySelectorAll('#results .compare-before').length === 2");
    for link in page
        .run("[...document.querySelectorAll('#results a[href*=\"/reports/\"]')].map((one) => one.href)")
        .as_array()
        .expect("a list")
    {
        let report = page.beside(link.as_str().expect("an address"));
        report.until("it is a report", "document.querySelector('h1') !== null");
        harmless(&report);
    }

    // What is typed into the form is shown again in the command that it stands for.
    page.click("#nav-start");
    page.choose("#kind", "url");
    page.fill("#url", &hostile("http://127.0.0.1:9/"));
    page.fill("#label", &hostile("label"));
    page.until_text("#command", "label");
    harmless(&page);
}

/// A server of the page that starts this test binary in place of `bench`.
struct Served {
    url: String,
    /// Ends the server when it goes.
    _stop: mpsc::UnboundedSender<()>,
}

impl Served {
    fn start(results: &Path) -> Self {
        let (stop, stopped) = mpsc::unbounded_channel();
        let (tell, told) = std::sync::mpsc::channel();
        let results = results.to_owned();
        std::thread::spawn(move || {
            let options = Options {
                listen: [127, 0, 0, 1].into(),
                port: 0,
                hosts: Vec::new(),
                access: Access::Everybody,
                results,
                tell: Box::new(|_| {}),
            };
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let served = async {
                let bound = options.bind().expect("a free port");
                tell.send(bound.address()).expect("the test waits");
                bound.serve(program(), stopped).await
            };
            tokio::task::LocalSet::new().block_on(&runtime, served).expect("the server serves");
        });
        Self { url: format!("http://{}", told.recv().expect("an address")), _stop: stop }
    }
}

fn program() -> Program {
    let choice = |word: &str| Choice { name: hostile(word), about: hostile("about"), word: None };
    let choices = move || Choices {
        packs: vec![PackChoice {
            name: hostile("pack"),
            title: hostile("title"),
            about: hostile("question"),
            modes: vec![ModeChoice {
                name: hostile("mode"),
                about: hostile("purpose"),
                users: Some(10),
                duration: Some("forever".to_owned()),
                default: true,
            }],
            profiles: vec![choice("profile")],
            word: None,
        }],
        configs: vec![choice("config")],
        algorithms: vec![choice("policy")],
        load_balancers: vec![hostile("proxy")],
        environment: [("USERS".to_owned(), hostile("variable"))].into(),
    };
    Program {
        exe: std::env::current_exe().expect("this program"),
        name: "bench".to_owned(),
        choices: Box::new(choices),
        trend: Box::new(|| None),
    }
}

/// Writes results of a load whose every text is hostile, with a report that would run a script.
fn write_results(folder: &Path, number: u32) {
    let folder = folder.join(format!("{FOLDER}{number}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let label = format!("--label={}", hostile("label"));
    let document = json!({
        "schema_version": 1, "run_id": hostile("run"), "started_at": format!("2026-11-30T00:00:0{number}Z"),
        "command": ["bench", "serve-load", label], "config": hostile("settings"), "algorithm": hostile("chosen"),
        "ending": "complete", "seconds": 10.0,
        "totals": { "requests": 10, "requests_per_s": 1.0, "error_rate": 0.0, "p95_ms": 3.0 }
    });
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    write("continuous.json", &document.to_string());
    write(
        "continuous.html",
        "<!doctype html><title>report</title><h1>report</h1><script>window.ran=4</script>",
    );
    write("<b>notes.csv", "a,b\n");
}

fn all(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| hostile(word)).collect()
}

pub(crate) fn everywhere(browser: &Browser) {
    let results = tempfile::tempdir().expect("a folder");
    write_results(results.path(), 1);
    write_results(results.path(), 2);
    let served = Served::start(results.path());
    let page = browser.open(&served.url);
    page.until_usable("#start-form");
    shows(&page, &all(&["pack", "title", "question", "mode", "policy", "proxy", "variable"]));
    shows(&page, &all(&["plan"]));
    page.choose("#kind", "config");
    shows(&page, &all(&["config", "about"]));
    page.choose("#kind", "pack");

    page.click("#start");
    page.until_text("#state", "Running");
    page.until_text("#statistics", "endpoint");
    page.fill("#mark-name", "x");
    page.click("#set-mark");
    page.until_text("#answer", "answer");
    shows(&page, &all(&fake::RUN));
    let other = browser.open(&served.url);
    other.click("#nav-watch");
    shows(&other, &all(&fake::RUN));
    page.run("document.querySelectorAll('main button[aria-expanded=false]').forEach((one) => one.click())");
    harmless(&page);
    page.click("#stop");
    page.until_text("#state", "Over");
    // The page begins a sentence with it.
    shows(&page, &[hostile("error").replacen('e', "", 1), hostile("problem")]);

    page.click("#nav-results");
    page.until("two results are there", "document.querySelectorAll('#results .compare-before').length === 2");
    shows(&page, &all(&["run", "settings", "chosen"]));
    shows(&page, &["<b>notes.csv".to_owned()]);
    page.run("document.querySelectorAll('#results .compare-before')[1].click()");
    page.run("document.querySelectorAll('#results .compare-after')[0].click()");
    page.click("#compare");
    page.until_text("#comparison", "plan");
    harmless(&page);
    let link = page.run("document.querySelector('#results a[href*=\"/reports/\"]').href");
    let report = page.beside(link.as_str().expect("an address"));
    report.until_text("h1", "report");
    assert_eq!(report.run("window.ran === undefined"), true, "no report can run a script");
}
