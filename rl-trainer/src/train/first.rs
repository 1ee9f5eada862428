//! The initial settings and network of a training run.

use super::args::Args;
use crate::measure::in_parallel;
use crate::rollout::{Exploration, play};
use crate::scorer::initial;
use crate::setting::Setting;
use lb_core::Seed;
use lb_core::policy::learned::{Network, WIDTH};
use std::sync::Arc;

/// Number of episodes from which the normalisation is computed.
const NORMALISE_EPISODES: u64 = 32;

/// Exploration during learning. A score is minus the logarithm of a cost, so that at this temperature a backend that costs
/// twice as much is drawn half as often. A quarter of it, at which mostly nearly equal backends compete, teaches less.
pub(super) const EXPLORATION: Exploration =
    Exploration { temperature: crate::teacher::TEMPERATURE as f32, max_candidates: 16 };

/// Creates the initial network: that of the start, or a random one whose rows are normalised by statistics collected
/// under the prior.
pub(super) fn first_network(args: &Args) -> Network {
    if let Some(start) = &args.start {
        return start.network.clone();
    }
    let settings = settings(args, 0, NORMALISE_EPISODES);
    let zero = Arc::new(Network::zero());
    let all = in_parallel(&settings, |setting| play(setting, &zero, EXPLORATION));
    let (mut count, mut sum, mut squares) = (0.0f64, [0.0f64; WIDTH], [0.0f64; WIDTH]);
    for row in all.iter().flatten().flat_map(|one| one.rows.chunks_exact(WIDTH)) {
        count += 1.0;
        for place in 0..WIDTH {
            sum[place] += f64::from(row[place]);
            squares[place] += f64::from(row[place]).powi(2);
        }
    }
    let mean = sum.map(|sum| sum / count);
    let mut std = [0.0f32; WIDTH];
    for place in 0..WIDTH {
        std[place] = (squares[place] / count - mean[place].powi(2)).max(0.0).sqrt() as f32;
    }
    initial(Seed(args.seed), mean.map(|mean| mean as f32), std)
}

/// Returns training settings of this seed; training runs with different seeds have different ones.
pub(super) fn settings(args: &Args, from: u64, count: u64) -> Vec<Setting> {
    let first = (args.seed << 40) + from;
    let profile = args.start.as_ref().and_then(|start| start.profile.clone()).map(Arc::new);
    let setting = |number: u64| {
        let Setting { case, profile } = args.cases.training(number, profile.as_ref());
        Setting { case: case.with_requests(args.requests), profile }
    };
    (first..first + count).map(setting).collect()
}

/// Numbers of the training cases at which each phase begins.
pub(super) mod range {
    pub(in crate::train) const LESSONS: u64 = 1 << 20;
    pub(in crate::train) const PPO: u64 = 1 << 24;
    pub(in crate::train) const EVOLUTION: u64 = 1 << 32;
}
