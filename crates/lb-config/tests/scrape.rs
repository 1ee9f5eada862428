//! What is read beside the load, in configs and flags.

use lb_config::{Overrides, Plan, ScrapePlace, ScrapeWhat, from_text, plan};
use serde_json::{Value, json};

fn planned(bench: &Value, flags: &Overrides) -> Result<Plan, String> {
    let config = json!({
        "scenarios": [{ "name": "s", "duration_minutes": 0.1, "concurrent_users": 2 }],
        "bench": bench
    });
    let loaded = from_text("config.json", &config.to_string()).map_err(|error| error.to_string())?;
    plan(&loaded, flags).map_err(|error| error.to_string())
}

fn refusal(scrape: &Value) -> String {
    planned(&json!({ "scrape": scrape }), &Overrides::default()).expect_err("it is refused")
}

#[test]
fn a_config_lists_targets_as_text_or_with_their_parts() {
    let bench = json!({
        "scrape": [
            "load-balancer",
            { "name": "queue", "url": "http://h:9100", "series": "jobs{pool=\"a\"}", "by": ["pod"], "rate": false },
            { "name": "cpu", "url": "http://prom:9090", "query": "rate(x[15s])" }
        ],
        "scrape_interval_s": 5
    });
    let plan = planned(&bench, &Overrides::default()).expect("a plan");
    let [word, series, query] = plan.scrapes() else { panic!("three targets: {:?}", plan.scrapes()) };
    assert_eq!((&word.place, &word.what), (&ScrapePlace::LoadBalancer, &ScrapeWhat::WellKnown));
    assert_eq!(series.shown_place(), "http://h:9100/metrics");
    let ScrapeWhat::Series { of, by, rate } = &series.what else { panic!("{series:?}") };
    assert_eq!(
        (of.to_string().as_str(), by.as_slice(), *rate),
        ("jobs{pool=\"a\"}", &["pod".to_owned()][..], Some(false))
    );
    assert_eq!(query.shown_place(), "http://prom:9090/api/v1/query");
    assert_eq!(query.what, ScrapeWhat::Query("rate(x[15s])".to_owned()));
    assert_eq!(plan.scrape_interval().as_secs_f64(), 5.0);
    assert_eq!(plan.to_json("")["scrape"][1]["series"], "jobs{pool=\"a\"}");
}

#[test]
fn flags_replace_the_targets_of_the_config() {
    let flags = Overrides { scrape: vec!["http://h/metrics".to_owned()], ..Overrides::default() };
    let plan = planned(&json!({ "scrape": ["load-balancer", "backends"] }), &flags).expect("a plan");
    assert_eq!(plan.scrapes().len(), 1);
    assert_eq!(plan.scrape_interval().as_secs_f64(), 1.0, "a second by default");
}

#[test]
fn faults_name_the_key_the_value_and_the_way_out() {
    for (scrape, parts) in [
        (
            json!(["lod-balancer"]),
            &["bench.scrape[0] = \"lod-balancer\"", "did you mean `load-balancer`?"][..],
        ),
        (
            json!([{ "url": "http://h", "query": "a", "series": "b" }]),
            &["bench.scrape[0].query", "leave one of them out"],
        ),
        (
            json!([{ "url": "http://h", "series": "a b" }]),
            &["bench.scrape[0].series", "`a b` is not a selector"],
        ),
        (json!([{ "url": "h" }]), &["bench.scrape[0].url = \"h\"", "use `http://host:9100/metrics`"]),
        (
            json!([{ "url": "http://h", "by": ["pod"] }]),
            &["bench.scrape[0].by", "only together with `series`"],
        ),
        (json!([{ "url": "http://h", "serie": "a" }]), &["serie", "series"]),
        (json!([{ "name": "q" }]), &["url"]),
        (json!(["q=http://a/m", "q=http://b/m"]), &["bench.scrape[1]", "the name `q` of another one"]),
        (json!(vec!["load-balancer"; 33]), &["bench.scrape[32]", "at most 32"]),
        (json!([7]), &["bench.scrape[0] = 7"]),
    ] {
        let message = refusal(&scrape);
        for part in parts {
            assert!(message.contains(part), "{scrape}: the message holds `{part}`: {message}");
        }
    }
    let message =
        planned(&json!({ "scrape_interval_s": 0.5 }), &Overrides::default()).expect_err("too short");
    assert!(message.contains("bench.scrape_interval_s = 0.5"), "{message}");
}

#[test]
fn in_virtual_time_nothing_is_read_and_that_is_noted() {
    let plan =
        planned(&json!({ "engine": "sim", "scrape": ["backends"] }), &Overrides::default()).expect("a plan");
    let notes: Vec<String> = plan.notes().iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.starts_with("bench.scrape[0] = 1: has no effect")), "{notes:?}");
}
