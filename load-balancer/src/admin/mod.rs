//! The admin API: the Spring dialect (see `docs/admin-api.md`), with additions under `/api/lb/`.
//!
//! It shares the data port unless it has an address of its own. On the shared port it answers only
//! clients on a loopback address; a bearer token is required if one is configured.
//! `/actuator/health` needs neither, because probes carry no tokens.

mod benchmark;
mod exposition;
mod parameters;
mod pools;
mod prometheus;
mod reply;
mod rl;
mod router;
mod services;
mod traces;

pub(crate) use router::{answer, router, serve};
