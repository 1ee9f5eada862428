//! Behavioural verification: finds out from requests alone which algorithm is routing.
//!
//! A plain sequence of requests cannot tell round-robin from least-connections: with nothing in
//! flight many least-connections balancers rotate, too. So the probe ([`probe_behaviour`]) first
//! *holds* slow requests open on all backends but one, then sends short requests one after another
//! on one connection, and records which backend answered (`X-Backend`):
//!
//! | behaviour | trace while requests are held |
//! |---|---|
//! | rotation | fixed order: every backend answers its share of every stretch, held or not |
//! | random | each request is independent of the last and ignores the held ones |
//! | two choices | of three backends with two held, the free one gets 2/3 (5/9 if it draws with replacement) |
//! | least loaded | only backends with the fewest in flight |
//! | affinity | one backend, always |
//!
//! The decision is a pure function of the observations ([`judge`]).
//!
//! # Confidence
//! A correct algorithm is reported as *contradicted* at most once in a million verifications. Where the
//! algorithm chooses at random, this follows from Chernoff's bound `P(share of m draws >= q) <= exp(-m KL(q
//! || p))`, with the budget of [`FALSE_ALARM`] divided among all comparisons made (Hoeffding, Probability
//! inequalities for sums of bounded random variables, 1963, theorem 1). For deterministic behaviours
//! (rotation, affinity, least loaded) the limits leave room for a few requests of other clients and for
//! in-flight counts that go down a little late. The bound assumes no more traffic than that, so drain first.
//! *Confirmed* means that the trace fits, and that blind choice or rotation would not have produced it.
//!
//! Latency-aware algorithms leave no unique trace, so they are at best *consistent*. The probe slows down
//! some of their short requests, and a rotation that no slow reply disturbs contradicts them. The bound for
//! this is only experimental (no false alarm in the simulated probes of the tests). The probe holds no
//! requests in this case, since that would teach the policy that all backends but one are slow. Learned
//! algorithms may do anything, and are not tested.

mod judge;
mod line;
mod observe;
mod probe;
mod statistics;

pub use judge::judge;
pub use observe::{Observations, PoolBackend};
pub(crate) use observe::{looks_at_held, requests_to_hold, short_hold};
pub use probe::{VerifyOptions, probe_behaviour, probe_header};
pub use statistics::FALSE_ALARM;
