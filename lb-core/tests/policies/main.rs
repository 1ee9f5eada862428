//! The policies, by behaviour: what each must do with a pool, whatever its code looks like.

mod affinity;
mod balancer;
mod choices;
mod cost;
mod ejection;
mod learned;
mod least_predicted_work;
mod names;
mod pool;
mod queueing;
mod reports;
