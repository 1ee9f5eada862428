//! Reasons why an access log cannot be fitted, each with what to log instead.

/// Reasons why an access log cannot be fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The log has no requests.
    #[error("the log has no requests; give the access log of a load balancer under its usual load")]
    Empty,
    /// No entry says when its request began.
    #[error("none of {entries} requests has a time; {ADVICE}")]
    NoTimes {
        /// Number of entries.
        entries: usize,
    },
    /// No entry names the backend that served it.
    #[error("none of {entries} requests names the backend that it was sent to; {ADVICE}")]
    NoBackends {
        /// Number of entries.
        entries: usize,
    },
    /// The entries name backends, but do not say how long these took.
    #[error("the log names backends but not how long they took; {ADVICE}")]
    NoLatencies,
    /// Times are whole seconds.
    #[error(
        "all times are whole seconds, so nothing tells in which order the requests of a second came, nor how many a \
         backend held at once; {ADVICE}"
    )]
    WholeSeconds,
    /// Requests are shorter than the unit of time.
    #[error(
        "requests take {mean_us} microseconds on average, but times are logged in units of {unit_ms} ms, which hides \
         all waiting; log finer times, as Traefik, Caddy and AWS load balancers do, or record decisions with \
         `bench --traces`"
    )]
    TooCoarse {
        /// Mean time of a request in microseconds.
        mean_us: u64,
        /// Unit of the times in milliseconds.
        unit_ms: u64,
    },
    /// All requests went to one backend.
    #[error(
        "all requests went to the one backend `{name}`, so no algorithm has a choice; give a log of a pool of at \
         least two"
    )]
    OneBackend {
        /// The backend as the log names it.
        name: String,
    },
    /// Too few requests for each backend.
    #[error(
        "the log has {requests} requests for {backends} backends, and at least {needed} for each are needed; give a \
         longer log, or several files"
    )]
    TooFew {
        /// Number of requests that were sent to backends.
        requests: usize,
        /// Number of backends.
        backends: usize,
        /// Number of requests that each backend needs.
        needed: usize,
    },
    /// The log holds several pools.
    #[error(
        "the log holds {} pools, whose routes have no backend in common: {}; choose one with `--pool-of BACKEND`",
        .pools.len(),
        .pools.join("; ")
    )]
    SeveralPools {
        /// The backends of each pool, joined by commas.
        pools: Vec<String>,
    },
    /// No pool has the backend that was asked for.
    #[error("the log has no backend `{name}`; it has {known}")]
    NoSuchBackend {
        /// The name that was given.
        name: String,
        /// The backends of the log, joined by commas.
        known: String,
    },
}

/// What to log so that a fit is possible.
pub(super) const ADVICE: &str = "what to log instead:
  nginx:    log_format bench escape=json '{\"msec\":\"$msec\",\"remote_addr\":\"$remote_addr\",\
\"request_method\":\"$request_method\",\"request_uri\":\"$request_uri\",\"status\":\"$status\",\
\"request_time\":\"$request_time\",\"upstream_addr\":\"$upstream_addr\",\"upstream_status\":\"$upstream_status\",\
\"upstream_connect_time\":\"$upstream_connect_time\",\"upstream_header_time\":\"$upstream_header_time\",\
\"upstream_response_time\":\"$upstream_response_time\"}';
            access_log /var/log/nginx/bench.log bench;
  HAProxy:  option httplog
  Envoy:    its default format, with %UPSTREAM_HOST%
  Traefik:  accessLog: { format: json }
  AWS:      the access logs of an Application Load Balancer, as they are";
