//! Counts for Prometheus, made for a hot path: plain atomics that are found before the request comes,
//! so that counting is an addition and rendering pays for the rest.
//!
//! Names and labels are those of the system that this load balancer stands in for, so that its
//! dashboards keep working. Its learned agent is a service of its own, asked over HTTP; what only such a
//! one has (confidence scores, feedback sent and failed) has no series here.

use crate::state::Decisions;
use lb_core::Span;
use lb_core::policy::GuardCounts;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Count and summed latency per status, for a handful of statuses.
///
/// A slot is claimed by the first request with its status and never given back; a service that
/// answers with more statuses than there are slots has the rest in the last one, as `other`.
#[derive(Default)]
pub(crate) struct StatusTable {
    slots: [StatusSlot; Self::SLOTS],
}

#[derive(Default)]
struct StatusSlot {
    status: AtomicU32,
    count: AtomicU64,
    nanos: AtomicU64,
}

impl StatusTable {
    const SLOTS: usize = 16;
    const FREE: u32 = 0;
    const OTHER: u32 = u32::MAX;

    /// Counts one request.
    pub(crate) fn record(&self, status: u16, latency: Span) {
        let slot = self.slot(u32::from(status));
        slot.count.fetch_add(1, Relaxed);
        slot.nanos.fetch_add(latency.as_nanos(), Relaxed);
    }

    fn slot(&self, status: u32) -> &StatusSlot {
        let (last, slots) = self.slots.split_last().expect("the table has slots");
        for slot in slots {
            let found = slot.status.load(Relaxed);
            if found == status {
                return slot;
            }
            if found == Self::FREE {
                match slot.status.compare_exchange(Self::FREE, status, Relaxed, Relaxed) {
                    Ok(_) => return slot,
                    Err(other) if other == status => return slot,
                    Err(_) => {}
                }
            }
        }
        last.status.store(Self::OTHER, Relaxed);
        last
    }

    /// Status label, count and summed seconds of each status seen.
    pub(crate) fn read(&self) -> impl Iterator<Item = (String, u64, f64)> {
        self.slots.iter().filter_map(|slot| {
            let label = match slot.status.load(Relaxed) {
                Self::FREE => return None,
                Self::OTHER => "other".to_owned(),
                status => status.to_string(),
            };
            Some((label, slot.count.load(Relaxed), seconds(slot.nanos.load(Relaxed))))
        })
    }
}

/// Latencies in fixed buckets.
#[derive(Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; Self::BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    /// Upper bounds in nanoseconds: 1, 2.5, 5 a decade, from what a loopback reply takes to the
    /// longest usual timeout.
    const BOUNDS: [u64; 17] = [
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        10_000_000_000,
        30_000_000_000,
    ];

    /// Counts one latency.
    pub(crate) fn record(&self, latency: Span) {
        let nanos = latency.as_nanos();
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < nanos);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.nanos.fetch_add(nanos, Relaxed);
    }

    fn render(&self, out: &mut String, name: &str, labels: &str) {
        let mut seen = 0;
        for (bucket, bound) in self.buckets.iter().zip(Self::BOUNDS) {
            seen += bucket.load(Relaxed);
            line(out, format_args!("{name}_bucket{{{labels},le=\"{}\"}} {seen}", seconds(bound)));
        }
        seen += self.buckets[Self::BOUNDS.len()].load(Relaxed);
        line(out, format_args!("{name}_bucket{{{labels},le=\"+Inf\"}} {seen}"));
        line(out, format_args!("{name}_sum{{{labels}}} {}", seconds(self.nanos.load(Relaxed))));
        line(out, format_args!("{name}_count{{{labels}}} {seen}"));
    }
}

/// Why a request failed, as the label `error_type` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorType {
    /// The backend answered with 5xx.
    Backend,
    /// No answer in time.
    Timeout,
    /// The connection to the backend failed or broke.
    Connection,
    /// No backend could be picked.
    NoInstance,
}

impl ErrorType {
    const ALL: [Self; 4] = [Self::Backend, Self::Timeout, Self::Connection, Self::NoInstance];

    const fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::NoInstance => "no_instance",
        }
    }
}

/// What is counted per service.
#[derive(Default)]
pub(crate) struct ServiceMetrics {
    /// Replies by status.
    pub(crate) requests: StatusTable,
    /// Time from the arrival of a request to the end of its reply.
    pub(crate) duration: Histogram,
    errors: [StatusTable; 4],
}

impl ServiceMetrics {
    /// Counts one failed request.
    pub(crate) fn error(&self, kind: ErrorType, status: u16, latency: Span) {
        self.errors[kind as usize].record(status, latency);
    }
}

