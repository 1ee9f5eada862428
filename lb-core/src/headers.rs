//! Names of the HTTP headers that the programs of this project exchange, in lower case, as
//! `http::HeaderName::from_static` requires.
//!
//! They are a contract between the load generator, load balancers and backends, so each is defined only
//! here.

/// Names the backend that answered, by its id in the topology. Backends set it; a load balancer adds
/// it to replies that lack it.
pub const BACKEND: &str = "x-backend";

/// What a backend calls itself in [`BACKEND`], if the load balancer knows it by another name.
pub const BACKEND_OF_ORIGIN: &str = "x-backend-of-origin";

/// Names the algorithm that the load balancer used for the request.
pub const ALGORITHM: &str = "x-lb-algorithm";

/// Carries [`Request::key`](crate::workload::Request::key) as 16 hexadecimal digits: mock backends
/// draw the request's service time and failures from it.
pub const REQUEST_KEY: &str = "x-request-key";

/// Names the service that a request is for. A load balancer sets it and drops any value sent by the
/// client.
pub const SERVICE: &str = "x-service";

/// Lists the addresses that a request passed through, starting with the client's. Policies with
/// affinity use it to identify clients.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// Names the host for which the client asked.
pub const FORWARDED_HOST: &str = "x-forwarded-host";

/// Names the scheme of the client's request, `http` or `https`.
pub const FORWARDED_PROTO: &str = "x-forwarded-proto";
