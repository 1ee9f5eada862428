//! The `load-balancer` binary; see [`load_balancer::cli`].

use clap::Parser;

/// Load balancer for HTTP/1.1 and HTTP/2 whose algorithm can be switched while it serves.
#[derive(Parser)]
#[command(name = "load-balancer", version)]
struct Command {
    #[command(flatten)]
    args: load_balancer::cli::Args,
}

fn main() -> std::process::ExitCode {
    load_balancer::cli::main(&Command::parse().args)
}
