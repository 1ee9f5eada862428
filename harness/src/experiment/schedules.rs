//! The schedule of each block, and the hash over all schedules.
//!
//! Block 0 uses the seed of the run, and later blocks use seeds derived from it. Repetitions thus also vary
//! what users do, while all algorithms of a block get the identical load.

use lb_core::workload::{Schedule, Workload};
use lb_core::{Seed, hex};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The label for deriving the seeds of later blocks.
const BLOCK: u64 = 0x0062_6c6f_636b;

/// The label for deriving the seeds of warm-ups, whose users differ from those of the measured phase.
const WARM_UP: u64 = 0x7761_726d;

/// Returns the seed of a block.
pub(super) fn block_seed(seed: Seed, block: u32) -> Seed {
    if block == 0 { seed } else { Seed(seed.key(&[BLOCK, u64::from(block)])) }
}

/// Returns the seed of a block's warm-up.
pub(super) fn warm_up_seed(seed: Seed, block: u32) -> Seed {
    Seed(block_seed(seed, block).key(&[WARM_UP]))
}

/// Returns the schedule of a block.
pub(super) fn block_schedule(workload: &Arc<Workload>, seed: Seed, block: u32) -> Arc<Schedule> {
    Arc::new(Schedule::new(Arc::clone(workload), block_seed(seed, block)))
}

/// Returns the schedules of the first `blocks` blocks. Each is made when it is asked for: that of a long recording takes
/// tens of megabytes.
pub fn schedules(workload: &Arc<Workload>, seed: Seed, blocks: u32) -> impl Iterator<Item = Arc<Schedule>> {
    (0..blocks).map(move |block| block_schedule(workload, seed, block))
}

/// Returns the SHA-256 in hex over the hashes of several schedules, in order.
pub fn combined_sha256<'a>(hashes: impl IntoIterator<Item = &'a str>) -> String {
    let mut sha = Sha256::new();
    for hash in hashes {
        sha.update(hash.as_bytes());
    }
    hex::encode(sha.finalize())
}
