//! Decisions of many trajectories as tensors, with rows padded to the largest number of candidates.

use super::Scorer;
use crate::rollout::Trajectory;
use lb_core::policy::learned::WIDTH;
use tch::{Device, Tensor};

/// Decisions as tensors; `B` decisions, `M` candidates at most.
#[derive(Debug)]
pub struct Batch {
    /// `[B, M, WIDTH]`: rows as the layers see them, normalised and cut off; zeros where there is no candidate.
    pub rows: Tensor,
    /// `[B, 2 WIDTH]`: mean and maximum of each decision's rows.
    pub pooled: Tensor,
    /// `[B, M]`: minus infinity where there is no candidate.
    pub priors: Tensor,
    /// `[B]`: the place that was picked.
    pub actions: Tensor,
    /// `[B]`: the log-probability of that pick.
    pub log_probs: Tensor,
    /// `[B, M]`: costs that a teacher estimates; zero without a teacher.
    pub costs: Tensor,
}

impl Batch {
    /// All decisions of `trajectories`, one trajectory after the other, normalised as `scorer` does. What has
    /// no gradient is worked out here, once, and not in every step.
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

    /// Decisions.
    pub fn len(&self) -> i64 {
        self.actions.size()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The decisions at `places` (`[K]`, integers).
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

/// Mean and maximum of rows, one after the other.
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
