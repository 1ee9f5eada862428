//! Synthetic traffic: learns a model of recorded requests, synthesises requests from it, and judges whether they
//! resemble the recording.
//!
//! - [`Traffic`] is what a recording says: requests with times, kinds and visitors.
//! - [`learn`] fits a [`TrafficModel`]: rates by weekday and hour, popularity, bursts, sessions and sizes, each with
//!   how well it fits. The model is a JSON document.
//! - [`synthesise`] draws requests from a model, by [`Method::Resample`] or [`Method::Model`].
//! - [`validate`] compares two recordings, and holds their differences against those between parts of the first.
//! - [`export`] writes scripts for k6 and Locust that play a list of requests at its times.
//!
//! All functions are pure: randomness comes from seeds, and nothing reads a clock. `docs/synthesis.md` states the
//! formulas and their sources.
//!
//! # Example
//!
//! ```
//! use lb_synthesis::{Example, Method, Order, Traffic, Zone, learn, simulate, synthesise};
//!
//! // A day of an invented site in place of a log.
//! let example = Example { days: 1, requests: 2_000, seed: 1, ..Example::default() };
//! let traffic = Traffic::collect(simulate(&example)?.entries())?;
//! let model = learn(&traffic, &Zone::utc(), 1_800.0)?;
//! let order = Order { method: Method::Model, length_s: Some(3_600.0), day: Some("2026-01-06T12:00".into()), ..Order::default() };
//! let list = synthesise(&model, &order)?;
//! assert!(list.requests.iter().all(|request| request.endpoint.starts_with("/api/v1/")));
//! # Ok::<(), lb_synthesis::SynthesisError>(())
//! ```

mod bursts;
mod dispersion;
mod document;
mod error;
mod example;
mod export;
mod fits;
mod generate;
mod learn;
mod list;
mod modulation;
mod order;
mod popularity;
mod profile;
mod rates;
mod read;
mod resample;
mod sessions;
mod slots;
mod split;
mod traffic;
mod validate;
mod walk;

pub use document::{
    Bursts, Cell, DispersionPoint, Hour, Kind, Lognormal, Modulation, Popularity, Rates, SCHEMA_VERSION,
    SessionLength, Sessions, SizeFit, Sizes, Source, Target, TrafficModel, Transition, Unit, Zipf,
};
pub use error::SynthesisError;
pub use example::{Example, Log, simulate};
pub use export::{Tool, export};
pub use learn::learn;
pub use list::{List, Request};
pub use order::{Method, Order, synthesise};
pub use read::{parse_model, read_model};
pub use slots::Zone;
pub use traffic::Traffic;
pub use validate::{
    DispersionRow, EndpointRow, HourRow, Judged, Measure, Side, TimePoint, Timeline,
    VALIDATION_SCHEMA_VERSION, Validation, validate,
};
