//! Every mistake has a message that says what to do.

use lb_recording::Entry;
use lb_synthesis::{
    Example, Method, Order, Traffic, TrafficModel, Zone, learn, read_model, simulate, synthesise,
};

/// 2026-01-05 10:00 UTC, a Monday, in nanoseconds.
const MONDAY_TEN: i128 = 1_767_607_200_000_000_000;

fn entry(second: i128, target: &str) -> Entry {
    Entry {
        at: Some(MONDAY_TEN + second * 1_000_000_000),
        method: "GET".to_owned(),
        target: target.to_owned(),
        ..Entry::default()
    }
}

fn model(entries: impl IntoIterator<Item = Entry>) -> Result<TrafficModel, String> {
    let traffic = Traffic::collect(entries).map_err(|error| error.to_string())?;
    learn(&traffic, &Zone::utc(), 1_800.0).map_err(|error| error.to_string())
}

/// A request every ten seconds from Monday 10:00 to 11:00.
fn one_hour() -> TrafficModel {
    model((0..360).map(|number| entry(10 * number, "/a"))).expect("an hour is enough")
}

fn order(day: &str, length_s: f64) -> Order {
    Order { day: Some(day.to_owned()), length_s: Some(length_s), ..Order::default() }
}

#[test]
fn a_log_that_says_nothing_is_refused() {
    assert_eq!(model([]).expect_err("empty"), "the recording has no requests");
    let one = model([entry(0, "/a")]).expect_err("one");
    assert!(one.starts_with("the recording has 1 request, at 2026-01-05T10:00:00.000Z"), "{one}");
    let same = model([entry(0, "/a"), entry(0, "/b")]).expect_err("one instant");
    assert!(same.starts_with("all 2 requests have the time 2026-01-05T10:00:00.000Z"), "{same}");
}

#[test]
fn two_requests_are_a_model_that_knows_its_limits() {
    let model = model([entry(0, "/a"), entry(7, "/a")]).expect("two times");
    assert!(model.sessions.is_none() && model.bursts.modulation.is_none() && model.popularity.zipf.is_none());
    assert_eq!(model.hours.len(), 1);
    assert!(
        model.hours[0].low < model.hours[0].per_second && model.hours[0].per_second < model.hours[0].high
    );
}

