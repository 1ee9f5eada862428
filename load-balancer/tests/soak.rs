//! Exchanges that are broken off leave nothing behind. `cargo bench -p load-balancer --bench soak` does the same for
//! longer.

mod common;

use common::soak::Soak;
use std::sync::atomic::Ordering;

#[test]
fn memory_descriptors_and_requests_in_flight_stay_flat_when_a_quarter_is_broken_off() {
    let soak = Soak::start();
    soak.work(|count| count < 400);
    let before = soak.held();
    soak.work(|count| count < 800);
    let after = soak.held();
    assert_eq!(soak.exchanges.load(Ordering::Relaxed), 4_800);
    assert_eq!(soak.broken.load(Ordering::Relaxed), 1_200, "a quarter is broken off");
    assert_eq!((before.in_flight, after.in_flight), (0, 0));
    assert!(after.descriptors <= before.descriptors + 2, "from {before:?} to {after:?}");
    assert!(after.memory_kib <= before.memory_kib + 4_096, "from {before:?} to {after:?}");
}
