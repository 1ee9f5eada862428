//! Decisions of many trajectories as tensors, with rows padded to the largest number of candidates.

use crate::rollout::Trajectory;
use lb_core::policy::learned::WIDTH;
use tch::{Device, Tensor};

/// Decisions as tensors; `B` decisions, `M` candidates at most.
#[derive(Debug)]
pub struct Batch {
    /// `[B, M, WIDTH]`.
    pub rows: Tensor,
    /// `[B, M]`.
    pub priors: Tensor,
    /// `[B, M]`: whether there is a candidate.
    pub mask: Tensor,
    /// `[B]`: the place that was picked.
    pub actions: Tensor,
    /// `[B]`.
    pub log_probs: Tensor,
    /// `[B, M]`: what a teacher thinks, zero where there is none.
    pub costs: Tensor,
}

impl Batch {
    /// All decisions of `trajectories`, one trajectory after the other.
    pub fn new(trajectories: &[Trajectory], device: Device) -> Self {
        let total: usize = trajectories.iter().map(Trajectory::len).sum();
        let counts = trajectories.iter().flat_map(|one| &one.counts);
        let most = usize::from(counts.max().copied().unwrap_or(1));
        let mut rows = vec![0.0f32; total * most * WIDTH];
        let mut priors = vec![0.0f32; total * most];
        let mut costs = vec![0.0f32; total * most];
        let mut mask = vec![false; total * most];
        let mut decision = 0;
        for one in trajectories {
            let mut from = 0;
            for count in &one.counts {
                let (count, start) = (usize::from(*count), decision * most);
                rows[start * WIDTH..(start + count) * WIDTH]
                    .copy_from_slice(&one.rows[from * WIDTH..(from + count) * WIDTH]);
                priors[start..start + count].copy_from_slice(&one.priors[from..from + count]);
                if !one.costs.is_empty() {
                    costs[start..start + count].copy_from_slice(&one.costs[from..from + count]);
                }
                mask[start..start + count].fill(true);
                from += count;
                decision += 1;
            }
        }
        let actions: Vec<i64> =
            trajectories.iter().flat_map(|one| one.actions.iter().map(|action| i64::from(*action))).collect();
        let log_probs: Vec<f32> = trajectories.iter().flat_map(|one| one.log_probs.iter().copied()).collect();
        let (b, m) = (total as i64, most as i64);
        let on = |tensor: Tensor| tensor.to_device(device);
        Self {
            rows: on(Tensor::from_slice(&rows).reshape([b, m, WIDTH as i64])),
            priors: on(Tensor::from_slice(&priors).reshape([b, m])),
            mask: on(Tensor::from_slice(&mask).reshape([b, m])),
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
            priors: of(&self.priors),
            mask: of(&self.mask),
            actions: of(&self.actions),
            log_probs: of(&self.log_probs),
            costs: of(&self.costs),
        }
    }
}
