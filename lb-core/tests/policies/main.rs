//! The policies, by behaviour: what each must do with a pool, whatever its code looks like.

mod affinity;
mod balancer;
mod choices;
mod ejection;
mod learned;
mod names;
mod pool;
mod queueing;
