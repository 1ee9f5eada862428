//! The schema of `summary.json`: one run with all its scenarios and algorithms, and the information needed to
//! repeat it.
//!
//! Rates are fractions from 0 to 1, latencies are milliseconds. The latency of an algorithm is that of its
//! successful requests, because a failure that returns fast is not a fast success; `latency_all_ms` also
//! includes failures (a timeout counts with the time that it took).

pub(crate) mod aa;
pub(crate) mod algorithm;
pub(crate) mod answer;
pub(crate) mod comparison;
pub(crate) mod fault;
pub(crate) mod kinds;
pub(crate) mod latency;
pub(crate) mod metric;
pub(crate) mod objective;
pub(crate) mod observed;
pub(crate) mod pilot;
pub(crate) mod recovery;
pub(crate) mod resource;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod trial_row;
