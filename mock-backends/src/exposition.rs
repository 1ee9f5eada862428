//! `/actuator/prometheus` of one backend, in the text format that Prometheus scrapes.
//!
//! Names and labels are those of Spring Boot, so that dashboards and collectors for such services find them.
//! There is no Java heap here: its series show the memory that degradation uses. Scrapes, probes and requests
//! to `/api/hold` are not counted.

use crate::counts::CallKind;
use crate::unit::{Load, Snapshot};
use lb_core::Time;
use std::fmt::{self, Write};

/// The media type of the metrics.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The heap size in the memory series, in bytes: a common limit for a small service.
const HEAP_BYTES: f64 = 512.0 * 1024.0 * 1024.0;

/// Renders the metrics; `now` is the time since the start.
pub(crate) fn render(state: &Snapshot, load: Load, now: Time) -> String {
    let mut page = String::with_capacity(2048);
    write(&mut page, state, load, now).expect("a string takes all that is written to it");
    page
}

fn write(out: &mut String, state: &Snapshot, load: Load, now: Time) -> fmt::Result {
    let name = "http_server_requests_seconds";
    head(out, name, "summary", "Time from the arrival of a request to its reply.")?;
    for (CallKind { method, uri, status }, tally) in &state.counts.by_call {
        let labels = format!("{{method=\"{method}\",status=\"{status}\",uri=\"{uri}\"}}");
        writeln!(out, "{name}_count{labels} {}", tally.count)?;
        writeln!(out, "{name}_sum{labels} {}", tally.sum.as_secs_f64())?;
    }
    let name = "http_server_requests_seconds_max";
    head(out, name, "gauge", "Longest such time of the last one to two minutes.")?;
    for (CallKind { method, uri, status }, tally) in &state.counts.by_call {
        let longest = tally.longest.at(now).as_secs_f64();
        writeln!(out, "{name}{{method=\"{method}\",status=\"{status}\",uri=\"{uri}\"}} {longest}")?;
    }
    let heap = "{area=\"heap\"}";
    for (name, labels, help, value) in [
        (
            "http_server_requests_active",
            "",
            "Requests that are in service or waiting.",
            state.in_system as f64,
        ),
        ("system_cpu_usage", "", "Share of the backend that is busy or used by degradation.", load.cpu),
        ("jvm_memory_used_bytes", heap, "Memory used by degradation.", load.memory * HEAP_BYTES),
        ("jvm_memory_max_bytes", heap, "Memory that degradation can use.", HEAP_BYTES),
        ("process_uptime_seconds", "", "Time since the start of the process.", now.as_secs_f64()),
    ] {
        head(out, name, "gauge", help)?;
        writeln!(out, "{name}{labels} {value}")?;
    }
    Ok(())
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}")?;
    writeln!(out, "# TYPE {name} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use lb_core::Span;

    #[test]
    fn a_scrape_has_the_series_of_a_spring_service_with_true_values() {
        let mut counts = Counts::default();
        let cart = CallKind::new("GET", Some("/api/cart"), 200);
        let begin = Time::ZERO;
        counts.replied(cart, Span::from_millis(250), begin);
        counts.replied(cart, Span::from_millis(500), begin);
        counts.replied(CallKind::new("BREW", None, 404), Span::from_millis(1), begin);
        let state = Snapshot { up: true, in_system: 3, hanging: 0, speed: 1.0, counts };
        let page = render(&state, Load { cpu: 0.5, memory: 0.25 }, Time::ZERO + Span::from_secs(7));
        let values: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "http_server_requests_seconds_count{method=\"GET\",status=\"200\",uri=\"/api/cart\"} 2",
                "http_server_requests_seconds_sum{method=\"GET\",status=\"200\",uri=\"/api/cart\"} 0.75",
                "http_server_requests_seconds_count{method=\"OTHER\",status=\"404\",uri=\"UNKNOWN\"} 1",
                "http_server_requests_seconds_sum{method=\"OTHER\",status=\"404\",uri=\"UNKNOWN\"} 0.001",
                "http_server_requests_seconds_max{method=\"GET\",status=\"200\",uri=\"/api/cart\"} 0.5",
                "http_server_requests_seconds_max{method=\"OTHER\",status=\"404\",uri=\"UNKNOWN\"} 0.001",
                "http_server_requests_active 3",
                "system_cpu_usage 0.5",
                "jvm_memory_used_bytes{area=\"heap\"} 134217728",
                "jvm_memory_max_bytes{area=\"heap\"} 536870912",
                "process_uptime_seconds 7",
            ]
        );
        assert!(page.contains("# TYPE http_server_requests_seconds summary\n"), "{page}");
    }
}