/// What is counted per service and backend.
#[derive(Default)]
pub(crate) struct MemberMetrics {
    /// Replies by status.
    pub(crate) replies: StatusTable,
    /// Requests without a usable reply, and 5xx.
    pub(crate) errors: AtomicU64,
}

/// What is counted for the process.
#[derive(Default)]
pub(crate) struct GlobalMetrics {
    /// Open client connections.
    pub(crate) connections: AtomicI64,
}

/// The names of all series.
pub(crate) const NAMES: [&str; 12] = [
    "lb_active_connections",
    "lb_proxy_requests_total",
    "lb_proxy_errors_total",
    "lb_proxy_request_duration_seconds",
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
pub(crate) struct Page {
    text: String,
}

/// One service as a scrape sees it.
pub(crate) struct ServicePage<'a> {
    pub(crate) name: &'a str,
    pub(crate) metrics: &'a ServiceMetrics,
    pub(crate) members: Vec<MemberPage<'a>>,
}

/// One backend of a service as a scrape sees it.
pub(crate) struct MemberPage<'a> {
    pub(crate) id: &'a str,
    pub(crate) metrics: &'a MemberMetrics,
    pub(crate) in_flight: u32,
}

/// The learned policy as a scrape sees it.
pub(crate) struct RlPage<'a> {
    /// Hash of the policy file; none without one.
    pub(crate) policy: Option<&'a str>,
    pub(crate) pools: Vec<RlPool<'a>>,
}

/// What the policies of one pool decided, whoever was current when.
pub(crate) struct RlPool<'a> {
    pub(crate) name: &'a str,
    pub(crate) counts: GuardCounts,
    pub(crate) decisions: Decisions,
}

impl Page {
    /// Renders everything in the text format that Prometheus scrapes.
    pub(crate) fn render(services: &[ServicePage<'_>], rl: &RlPage<'_>, global: &GlobalMetrics) -> String {
        let mut page = Self { text: String::with_capacity(4096) };
        page.gauge("lb_active_connections", "Open client connections.", global.connections.load(Relaxed));
        page.services(services);
        page.members(services);
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
            for (kind, table) in ErrorType::ALL.iter().zip(&service.metrics.errors) {
                for (status, count, _) in table.read() {
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
        let name = "lb_proxy_request_duration_seconds";
        self.head(name, "histogram", "From the arrival of a request to the end of its reply.");
        for service in services {
            let labels = format!("service=\"{}\"", service.name);
            service.metrics.duration.render(&mut self.text, name, &labels);
        }
    }

    fn members(&mut self, services: &[ServicePage<'_>]) {
        type Value = fn(&MemberPage<'_>) -> u64;
        let simple: [(&str, &str, &str, Value); 3] = [
            ("lb_pod_requests_total", "counter", "Replies of a backend.", |member| {
                member.metrics.replies.read().map(|(_, count, _)| count).sum()
            }),
            ("lb_pod_errors_total", "counter", "Failed requests of a backend.", |member| {
                member.metrics.errors.load(Relaxed)
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
    /// A pool's name stands where the original names a service: pools decide, for all their services.
    fn rl(&mut self, rl: &RlPage<'_>) {
        let broken = rl.pools.iter().any(|pool| pool.counts.not_finite > 0);
        let healthy = rl.policy.is_some() && !broken;
        self.gauge(
            "rl_agent_health",
            "1 while a policy file is loaded and none has given a score that is no number.",
            i64::from(healthy),
        );
        if let Some(sha256) = rl.policy {
            self.head("rl_policy_info", "gauge", "The policy file by the hash of its weights.");
            line(&mut self.text, format_args!("rl_policy_info{{sha256=\"{sha256}\"}} 1"));
        }
        self.rl_counts(
            "rl_decisions_total",
            "Decisions of the learned policy, by who made them; service is the pool.",
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
        let name = "rl_decision_duration_seconds";
        self.head(name, "summary", "Time of one decision of the learned policy, of every 64th.");
        for RlPool { name: pool, decisions, .. } in &rl.pools {
            let (pool, sum) = (escape(pool), seconds(decisions.nanos));
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

fn pairs<'a>(services: &'a [ServicePage<'a>]) -> impl Iterator<Item = (&'a str, &'a MemberPage<'a>)> {
    services.iter().flat_map(|service| service.members.iter().map(move |member| (service.name, member)))
}

/// A label's value: names of services and backends are plain, names of pools may hold anything.
fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes all that is written to it");
}
