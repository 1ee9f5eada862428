//! Contestants, which are compared in a block: algorithms, one algorithm under two labels, or algorithms of
//! several load balancers.

use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use serde::{Deserialize, Serialize};

/// The label of the contestant that connects straight to the backends.
pub(super) const DIRECT: &str = "direct";

/// The suffix of the label of `rl` for the control whose weights never change.
const CONSTANT: &str = "constant weights";

/// An algorithm, and the label under which results list it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Contestant {
    pub(super) algorithm: Algorithm,
    pub(super) label: String,
    /// Combined with the replication number of a simulated run; 0 gives the service times that all algorithms
    /// share.
    pub(super) replication: u64,
    /// The path that the requests take.
    pub(super) way: Way,
    /// How weights are set during the trial; `None` if they are not set.
    pub(super) steering: Option<Steering>,
}

/// The path of requests to the backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// Through the load balancer with this number.
    Through(usize),
    /// To the backends in turn, without a load balancer.
    Direct,
}

/// How the weights of a load balancer are set if it cannot consult a policy for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Steering {
    /// An agent that follows the trained policy.
    Policy,
    /// The same loop with equal weights: a control that shows what the loop costs and what the load balancer
    /// does by itself.
    Constant,
}

/// Returns the two labels of an algorithm that is compared with itself.
pub(super) fn aa_labels(algorithm: &Algorithm) -> [String; 2] {
    ["A", "B"].map(|name| format!("{algorithm} ({name})"))
}

/// A load balancer in a comparison, with the algorithms that it runs.
pub(super) struct Entrant {
    /// The name of the load balancer; `None` when there is only one.
    pub(super) name: Option<String>,
    /// The algorithms that run on the load balancer.
    pub(super) algorithms: Vec<Algorithm>,
    /// Whether `rl` is steered by weights on this load balancer.
    pub(super) steered: bool,
}

impl Contestant {
    fn new(algorithm: Algorithm, label: String) -> Self {
        Self { algorithm, label, replication: 0, way: Way::Through(0), steering: None }
    }

    /// Returns one contestant for each algorithm, under its own name, all with the same replication.
    pub(super) fn each(algorithms: &[Algorithm]) -> Vec<Self> {
        algorithms.iter().map(|algorithm| Self::new(*algorithm, algorithm.to_string())).collect()
    }

    /// Makes two contestants of one algorithm, under the labels of [`aa_labels`]. A simulation gives each its
    /// own replication: with the same one, two simulated trials would be equal to the last bit.
    pub(super) fn twice(algorithm: Algorithm, steered: bool) -> Vec<Self> {
        let contestant = |(label, replication): (String, u64)| Self {
            replication,
            steering: steered.then_some(Steering::Policy),
            ..Self::new(algorithm, label)
        };
        aa_labels(&algorithm).into_iter().zip(1..).map(contestant).collect()
    }

    /// Returns the contestants for the algorithms of each load balancer. Where `rl` is steered by weights, a
    /// control with constant weights is added.
    pub(super) fn of(entrants: &[Entrant]) -> Vec<Self> {
        let mut contestants = Vec::new();
        for (number, entrant) in entrants.iter().enumerate() {
            for algorithm in &entrant.algorithms {
                let name = match &entrant.name {
                    Some(name) => format!("{name}/{algorithm}"),
                    None => algorithm.to_string(),
                };
                let way = Way::Through(number);
                if algorithm.rule != Rule::Rl || !entrant.steered {
                    contestants.push(Self { way, ..Self::new(*algorithm, name) });
                    continue;
                }
                let control = format!("{name} ({CONSTANT})");
                for (label, steering) in [(name, Steering::Policy), (control, Steering::Constant)] {
                    let steering = Some(steering);
                    contestants.push(Self { way, steering, ..Self::new(*algorithm, label) });
                }
            }
        }
        contestants
    }

    /// Whether two contestants are compared: two algorithms on one load balancer, or one algorithm on two
    /// load balancers. The overhead over direct connections is estimated separately.
    /// Returns whether the two are compared. The two labels of one algorithm are only compared with each
    /// other.
    pub(super) fn is_compared_with(&self, other: &Self) -> bool {
        if self.replication != 0 || other.replication != 0 {
            return self.algorithm == other.algorithm;
        }
        let is_control = |one: &Self| one.steering == Some(Steering::Constant);
        match (self.way, other.way) {
            (Way::Direct, _) | (_, Way::Direct) => false,
            (first, second) if first == second => true,
            _ => self.algorithm == other.algorithm && is_control(self) == is_control(other),
        }
    }

    /// Returns the contestant whose requests go straight to the backends, in turn.
    pub(super) fn direct() -> Self {
        let round_robin = Algorithm::plain(Rule::RoundRobin);
        Self { way: Way::Direct, ..Self::new(round_robin, DIRECT.to_owned()) }
    }
}
