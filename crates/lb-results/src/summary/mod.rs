//! `summary.json`: one run, all scenarios and algorithms, with what is needed to repeat it.
//!
//! Rates are fractions from 0 to 1, latencies milliseconds. The latency of an algorithm is that of
//! its successful requests; `latency_all_ms` also holds failures (a timeout counts with the time
//! that it took), because a failure that returns fast is not a fast success.

pub(crate) mod aa;
pub(crate) mod algorithm;
pub(crate) mod comparison;
pub(crate) mod fault;
pub(crate) mod kinds;
pub(crate) mod latency;
pub(crate) mod metric;
pub(crate) mod objective;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod trial_row;
