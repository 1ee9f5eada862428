//! The readers of files: none of them may panic, stall or fill the memory.

use bytes::Bytes;
use lb_analysis::threshold::{Threshold, preset};
use lb_config::{Overrides, from_text, plan};
use lb_core::policy::PolicyFile;
use lb_core::rng::hash_name;
use lb_core::topology::Topology;
use lb_grading::{
    Analysis, analyze_content, compare, render, render_comparison, render_comparison_page, render_page,
};
use lb_import::import_text;
use lb_recording::{Entries, FieldMap, LogFormat, Play, ReadOptions, RecordingFormat};
use lb_scrape::{MOST_SAMPLES, MOST_SERIES, PageReader, QueryReader, Scraped, Selector, Wanted, well_known};
use lb_synthesis::{Method, Order, parse_model, synthesise};
use lb_traces::read::{ParquetFile, Traces};
use load_balancer::Config;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Plans a config, and renders what is wrong with it.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    plan_of(text);
}

/// Reads a config of the reference load balancer.
pub fn balancer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = Config::parse(text, Path::new("")) {
        let _ = error.to_string();
    }
}

/// Checks a topology as mock backends do at their start, and plans a config with it.
pub fn topology(bytes: &[u8]) {
    let Ok(topology) = serde_json::from_slice::<Value>(bytes) else { return };
    if let Ok(parsed) = serde_json::from_value::<Topology>(topology.clone()) {
        let _ = parsed.problems();
    }
    plan_of(&smallest(&json!({ "topology": topology })));
}

/// Plans a config with a journey.
pub fn journey(bytes: &[u8]) {
    let Ok(journey) = serde_json::from_slice::<Value>(bytes) else { return };
    plan_of(&smallest(&json!({ "journey": journey })));
}

/// Reads a recording as the format that its content suggests, and as one of the others, which the bytes choose; and its
/// entries one by one. A reader that knows all formats would be tried thirty times less often.
pub fn recording(bytes: &[u8]) {
    let chosen = hash_name(bytes);
    let rate = (chosen & 1 == 1).then_some(10.0);
    let formats = RecordingFormat::ALL;
    let format = formats[(chosen >> 1) as usize % formats.len()];
    for options in [ReadOptions::default(), options_of(format)] {
        read_recording(bytes, ReadOptions { rate, ..options });
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = text.parse::<LogFormat>();
        let _ = text.parse::<FieldMap>();
    }
}

/// Reads a stored recording in every format.
pub(crate) fn recording_in_all_formats(bytes: &[u8]) {
    for options in RecordingFormat::ALL.map(options_of).into_iter().chain([ReadOptions::default()]) {
        for rate in [None, Some(10.0)] {
            read_recording(bytes, ReadOptions { rate, ..options.clone() });
        }
    }
}

fn options_of(format: RecordingFormat) -> ReadOptions {
    let own = || -> Arc<LogFormat> {
        let format = r#"$remote_addr [$time_local] "$request" $status $upstream_addr $upstream_status $upstream_response_time"#;
        Arc::new(format.parse().expect("a format of nginx"))
    };
    match format {
        RecordingFormat::LogFormat => ReadOptions { log_format: Some(own()), ..ReadOptions::default() },
        format => ReadOptions { format: Some(format), ..ReadOptions::default() },
    }
}

fn read_recording(bytes: &[u8], options: ReadOptions) {
    match lb_recording::read("recording", bytes, options.clone()) {
        Ok(trace) => {
            assert!(trace.requests.times().is_sorted(), "a recording is in order of time");
            for request in trace.requests.iter() {
                let target = request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
                assert!(target && request.path.starts_with('/'), "`{}` can be sent", request.path);
            }
            let (replay, _) = trace.play(Play { speed: 2.0, ..Play::default() });
            assert!(replay.times().is_sorted(), "and stays so");
        }
        Err(error) => drop(error.to_string()),
    }
    if let Ok(mut entries) = Entries::read("recording", bytes, options) {
        let times: Vec<_> = entries.by_ref().filter_map(|entry| entry.at).collect();
        assert!(times.is_sorted(), "entries are in order of time");
        let _ = entries.notes();
    }
}

/// Reads each line as a threshold and as a preset; the text of a threshold means the same threshold.
pub fn thresholds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for line in text.lines() {
        if let Ok(threshold) = line.parse::<Threshold>() {
            let again = threshold.text().parse::<Threshold>();
            assert_eq!(again.as_ref().ok(), Some(&threshold), "`{line}` is read back from its text");
        }
        if let Some((selector, condition)) = line.split_once('=') {
            let _ = Threshold::new(selector, condition);
        }
        let _ = preset(line);
    }
}

/// Reads a policy file, which is written again to the same bytes' meaning.
pub fn policy(bytes: &[u8]) {
    match PolicyFile::from_bytes(bytes) {
        Ok(policy) => {
            let again = PolicyFile::from_bytes(&policy.to_bytes()).expect("what was read can be written");
            assert_eq!(again.action, policy.action, "and means the same");
        }
        Err(error) => drop(error.to_string()),
    }
}

