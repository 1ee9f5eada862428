//! Load and episodes that several processes play, on one machine or many: `bench --workers` leads them, `bench worker` is one of them.
//!
//! NATS carries everything between them. Its core carries what is only of use now: who is there, when to begin, how far
//! the load is, when to stop. JetStream keeps what must not be lost: the plan of a phase, and what each worker recorded.
//! Subjects and payloads (`message`) are all there is of a protocol.
//!
//! A schedule is dealt out by position, not thinned: worker `k` of `n` plays users and arrivals `k`, `k + n` and so on
//! ([`lb_load::Shard`]). Every worker makes the whole schedule from the same workload and seed, and its hash is compared
//! with the leader's before anything is sent. So all workers together play what one machine would have played.
//!
//! A training run has no schedule but many short episodes in virtual time, which any worker may play
//! ([`EpisodePlayers`]).
//!
//! - `leader`: an implementation of [`harness::experiment::Fleet`], which the live engine uses in place of its own
//!   generator, and one of [`lb_cases::episode::Players`] for the trainer;
//! - `worker`: waits for a leader, and plays its shares or its episodes;
//! - `clock`: what another machine's clock says, as measured through NATS;
//! - `packed`: what a worker recorded, as bytes, and the sum over workers;
//! - `exchange`: the connection to NATS.

mod address;
mod clock;
mod exchange;
mod leader;
mod message;
mod packed;
mod worker;

pub use leader::NatsFleet;
pub use leader::episodes::{EpisodePlayers, NoPlayers};
pub use packed::{pack, sum_packed};
pub use worker::work;

/// Returns an id that no other process has.
fn new_id() -> String {
    use sha2::{Digest as _, Sha256};
    let now = jiff::Timestamp::now().as_nanosecond();
    let text = format!("{} {} {now} {}", host(), std::process::id(), lb_clock::monotonic());
    lb_core::hex::encode(&Sha256::digest(text)[..8])
}

/// Returns the name of this machine.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
