//! Decisions of many trajectories as tensors, with rows padded to the largest number of candidates.

use super::Scorer;
use crate::rollout::Trajectory;
use lb_core::policy::learned::WIDTH;
use lb_core::rng::Rng;
use rand::seq::SliceRandom;
use tch::{Device, Tensor};

/// A batch of `B` decisions as tensors, with at most `M` candidates each.
#[derive(Debug)]
pub struct Batch {
    /// `[B, M, WIDTH]`: rows as the layers see them, normalised and clipped; zero for missing candidates.
    pub rows: Tensor,
    /// `[B, 2 WIDTH]`: mean and maximum of each decision's rows.
    pub pooled: Tensor,
    /// `[B, M]`: priors; minus infinity for missing candidates.
    pub priors: Tensor,
    /// `[B]`: the index of the picked candidate.
    pub actions: Tensor,
    /// `[B]`: the log-probability of the pick.
    pub log_probs: Tensor,
    /// `[B, M]`: costs that a teacher estimates; zero without a teacher.
    pub costs: Tensor,
}

impl Batch {
    /// Builds a batch of all decisions of `trajectories`, in order, normalised by `scorer`. Values without a
    /// gradient are computed here once instead of in every step.
    pub fn new(trajectories: &[Trajectory], scorer: &Scorer, device: Device) -> Self {
        let total: usize = trajectories.iter().map(Trajectory::len).sum();
        let counts = trajectories.iter().flat_map(|one| &one.counts);
        let most = usize::from(counts.max().copied().unwrap_or(1));
        let mut rows = vec![0.0f32; total * most * WIDTH];
        let mut pooled = vec![0.0f32; total * 2 * WIDTH];
        let mut priors = vec![f32::NEG_INFINITY; total * most];
        let mut costs = vec![0.0f32; total * most];
        let mut decisions = rows.chunks_exact_mut(most * WIDTH).zip(pooled.chunks_exact_mut(2 * WIDTH));
        let mut start = 0;
        for one in trajectories {
            let mut from = 0;
            for count in one.counts.iter().map(|count| usize::from(*count)) {
                let (rows, pooled) = decisions.next().expect("as many as there are counts");
                let seen = &one.rows[from * WIDTH..(from + count) * WIDTH];
                for (row, seen) in rows.chunks_exact_mut(WIDTH).zip(seen.chunks_exact(WIDTH)) {
                    scorer.normalise(seen, row);
                }
                pool(&rows[..count * WIDTH], pooled);
                priors[start..start + count].copy_from_slice(&one.priors[from..from + count]);
                if !one.costs.is_empty() {
                    costs[start..start + count].copy_from_slice(&one.costs[from..from + count]);
                }
                (from, start) = (from + count, start + most);
            }
        }
        let actions: Vec<i64> =
            trajectories.iter().flat_map(|one| one.actions.iter().map(|action| i64::from(*action))).collect();
        let log_probs: Vec<f32> = trajectories.iter().flat_map(|one| one.log_probs.iter().copied()).collect();
        let (b, m, width) = (total as i64, most as i64, WIDTH as i64);
        let on = |tensor: Tensor| tensor.to_device(device);
        Self {
            rows: on(Tensor::from_slice(&rows).reshape([b, m, width])),
            pooled: on(Tensor::from_slice(&pooled).reshape([b, 2 * width])),
            priors: on(Tensor::from_slice(&priors).reshape([b, m])),
            actions: on(Tensor::from_slice(&actions)),
            log_probs: on(Tensor::from_slice(&log_probs)),
            costs: on(Tensor::from_slice(&costs).reshape([b, m])),
        }
    }

    /// Returns the number of decisions.
    pub fn len(&self) -> i64 {
        self.actions.size()[0]
    }

    /// Returns whether there are no decisions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the decisions at the indices `places` (`[K]`, integers).
    #[must_use]
    pub fn select(&self, places: &Tensor) -> Self {
        let of = |tensor: &Tensor| tensor.index_select(0, places);
        Self {
            rows: of(&self.rows),
            pooled: of(&self.pooled),
            priors: of(&self.priors),
            actions: of(&self.actions),
            log_probs: of(&self.log_probs),
            costs: of(&self.costs),
        }
    }
}

/// Returns the numbers from 0 to `count - 1` in random order (`[count]`, integers).
///
/// `randperm` of libtorch would draw from a generator that all threads of the process share, so that
/// two training runs in one process would change each other.
pub fn permutation(count: i64, rng: &mut Rng, device: Device) -> Tensor {
    let mut places: Vec<i64> = (0..count).collect();
    places.shuffle(rng);
    Tensor::from_slice(&places).to_device(device)
}

/// Writes the mean of the rows, followed by their maximum, to `pooled`.
fn pool(rows: &[f32], pooled: &mut [f32]) {
    let (mean, most) = pooled.split_at_mut(WIDTH);
    most.fill(f32::NEG_INFINITY);
    let count = (rows.len() / WIDTH) as f32;
    for row in rows.chunks_exact(WIDTH) {
        for ((mean, most), one) in mean.iter_mut().zip(most.iter_mut()).zip(row) {
            *mean += one / count;
            *most = most.max(*one);
        }
    }
}
