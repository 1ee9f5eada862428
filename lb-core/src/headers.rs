//! Names of the HTTP headers by which the programs here talk to each other, in lower case, as
//! `http::HeaderName::from_static` wants them.
//!
//! They are a contract between the load generator, load balancers and backends, so each is spelled
//! here and nowhere else.

/// Names the backend that answered, by its id in the topology. Backends set it; a load balancer adds
/// it to replies that lack it.
pub const BACKEND: &str = "x-backend";

/// Names the algorithm by which a load balancer placed the request.
pub const ALGORITHM: &str = "x-lb-algorithm";

/// Carries [`Request::key`](crate::workload::Request::key) as 16 hexadecimal digits: mock backends
/// draw the request's service time and failures from it.
pub const REQUEST_KEY: &str = "x-request-key";

/// Names the service that a request is for. A load balancer sets it, and drops what the client sent under
/// this name.
pub const SERVICE: &str = "x-service";

/// Lists the addresses that a request came through, the client's first. Policies with affinity tell
/// clients apart by it.
pub const FORWARDED_FOR: &str = "x-forwarded-for";
