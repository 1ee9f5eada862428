//! `/actuator/prometheus` and `/actuator/metrics`: collects the counters for a scrape.

use super::exposition::{MemberPage, NAMES, Page, ReportPage, RlPage, RlPool, ServicePage};
use super::reply::Shared;
use crate::load_reports::ReportCounts;
use crate::metrics::{MemberMetrics, ServiceMetrics};
use crate::state::State as Balancers;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(super) async fn scrape(State(state): Shared) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, page(&state)).into_response()
}

pub(super) async fn names() -> Json<Value> {
    Json(json!({ "names": NAMES }))
}

/// Renders the text of a Prometheus scrape.
fn page(state: &Balancers) -> String {
    let table = state.table();
    let now = state.now();
    let mut routes: Vec<_> = table.routes.values().collect();
    routes.sort_by(|a, b| a.service.cmp(&b.service));
    let services: Vec<_> = routes
        .iter()
        .map(|route| {
            let tallies = route.pool.tally(now);
            ServicePage {
                name: &route.service,
                metrics: route.metrics.sum(ServiceMetrics::plus),
                members: route
                    .members
                    .iter()
                    .map(|member| MemberPage {
                        id: &member.backend.id,
                        metrics: member.metrics.sum(MemberMetrics::plus),
                        in_flight: tallies.get(member.backend.index.get()).map_or(0, |tally| tally.in_flight),
                    })
                    .collect(),
            }
        })
        .collect();
    let trained = state.trained();
    let pools = table.pools.iter().map(|pool| RlPool {
        name: &pool.name,
        counts: pool.guard_counts(),
        decisions: pool.decisions(),
    });
    let rl = RlPage {
        policy: trained.as_ref().map(|trained| trained.file.sha256.as_str()),
        pools: pools.collect(),
    };
    let backends = if state.config.load_reports.is_some() { state.backends() } else { Vec::new() };
    let reports: Vec<_> = backends
        .iter()
        .map(|(_, backend)| {
            let counts = backend.reports.counts.sum(ReportCounts::plus);
            let age = counts.read_last().map(|last| now.since(last));
            ReportPage { id: &backend.id, counts, age }
        })
        .collect();
    Page::render(&services, &reports, &rl, &state.metrics)
}
