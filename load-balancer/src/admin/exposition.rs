//! Renders the metrics in the text format that Prometheus scrapes.
//!
//! Names and labels are those of the Spring application, so that its dashboards keep working. There, the
//! learned agent is a separate service that is called over HTTP. Metrics that only such a service has
//! (confidence scores, feedback sent and failed) have no series here.

use crate::load_reports::ReportCounts;
use crate::metrics::{ErrorType, GlobalMetrics, Histogram, MemberMetrics, ServiceMetrics};
use crate::state::Decisions;
use lb_core::Span;
use lb_core::policy::GuardCounts;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// The names of all series, as `/actuator/metrics` lists them.
pub(super) const NAMES: [&str; 15] = [
    "lb_active_connections",
    "lb_proxy_requests_total",
    "lb_proxy_errors_total",
    "lb_client_aborts_total",
    "lb_proxy_request_duration_seconds",
    "lb_tunnels",
    "lb_tunnel_duration_seconds",
    "lb_pod_requests_total",
    "lb_pod_errors_total",
    "lb_pod_active_requests",
    "lb_pod_response_duration_seconds",
    "rl_agent_health",
    "rl_decisions_total",
    "rl_fallback_total",
    "rl_decision_duration_seconds",
];

/// The text of one scrape.
pub(super) struct Page {
    text: String,
}

/// One service in a scrape.
pub(super) struct ServicePage<'a> {
    pub(super) name: &'a str,
    pub(super) metrics: ServiceMetrics,
    pub(super) members: Vec<MemberPage<'a>>,
}

/// One backend of a service in a scrape.
pub(super) struct MemberPage<'a> {
    pub(super) id: &'a str,
    pub(super) metrics: MemberMetrics,
    pub(super) in_flight: u32,
}

/// The load reports of one backend in a scrape.
pub(super) struct ReportPage<'a> {
    pub(super) id: &'a str,
    pub(super) counts: ReportCounts,
    /// Age of the latest report; `None` before the first.
    pub(super) age: Option<Span>,
}

/// The learned policy in a scrape.
pub(super) struct RlPage<'a> {
    /// Hash of the weights; `None` without a policy file.
    pub(super) policy: Option<&'a str>,
    pub(super) pools: Vec<RlPool<'a>>,
}

/// The decisions of one pool's learned policies since the process started.
pub(super) struct RlPool<'a> {
    pub(super) name: &'a str,
    pub(super) counts: GuardCounts,
    pub(super) decisions: Decisions,
}

