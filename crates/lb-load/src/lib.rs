//! The load engine: open and closed load over real sockets, in real time.
//!
//! A [`LoadPlan`] describes one phase of load: the schedule of users and arrivals, the target, the limits.
//! [`run`] plays it and returns a [`TrialRecord`](lb_record::TrialRecord). The [`Hooks`] connect the phase to
//! the process that runs it: a display, a writer of individual requests, a stop flag. Several generators can
//! share a phase, each with its [`Shard`] of the plan; their records become one with
//! [`TrialRecord::absorb`](lb_record::TrialRecord::absorb).
//!
//! A target may be a URL of `https`: see [`TlsOptions`]. [`reach`] opens one connection before a phase, and says in
//! full why a target cannot be reached.
//!
//! The crate uses `lb-core` for what users do, `lb-record` for the results, and a clock. It does not depend
//! on load balancers, algorithms or files.
//!
//! ```
//! use lb_core::workload::{
//!     ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, RateSegment, Schedule, Spacing, Stage,
//!     UserClass, Workload,
//! };
//! use lb_core::connections::{ConnectionPolicy, HttpChoice};
//! use lb_core::{Seed, Span};
//! use lb_load::{Hooks, LoadPlan, Shard, Target, TlsOptions, run};
//! use std::collections::BTreeMap;
//! use std::io::{BufRead, BufReader, Write};
//! use std::num::NonZeroUsize;
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A server that gives every request the same answer, on a port chosen by the system.
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! std::thread::spawn(move || {
//!     for mut stream in listener.incoming().flatten() {
//!         std::thread::spawn(move || {
//!             let lines = BufReader::new(stream.try_clone()?).lines();
//!             // A blank line ends a request without a body.
//!             for _ in lines.map_while(Result::ok).filter(String::is_empty) {
//!                 stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
//!             }
//!             std::io::Result::Ok(())
//!         });
//!     }
//! });
//!
//! // 100 arrivals a second for half a second, each of which sends one request.
//! let journey: Journey = serde_json::from_str(
//!     r#"{"name": "example", "actions": {"get": {"steps": [{"name": "get", "path": "/"}]}}}"#,
//! )?;
//! let class = UserClass {
//!     name: "visitor".to_owned(),
//!     actions: BTreeMap::from([("get".to_owned(), 1.0)]),
//!     # think_time_s: [0.0, 0.0],
//!     # actions_per_session: [1, 1],
//!     # session_duration_s: None,
//!     # abandonment: 0.0,
//!     # repeat: BTreeMap::new(),
//!     # probability: BTreeMap::new(),
//!     // ...
//! };
//! let duration = Span::from_millis(500);
//! let segments = vec![RateSegment { duration, from: 100.0, to: 100.0 }];
//! let process = ArrivalProcess::Rates { segments, spacing: Spacing::Even };
//! let stage = Stage {
//!     name: "steady".to_owned(),
//!     duration,
//!     classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
//!     arrivals: Some(Arrivals { process, start: ArrivalStart::Action }),
//!     # start: Span::ZERO,
//!     # ramp_up: Span::ZERO,
//!     # users: 0,
//!     # user_variance: 0.0,
//!     # think_time_variance: 0.0,
//!     # action_randomness: 0.0,
//!     # max_users: 0,
//!     # background: false,
//!     // ...
//! };
//! let workload = Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 1)
//!     .map_err(|problems| format!("{problems:?}"))?;
//!
//! let plan = LoadPlan {
//!     phase: "example".to_owned(),
//!     target: Target::at(address),
//!     tls: TlsOptions::default(),
//!     direct: None,
//!     schedule: Schedule::new(Arc::new(workload), Seed(1)),
//!     shard: Shard::WHOLE,
//!     duration: Span::from_secs(1),
//!     request_timeout: Span::from_secs(5),
//!     http: HttpChoice::Auto,
//!     connections: ConnectionPolicy::PerUser,
//!     connect_timeout: Span::from_secs(5),
//!     resolve_every: Span::from_secs(30),
//!     drain_timeout: Span::from_secs(5),
//!     max_in_flight: 100,
//!     workers: NonZeroUsize::MIN,
//!     cores: Vec::new(),
//!     backends: Vec::new(),
//!     backend_from: lb_core::BackendFrom::default(),
//!     names_backends: false,
//!     algorithm_names: None,
//!     request_key: false,
//!     forwarded_for: false,
//!     observe: None,
//!     keep_actions: false,
//! };
//! let record = run(plan, Hooks::default())?;
//! assert_eq!((record.requests(), record.errors()), (50, 0));
//! # Ok(())
//! # }
//! ```
//!
//! # Rules of the hot path, per request
//!
//! - no lock: everything that users touch belongs to their worker's thread;
//! - no allocation: buffers are reused, and requests that never change are laid out once;
//! - no formatting, and no logging above trace level;
//! - the clock is read twice: right before the request is written, and right after the last byte of the
//!   reply. Latency is the time between the two and nothing else;
//! - no timer, unless the user thinks: one sweep per worker finds requests that are too old;
//! - no choice of a backend: without a load balancer, backends take turns ([`Direct`]);
//! - no task: arrivals reuse the seats, and with them the connections, of sessions that have ended.
//!
//! A worker is a thread with a runtime of its own, and users never move between workers. Which requests share a
//! connection is the plan's policy (`pool`); workers share none. A user is one task
//! that drives its own connection, so a reply wakes exactly one task, which records it and sends the next
//! request before it returns. All users of a worker read into one buffer, because none of them keeps anything
//! there while another one runs.
//!
//! Requests and replies go through a codec of the crate's own (`http1`, over `httparse`), not through hyper's
//! client connection, which passes each of them through channels and builds header maps. On the same sockets
//! (32 connections, one core, three interleaved rounds against nginx) hyper took 1.4 to 1.8 us of user time
//! per request and the codec 0.4 to 0.5, with nothing recorded; in total, hyper took 1.12 to 1.23 times the
//! CPU of wrk, and the codec 0.91 to 0.95 times. The goal is at most 1.15 times with everything recorded.
//! HTTP/2 (`http2`) is h2's, in a task for each connection.
//!
//! # Two models, side by side in one schedule
//!
//! - *closed* (`user`): a user waits for its reply before it goes on, so latency is done - sent;
//! - *open* (`pacer`, `seat`): arrivals begin at the times of the schedule, independently of those before
//!   them, and latency is done - intended, so that a stall of the target or of the generator is charged
//!   with every request that had to wait. The first request of an arrival is intended for its arrival, a
//!   later one for the planned end of the thinking before it, or else for the end of the reply before it.
//!   At the limit of sessions in flight, arrivals are dropped and counted, never delayed.
//!
//! A schedule may have no end ([`lb_core::workload::Workload::endless`]). The phase then lasts until it is stopped;
//! with [`Hooks::pieces`] its record is handed over second by second, so that memory does not grow. The number of users of
//! such a phase can be changed while it runs ([`Hooks::headcount`]), and [`Hooks::watch`] tells what each second brought.
//!
//! Lateness (of timers and scheduling, until the request could be written; the time for connecting is part of
//! the latency instead) is recorded separately, and so is how long a worker's thread waited for a CPU. Users
//! of closed stages wake by tokio's timer, which counts whole milliseconds. Arrivals, and sessions that
//! think, wake by an alarm that is a few tens of microseconds late.

mod addresses;
mod ask;
mod backends;
mod certificate;
mod client;
mod cookies;
mod cpu_wait;
mod crowd;
mod deadlines;
mod engine;
mod error;
mod failed;
#[doc(hidden)]
pub mod framing;
mod headcount;
mod hooks;
mod http1;
mod http2;
mod limits;
mod link;
mod look_up;
mod met;
mod observed;
mod pace;
mod pacer;
mod plan;
mod pool;
mod preflight;
mod redirect;
mod reply;
mod seat;
mod shard;
mod shared;
mod start;
mod survey;
mod target;
mod tls;
mod transport;
mod user;
mod worker;

pub use ask::{ask, post};
pub use backends::Unlisted;
pub use certificate::{CertificateFacts, CertificateNames};
pub use engine::run;
pub use error::LoadError;
pub use headcount::Headcount;
pub use hooks::Hooks;
pub use limits::most_users;
pub use plan::LoadPlan;
pub use preflight::{Reached, SecuredBy, Unreachable, reach};
pub use shard::Shard;
pub use start::StartAt;
pub use survey::{Survey, SurveyedReply, TlsFacts, survey};
pub use target::{Direct, Target};
pub use tls::{TlsIdentity, TlsOptions};