/// Grades results of any tool, and renders them or, as the bytes choose, their comparison with themselves. Rendering takes far
/// longer than reading.
pub fn analyze(bytes: &[u8]) {
    let is_even = hash_name(bytes).is_multiple_of(2);
    analyze_and(bytes, &[if is_even { render_analysis } else { render_comparisons }]);
}

/// Grades stored results, and renders them and their comparison with themselves.
pub(crate) fn analyze_in_full(bytes: &[u8]) {
    analyze_and(bytes, &[render_analysis, render_comparisons]);
}

fn analyze_and(bytes: &[u8], renders: &[fn(Analysis)]) {
    match analyze_content(Path::new("results"), bytes) {
        Ok(analysis) => renders.iter().for_each(|renders| renders(analysis.clone())),
        Err(error) => drop(error.to_string()),
    }
}

fn render_analysis(analysis: Analysis) {
    drop((render(&analysis, &[]), render_page(&analysis, &[])));
    let document = serde_json::to_value(analysis.document(jiff::Timestamp::UNIX_EPOCH, &[]));
    assert!(document.is_ok(), "an analysis is JSON");
}

fn render_comparisons(analysis: Analysis) {
    if let Ok(comparison) = compare(analysis.clone(), analysis) {
        drop((render_comparison(&comparison, &[]), render_comparison_page(&comparison, &[])));
    }
}

/// The most values that are read from a trace. A file may hold millions that are all equal, which takes a second and shows
/// nothing new.
const VALUES_OF_TRACE: u64 = 50_000;

/// Reads a Parquet file as decision traces.
pub fn traces(bytes: &[u8]) {
    let path = Path::new("trace.parquet");
    let read = ParquetFile::from_bytes(path, Bytes::copy_from_slice(bytes))
        .and_then(|file| Traces::of_file(&file.limited_to(VALUES_OF_TRACE), path, None));
    if let Err(error) = read {
        let _ = error.to_string();
    }
}

/// Imports a HAR file, a collection or an API description, and plans the config that is made of it.
pub fn import(bytes: &[u8]) {
    match import_text("import", bytes, &lb_import::Options::default()) {
        Ok(made) => plan_of(&made.config.to_string()),
        Err(error) => drop(error.to_string()),
    }
}

/// Reads a traffic model, and synthesises a second of it both ways, or ten for one of sixteen inputs, which the bytes
/// choose: drawing the requests takes far longer than reading the model. There are no more than a hundred per second.
pub fn model(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let model = match parse_model("model", text) {
        Ok(model) => model,
        Err(error) => return drop(error.to_string()),
    };
    let length_s = if hash_name(bytes).is_multiple_of(16) { 10.0 } else { 1.0 };
    let highest = model.hours.iter().map(|hour| hour.per_second).fold(1.0, f64::max);
    for method in [Method::Resample, Method::Model] {
        let order =
            Order { method, length_s: Some(length_s), scale: (100.0 / highest).min(1.0), ..Order::default() };
        match synthesise(&model, &order) {
            Ok(list) => drop(list.to_json()),
            Err(error) => drop(error.to_string()),
        }
    }
}

/// Reads a page of metrics or an answer of a Prometheus server, twice as a target gives it; what is kept is bounded, finite
/// and in order of time.
pub fn scrape(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // Parsing the selectors of the table takes longer than reading a short page.
    static WELL_KNOWN: LazyLock<Vec<Wanted>> = LazyLock::new(|| well_known("target"));
    let mut wanted = WELL_KNOWN.clone();
    for line in text.lines() {
        if let Ok(selector) = line.parse::<Selector>() {
            let again = selector.to_string().parse::<Selector>();
            assert_eq!(again.as_ref(), Ok(&selector), "`{selector}` is read back from its text");
            wanted.push(Wanted::chosen("chosen", selector, &["a".to_owned()], None));
        }
    }
    let (mut pages, mut query) = (PageReader::new(wanted), QueryReader::new("query"));
    for at_s in [0.0, 1.0] {
        if let Err(error) = pages.read(at_s, &text) {
            let _ = error.to_string();
        }
        if let Err(error) = query.read(at_s, &text) {
            let _ = error.to_string();
        }
    }
    for Scraped { series, .. } in [pages.finish(), query.finish()] {
        assert!(series.len() <= MOST_SERIES, "the number of series is bounded");
        for one in series {
            assert!(one.samples.len() <= MOST_SAMPLES, "and that of samples");
            assert!(one.samples.iter().flatten().all(|number| number.is_finite()), "{one:?}");
            assert!(one.samples.is_sorted_by(|before, after| before[0] <= after[0]), "{one:?}");
        }
    }
}

fn plan_of(text: &str) {
    match from_text("config.json", text).and_then(|loaded| plan(&loaded, &Overrides::default())) {
        Ok(plan) => drop(plan.to_json("")),
        Err(error) => drop(error.to_string()),
    }
}

/// Returns a config with one small scenario and this `bench` block.
fn smallest(bench: &Value) -> String {
    let scenario = json!({ "name": "s", "duration_minutes": 0.1, "concurrent_users": 2 });
    json!({ "scenarios": [scenario], "bench": bench }).to_string()
}
