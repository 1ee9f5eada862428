//! Metrics that are read beside the load: addresses, and what is taken from them.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where metrics are read, and which.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Scrape {
    /// An address of metrics, as for `--scrape`: `http://host:9100/metrics`, `queue=http://host:9100/metrics#jobs_waiting`,
    /// `cpu=http://prometheus:9090?query=…`, or one of the words `load-balancer` and `backends`.
    Text(String),
    /// The same with its parts.
    Settings(ScrapeSettings),
}

/// An address of metrics, and what is taken from there: a query, a series of the page, or well-known ones.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScrapeSettings {
    /// Name of the series in reports; by default what is taken.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) name: Option<String>,
    /// Address of a page of metrics or of a Prometheus server; or `load-balancer` or `backends`, for those that `bench`
    /// starts.
    #[schemars(length(min = 1))]
    pub(crate) url: String,
    /// Query in PromQL that the Prometheus server at `url` answers. Each series of the result is kept.
    #[schemars(length(min = 1))]
    pub(crate) query: Option<String>,
    /// Metric that is taken from the page, with the labels that its series must have, such as `jobs_waiting{pool="a"}`.
    /// They are added up.
    #[schemars(length(min = 1))]
    pub(crate) series: Option<String>,
    /// Labels whose values tell the series apart instead of adding them all up.
    #[serde(default)]
    #[schemars(inner(length(min = 1)))]
    pub(crate) by: Vec<String>,
    /// Whether the series is a counter whose growth per second is shown; by default as the page declares it.
    pub(crate) rate: Option<bool>,
}
