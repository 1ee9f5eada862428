//! The binary `rl-train`: reads the command line and hands over.

use clap::Parser;

/// Trains the policy `rl`, and proves it against the classical algorithms.
#[derive(Debug, Parser)]
#[command(name = "rl-train", version)]
struct Cli {}

fn main() {
    Cli::parse();
}
