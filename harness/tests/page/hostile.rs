//! Names from outside are text on the page: they make no elements, and run nothing.

use crate::common::{config, text};
use crate::devtools::{Browser, Page, quoted};
use crate::fake::hostile;
use crate::stage::Stage;
use serde_json::json;

/// Says whether a hostile text ran or made an element.
const HARMED: &str =
    "(window.ran !== undefined) || document.querySelector('img[src=x], main script, [onerror]') !== null";

/// The name of a folder that would run a script if it were taken for an element.
const FOLDER: &str = "<img src=x onerror=\"window.ran=3\">'&amp;";

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
    let stage = Stage::start(&[]);
    let mut experiment =
        config(2, 1.0, &json!({ "algorithms": ["random"], "warm_up_s": 0, "topology": "situation-a" }));
    experiment["scenarios"][0]["name"] = hostile("scenario").into();
    let name = stage.bench.config("<b>config.json", &experiment);
    let out = format!("results/{FOLDER}");
    let run =
        stage.bench.run(&["--config", &name, "--engine", "sim", "--no-oracles", "--quiet", "--out", &out]);
    assert!(run.status.success(), "{}", text(&run.stderr));

    let page = browser.open(&stage.url);
    page.click("#nav-results");
    shows(&page, &[FOLDER.to_owned()]);
    let link =
        page.until("a report is offered", "document.querySelector('#results a[href*=\"/reports/\"]')?.href");
    let report = page.beside(link.as_str().expect("an address"));
    shows(&report, &["scenario".to_owned()]);
    report.close();

    stage.load(3);
    page.click("#nav-watch");
    page.until_text("#state", "Running");
    page.fill("#mark-name", &hostile("mark"));
    page.click("#set-mark");
    shows(&page, &[hostile("mark")]);
    page.reload();
    page.click("#nav-watch");
    shows(&page, &[hostile("mark")]);
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
