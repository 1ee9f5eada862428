//! The workload through its public interface: what users send, when, and how it is written.

mod arrivals;
mod journey;
mod problems;
mod schedule;
mod sequence;
mod support;
mod written;