#[test]
fn an_hour_is_not_a_day() {
    let error = synthesise(&one_hour(), &order("monday", 86_400.0)).expect_err("a day").to_string();
    assert!(error.contains("no data for 23 of the 24 hours"), "{error}");
    assert!(error.contains("it covers the hour from Monday 10:00"), "{error}");
    for method in [Method::Resample, Method::Model] {
        let list =
            synthesise(&one_hour(), &Order { method, ..order("mondayT10:00", 3_600.0) }).expect("an hour");
        assert!((300..420).contains(&list.requests.len()), "{method:?}: {}", list.requests.len());
        let weekend =
            synthesise(&one_hour(), &Order { method, ..order("sundayT10:00", 3_600.0) }).expect("an hour");
        assert_eq!(weekend.notes.len(), 1, "the rates are those of another day, which is said");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for (order, part) in [
        (order("someday", 60.0), "`someday` is not a day; use a date such as `2026-01-31`"),
        (order("mondayT25:00", 60.0), "`mondayT25:00` is not a day"),
        (order("2026-02-30", 60.0), "`2026-02-30` is not a day"),
        (order("1900-01-01", 60.0), "beyond"),
        (order("mondayT10:00", 0.0), "the length must be above 0"),
        (order("mondayT10:00", f64::NAN), "the length must be above 0"),
        (Order { scale: -1.0, ..order("mondayT10:00", 60.0) }, "the scale must be above 0"),
        (Order { scale: 1e9, ..order("mondayT10:00", 60.0) }, "the limit is 5000000"),
        (order("mondayT10:00", 0.001), "no request was drawn"),
    ] {
        let error = synthesise(&one_hour(), &order).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
    for example in [Example { days: 0, ..Example::default() }, Example { requests: 0, ..Example::default() }]
    {
        assert!(simulate(&example).is_err());
    }
}

#[test]
fn a_model_that_is_not_one_is_refused_with_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    let whole = serde_json::to_value(one_hour()).expect("JSON");
    let broken = |pointer: &str, value: serde_json::Value| {
        let mut broken = whole.clone();
        *broken.pointer_mut(pointer).expect("the key exists") = value;
        broken.to_string()
    };
    for (text, part) in [
        (String::new(), "it is not JSON"),
        ("[]".to_owned(), "`schema_version` is missing"),
        (broken("/schema_version", 99.into()), "`schema_version` is 99, but this version of bench reads 1"),
        (broken("/kinds", serde_json::json!([])), "`kinds` is empty"),
        (broken("/kinds/0/targets", serde_json::json!([])), "`kinds[0].targets`"),
        (broken("/hours/0/weekday", 9.into()), "`hours[0]` needs a weekday from 1 to 7"),
        (broken("/hours/0/per_second", (-1.0).into()), "`hours[0]`"),
        (broken("/cells/0/kind", 7.into()), "`cells[0]`"),
        (broken("/source/resolution_s", (-1.0).into()), "`source.resolution_s` must be from 0 to 60"),
        (broken("/source/from", 7.into()), "`source.from`: invalid type"),
    ] {
        std::fs::write(&path, &text).expect("written");
        let error = read_model(&path).expect_err(part).to_string();
        assert!(error.contains(part) && error.contains("bench learn FILE"), "{part}: {error}");
    }
    std::fs::write(&path, whole.to_string()).expect("written");
    assert_eq!(read_model(&path).expect("the model itself"), one_hour());
}

#[test]
fn endpoints_keep_whatever_they_are_called() {
    let hostile = "/a\"b'</script>\\u{7}?x=%22";
    let model = model((0..360).map(|number| entry(10 * number, hostile))).expect("an hour");
    let list = synthesise(&model, &order("mondayT10:00", 3_600.0)).expect("a list");
    assert!(list.requests.iter().all(|request| request.endpoint == hostile));
    let read: serde_json::Value = serde_json::from_str(&list.to_json()).expect("JSON");
    assert_eq!(read[0]["endpoint"], hostile);
}

#[test]
fn a_model_that_asks_for_too_much_is_refused_and_never_stalls() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    let log = simulate(&Example { days: 1, requests: 3_000, seed: 1 }).expect("a log");
    let whole = model(log.entries()).expect("a day is enough");
    assert!(whole.sessions.is_some() && whole.bursts.modulation.is_some());
    let whole = serde_json::to_value(whole).expect("JSON");
    let with = |changes: &[(&str, serde_json::Value)]| {
        let mut changed = whole.clone();
        for (pointer, value) in changes {
            *changed.pointer_mut(pointer).expect("the key exists") = value.clone();
        }
        std::fs::write(&path, changed.to_string()).expect("written");
        read_model(&path)
            .and_then(|model| synthesise(&model, &order("monday", 86_400.0)).map(|list| list.requests.len()))
    };
    let number = |value: f64| serde_json::Value::from(value);
    for (changes, part) in [
        (vec![("/hours/5/sessions_per_second", number(1e300))], "the limit is 5000000"),
        (
            vec![("/hours/5/observed_s", number(1e308)), ("/hours/6/sessions_per_second", number(1e9))],
            "the limit is",
        ),
        (vec![("/bursts/modulation/burst_factor", number(1e9))], "`bursts.modulation`"),
        (
            vec![("/bursts/modulation/calm_s", number(0.001)), ("/bursts/modulation/burst_s", number(0.001))],
            "bursts and calms",
        ),
        (vec![("/sessions/lengths/0/requests", u64::MAX.into())], "`sessions.lengths`"),
        (vec![("/sessions/think_times_s", serde_json::json!([-1.0]))], "`sessions.think_times_s`"),
    ] {
        let error = with(&changes).expect_err(part).to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
    let endless = vec![("/sessions/think_times_s", serde_json::json!([1e300, 1e300]))];
    assert!(with(&endless).is_ok(), "pauses beyond the list end a session");
}
