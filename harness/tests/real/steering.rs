//! `rl` where a load balancer takes weights: an agent sets them, and a control with constant ones runs beside it.

use crate::common::{Bench, algorithm, number, text};
use crate::processes::assert_none_left;
use harness::testbed::Installed;
use lb_admin_client::Kind;
use serde_json::Value;

const CONTROL: &str = "rl (constant weights)";

/// Whether what it takes is there.
pub(crate) fn can(kind: Kind) -> bool {
    let found = || Installed::find(kind, None);
    kind.modules.is_none_or(|modules| found().is_ok_and(|installed| modules(&installed.program).is_ok()))
}

/// Of eight backends with speeds from 1 to 8, the fastest get more weight than the slowest; the control's stay
/// as they are.
pub(crate) fn weights_follow_speeds(kind: Kind) {
    let bench = Bench::new();
    let what = ["--config", "steady_requests_config.json", "--topology", "situation-b"];
    let load = ["--arrivals", "poisson:200", "--duration", "3s", "--warm-up", "3s", "--no-oracles"];
    let args = ["--load-balancer", kind.name(), "--algorithms", "rl", "--out", "out"];
    let output = bench.run(&[&what[..], &load, &args].concat());
    assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    let summary = bench.json("out/summary.json");
    let share = |name: &str, backend: &str| {
        number(algorithm(&summary, name), &format!("/steering/mean_shares/{backend}"))
    };
    for backend in (1..=8).map(|place| format!("b{place}")) {
        let constant = share(CONTROL, &backend);
        assert!(
            (constant - 0.125).abs() < 1e-9,
            "{kind}: the control keeps {backend} at an eighth: {constant}"
        );
    }
    let [slow, fast] = [["b1", "b2"], ["b7", "b8"]].map(|pair| share("rl", pair[0]) + share("rl", pair[1]));
    assert!(fast > 2.0 * slow, "{kind}: weights follow speeds: {fast} of the fastest, {slow} of the slowest");
    for name in ["rl", CONTROL] {
        let result = algorithm(&summary, name);
        assert_eq!(number(result, "/error_rate"), 0.0, "{kind}: {name}: setting weights loses no request");
        assert_eq!(number(result, "/steering/failures"), 0.0, "{kind}: {name}: weights were always set");
        assert!(number(result, "/steering/age_p50_ms") > 0.0, "{kind}: {name}: a look takes its time");
        assert_eq!(result["counted_by"], Value::from(kind.name()), "{kind}: its own counters were looked at");
    }
    let weights = std::fs::read_to_string(bench.path("out/trials/steady-requests-rl-0-weights.csv"));
    let weights = weights.expect("every look is kept");
    let mut lines = weights.lines();
    assert_eq!(lines.next(), Some("at_s,age_ms,b1,b2,b3,b4,b5,b6,b7,b8"), "a column for each backend");
    assert_eq!(
        lines.count() as f64,
        number(algorithm(&summary, "rl"), "/steering/looks"),
        "a line for each look"
    );
    assert_none_left(bench.dir.path());
}
