//! The admin API: the Spring dialect (see `docs/admin-api.md`), with additions under `/api/lb/`.
//!
//! It shares the data port unless it has an address of its own. On the shared port it answers only
//! clients on a loopback address; a bearer token is required if one is configured.
//! `/actuator/health` and the paths below it need neither, because probes carry no tokens.
//! Everywhere, pages of foreign origins and host names that are not known are turned away (`lb_listen::Gate`).

mod benchmark;
mod exposition;
mod health;
mod parameters;
mod pools;
mod prometheus;
mod reply;
mod rl;
mod router;
mod services;
mod traces;

pub(crate) use router::{answer, is_own, router, serve};
