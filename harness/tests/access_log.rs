//! `bench --access-log` says beforehand where no log can come from. What load balancers log is tested in `real`.

mod common;

use common::{Bench, refused};

#[test]
fn what_cannot_log_is_refused_with_the_way_out() {
    let bench = Bench::new();
    let run = ["--config", "quick_test_config.json", "--duration", "1s", "--out", "out"];
    let log = ["--access-log", "access.log"];
    for (args, parts) in [
        (&["--engine", "sim"][..], &["--access-log access.log", "simulated", "--engine live"][..]),
        (&[], &["reference load balancer writes no access log", "--load-balancer nginx", "--traces"]),
    ] {
        refused(&bench, &[&run[..], &log, args].concat(), 2, parts);
    }
    refused(
        &bench,
        &[&run[..], &log, &["--max-rate", "p(95)<200"]].concat(),
        2,
        &["--access-log", "cannot be used with", "--max-rate"],
    );
}