impl Page {
    /// Renders everything in the text format that Prometheus scrapes.
    pub(super) fn render(
        services: &[ServicePage<'_>],
        reports: &[ReportPage<'_>],
        rl: &RlPage<'_>,
        global: &GlobalMetrics,
    ) -> String {
        let mut page = Self { text: String::with_capacity(4096) };
        page.gauge("lb_active_connections", "Open client connections.", global.connections.load(Relaxed));
        page.services(services);
        page.members(services);
        if !reports.is_empty() {
            page.reports(reports);
        }
        page.rl(rl);
        page.text
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        line(&mut self.text, format_args!("# HELP {name} {help}"));
        line(&mut self.text, format_args!("# TYPE {name} {kind}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) {
        self.head(name, "gauge", help);
        line(&mut self.text, format_args!("{name} {value}"));
    }

    fn services(&mut self, services: &[ServicePage<'_>]) {
        self.head("lb_proxy_requests_total", "counter", "Proxied requests by status.");
        for service in services {
            for (status, count, _) in service.metrics.requests.read() {
                let name = service.name;
                line(
                    &mut self.text,
                    format_args!("lb_proxy_requests_total{{service=\"{name}\",status=\"{status}\"}} {count}"),
                );
            }
        }
        self.head("lb_proxy_errors_total", "counter", "Failed requests by cause and status.");
        for service in services {
            for kind in ErrorType::ALL {
                for (status, count, _) in service.metrics.errors(kind).read() {
                    let (name, kind) = (service.name, kind.name());
                    line(
                        &mut self.text,
                        format_args!(
                            "lb_proxy_errors_total{{service=\"{name}\",error_type=\"{kind}\",status=\"{status}\"}} {count}"
                        ),
                    );
                }
            }
        }
        let name = "lb_client_aborts_total";
        self.head(name, "counter", "Requests whose client went away, was too slow or sent a malformed body.");
        for service in services {
            let (service, count) = (service.name, service.metrics.client_aborts());
            line(&mut self.text, format_args!("{name}{{service=\"{service}\"}} {count}"));
        }
        let name = "lb_proxy_request_duration_seconds";
        self.head(name, "histogram", "From the arrival of a request to the end of its reply.");
        for service in services {
            let labels = format!("service=\"{}\"", service.name);
            histogram(&mut self.text, &service.metrics.duration, name, &labels);
        }
        self.tunnels(services);
    }

    fn tunnels(&mut self, services: &[ServicePage<'_>]) {
        let name = "lb_tunnels";
        self.head(name, "gauge", "Open tunnels: requests that became a WebSocket or the like.");
        for service in services {
            let (service, open) = (service.name, service.metrics.tunnels());
            line(&mut self.text, format_args!("{name}{{service=\"{service}\"}} {open}"));
        }
        let name = "lb_tunnel_duration_seconds";
        self.head(name, "summary", "From the arrival of such a request to the end of its tunnel.");
        for service in services {
            let (service, (count, sum)) = (service.name, service.metrics.tunnels_closed());
            line(&mut self.text, format_args!("{name}_sum{{service=\"{service}\"}} {sum}"));
            line(&mut self.text, format_args!("{name}_count{{service=\"{service}\"}} {count}"));
        }
    }

    fn members(&mut self, services: &[ServicePage<'_>]) {
        type Value = fn(&MemberPage<'_>) -> u64;
        let simple: [(&str, &str, &str, Value); 3] = [
            ("lb_pod_requests_total", "counter", "Replies of a backend.", |member| {
                member.metrics.replies.read().map(|(_, count, _)| count).sum()
            }),
            ("lb_pod_errors_total", "counter", "Failed requests of a backend.", |member| {
                member.metrics.errors()
            }),
            ("lb_pod_active_requests", "gauge", "Requests in flight on a backend.", |member| {
                u64::from(member.in_flight)
            }),
        ];
        for (name, kind, help, value) in simple {
            self.head(name, kind, help);
            for (service, member) in pairs(services) {
                let value = value(member);
                line(
                    &mut self.text,
                    format_args!("{name}{{service=\"{service}\",pod_name=\"{}\"}} {value}", member.id),
                );
            }
        }
        let name = "lb_pod_response_duration_seconds";
        self.head(name, "summary", "From sending a request to a backend to the end of its reply.");
        for (service, member) in pairs(services) {
            for (status, count, sum) in member.metrics.replies.read() {
                let labels = format!("service=\"{service}\",pod_name=\"{}\",status=\"{status}\"", member.id);
                line(&mut self.text, format_args!("{name}_sum{{{labels}}} {sum}"));
                line(&mut self.text, format_args!("{name}_count{{{labels}}} {count}"));
            }
        }
    }
}

impl Page {
    /// Writes the series of load reports, by backend: a backend reports for all services of its pool.
    fn reports(&mut self, reports: &[ReportPage<'_>]) {
        let name = "lb_load_reports_total";
        self.head(name, "counter", "Load reports of a backend that were used, by source.");
        for page in reports {
            for (source, count) in page.counts.read_used() {
                let id = page.id;
                line(&mut self.text, format_args!("{name}{{pod_name=\"{id}\",source=\"{source}\"}} {count}"));
            }
        }
        let name = "lb_load_report_faults_total";
        self.head(name, "counter", "Load reports and probes of a backend that were of no use, by cause.");
        for page in reports {
            for (fault, count) in page.counts.read_faults() {
                let id = page.id;
                line(&mut self.text, format_args!("{name}{{pod_name=\"{id}\",fault=\"{fault}\"}} {count}"));
            }
        }
        type Value = fn(&ReportCounts) -> u64;
        let simple: [(&str, &str, Value); 2] = [
            (
                "lb_load_report_ignored_total",
                "Values in load reports that were out of range or given twice.",
                ReportCounts::read_ignored,
            ),
            (
                "lb_load_probes_withheld_total",
                "Probes that were not sent: the last one was not answered, or a limit was reached.",
                ReportCounts::read_withheld,
            ),
        ];
        for (name, help, value) in simple {
            self.head(name, "counter", help);
            for page in reports {
                let count = value(&page.counts);
                line(&mut self.text, format_args!("{name}{{pod_name=\"{}\"}} {count}", page.id));
            }
        }
        let name = "lb_load_report_age_seconds";
        self.head(name, "gauge", "Age of the latest load report of a backend.");
        for page in reports {
            if let Some(age) = page.age {
                let age = age.as_secs_f64();
                line(&mut self.text, format_args!("{name}{{pod_name=\"{}\"}} {age}", page.id));
            }
        }
    }

    /// Writes the series of the learned policy. Their label `service` holds the name of a pool, because a
    /// pool decides for all its services.
    fn rl(&mut self, rl: &RlPage<'_>) {
        let broken = rl.pools.iter().any(|pool| pool.counts.not_finite > 0);
        let healthy = rl.policy.is_some() && !broken;
        self.gauge(
            "rl_agent_health",
            "1 while a policy file is loaded and no score was NaN or infinite.",
            i64::from(healthy),
        );
        if let Some(sha256) = rl.policy {
            self.head("rl_policy_info", "gauge", "The policy file, identified by the hash of its weights.");
            line(&mut self.text, format_args!("rl_policy_info{{sha256=\"{sha256}\"}} 1"));
        }
        self.rl_counts(
            "rl_decisions_total",
            "Decisions of the learned policy, by their source; service is the pool.",
            "decision_type",
            &rl.pools,
            |counts| {
                let fallback = counts.stale + counts.not_finite;
                let own = counts.picks - counts.minimum_share - fallback;
                vec![("rl", own), ("minimum_share", counts.minimum_share), ("fallback", fallback)]
            },
        );
        self.rl_counts(
            "rl_fallback_total",
            "Decisions that the fallback made, by cause; service is the pool.",
            "reason",
            &rl.pools,
            |counts| vec![("stale", counts.stale), ("not_finite", counts.not_finite)],
        );
        self.rl_counts(
            "rl_profile_alarms_total",
            "Alarms that a backend does not serve as the policy's pool profile says; service is the pool.",
            "reason",
            &rl.pools,
            |counts| vec![("distrusted", counts.distrusted)],
        );
        let name = "rl_decision_duration_seconds";
        self.head(name, "summary", "Time that a decision of the learned policy takes; every 64th is timed.");
        for RlPool { name: pool, decisions, .. } in &rl.pools {
            let (pool, sum) = (escape(pool), decisions.nanos as f64 / 1e9);
            line(&mut self.text, format_args!("{name}_sum{{service=\"{pool}\"}} {sum}"));
            line(&mut self.text, format_args!("{name}_count{{service=\"{pool}\"}} {}", decisions.timed));
        }
    }

    fn rl_counts(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        pools: &[RlPool<'_>],
        values: impl Fn(&GuardCounts) -> Vec<(&'static str, u64)>,
    ) {
        self.head(name, "counter", help);
        for pool in pools {
            let service = escape(pool.name);
            for (value, count) in values(&pool.counts) {
                line(
                    &mut self.text,
                    format_args!("{name}{{service=\"{service}\",{label}=\"{value}\"}} {count}"),
                );
            }
        }
    }
}

/// Writes the lines of one histogram.
fn histogram(out: &mut String, histogram: &Histogram, name: &str, labels: &str) {
    let mut all = 0;
    for (bound, seen) in histogram.read() {
        let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
        line(out, format_args!("{name}_bucket{{{labels},le=\"{bound}\"}} {seen}"));
        all = seen;
    }
    line(out, format_args!("{name}_sum{{{labels}}} {}", histogram.seconds()));
    line(out, format_args!("{name}_count{{{labels}}} {all}"));
}

fn pairs<'a>(services: &'a [ServicePage<'a>]) -> impl Iterator<Item = (&'a str, &'a MemberPage<'a>)> {
    services.iter().flat_map(|service| service.members.iter().map(move |member| (service.name, member)))
}

/// Escapes a label's value. Names of services and backends need no escaping, but names of pools may contain
/// anything.
fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes all that is written to it");
}
