//! Episodes: cases under a policy, and who plays them.

use crate::measure::{Figures, in_parallel};
use crate::objective::Objective;
use crate::scenarios::Case;
use lb_core::policy::Policy;
use lb_core::policy::learned::{Learned, PolicyFile};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A case that a policy plays once.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// The case, with its own random draws.
    pub case: Case,
    /// The policy that every load balancer of the case follows.
    pub policy: Arc<PolicyFile>,
    /// What the figures are judged by.
    pub objective: Objective,
}

/// What came of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Latencies and errors.
    pub figures: Figures,
    /// What they cost under the objective.
    pub cost: f64,
}

/// What is written of an episode next to its policy.
#[derive(Serialize, Deserialize)]
struct Head {
    case: Case,
    objective: Objective,
}

impl Episode {
    /// Plays the episode. The outcome depends on the episode alone.
    ///
    /// # Panics
    /// Panics if the case cannot be simulated.
    pub fn play(&self) -> Outcome {
        let mut policy = || -> Box<dyn Policy> { Box::new(Learned::new(Arc::clone(&self.policy))) };
        let (figures, cost) = self.objective.measure(&self.case, &mut policy);
        Outcome { figures, cost }
    }

    /// Returns the episode as bytes: the length of what follows in eight bytes (little-endian), case and objective as JSON,
    /// and the policy file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = Head { case: self.case.clone(), objective: self.objective };
        let head = serde_json::to_vec(&head).expect("a case is plain data");
        let length = (head.len() as u64).to_le_bytes();
        [&length[..], &head, &self.policy.to_bytes()].concat()
    }

    /// Reads an episode from bytes.
    ///
    /// # Errors
    /// They are not those of an episode.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let broken = || "the bytes are not those of an episode".to_owned();
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(broken)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| broken())?;
        let (head, policy) = rest.split_at_checked(length).ok_or_else(broken)?;
        let Head { case, objective } =
            serde_json::from_slice(head).map_err(|error| format!("the case cannot be read: {error}"))?;
        let policy =
            PolicyFile::from_bytes(policy).map_err(|error| format!("the policy cannot be read: {error}"))?;
        Ok(Self { case, policy: Arc::new(policy), objective })
    }
}

/// Those who play episodes: the cores of this machine, or other machines.
pub trait Players: fmt::Debug + Sync {
    /// Plays the episodes, and returns their outcomes in the same order. They do not depend on who plays.
    ///
    /// # Errors
    /// Nobody is left to play them.
    fn play(&self, episodes: &[Episode]) -> Result<Vec<Outcome>, PlayersLost>;
}

/// Why episodes were not played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayersLost(pub String);

impl fmt::Display for PlayersLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlayersLost {}

/// Plays episodes on the cores of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here;

impl Players for Here {
    fn play(&self, episodes: &[Episode]) -> Result<Vec<Outcome>, PlayersLost> {
        Ok(in_parallel(episodes, Episode::play))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::{Family, situation};
    use lb_core::policy::learned::{Action, Network};
    use simulator::Reports;

    fn episode(case: Case, objective: Objective) -> Episode {
        let policy = Arc::new(PolicyFile::new(Network::zero(), Action::default()));
        Episode { case, policy, objective }
    }

    #[test]
    fn an_episode_comes_back_the_same_and_is_played_the_same() {
        let mut reported = situation('g').expect("there is a G");
        reported.options.reports = Reports::Probes { per_request: 1.5 };
        let telling = Family::TellingValidation.case(3);
        let drawn = (0..20).map(|number| Family::Training.case(number));
        for case in drawn.chain([reported, telling]) {
            let episode = episode(case.with_requests(400), Objective::Slo(lb_core::Span::from_millis(90)));
            let read = Episode::from_bytes(&episode.to_bytes()).expect("it was just written");
            assert_eq!(read.case, episode.case);
            assert_eq!(read.play(), episode.play(), "{}", episode.case.name);
        }
    }

    #[test]
    fn bytes_that_are_no_episode_are_refused() {
        let bytes = episode(Family::Training.case(1), Objective::Mean).to_bytes();
        for end in [0, 7, 8, 100, bytes.len() - 1] {
            assert!(Episode::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
        }
        let mut long = bytes.clone();
        long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(
            Episode::from_bytes(&long).expect_err("too long"),
            "the bytes are not those of an episode"
        );
    }
}
