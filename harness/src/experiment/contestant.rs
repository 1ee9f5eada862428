//! What is compared in a block: algorithms, one algorithm under two labels, or algorithms of several load balancers.

use lb_core::Algorithm;
use lb_core::algorithm::Rule;

/// The label of connections from the generator straight to the backends.
pub(super) const DIRECT: &str = "direct";

/// The addition to the label of `rl` where its weights are set once and never change.
const CONSTANT: &str = "constant weights";

/// An algorithm, and the label under which results list it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contestant {
    pub(super) algorithm: Algorithm,
    pub(super) label: String,
    /// Mixed into the replication number of a simulated run; 0 for the service times that all algorithms share.
    pub(super) replication: u64,
    /// Which way the requests go.
    pub(super) way: Way,
    /// What sets weights during the trial; `None` when nothing does.
    pub(super) steering: Option<Steering>,
}

/// The way that requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Through the load balancer with this number.
    Through(usize),
    /// To the backends in turn, without a load balancer.
    Direct,
}

/// What sets the weights of a load balancer that cannot ask a policy for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steering {
    /// An agent that follows the trained policy.
    Policy,
    /// The same loop with equal weights: a control for the cost of the loop and for what the load balancer does by
    /// itself.
    Constant,
}

/// What one load balancer brings to a comparison.
pub(super) struct Entrant {
    /// The name of the load balancer; `None` when there is only one.
    pub(super) name: Option<String>,
    /// The algorithms that run there.
    pub(super) algorithms: Vec<Algorithm>,
    /// Whether its `rl` is steered by weights.
    pub(super) steered: bool,
}

impl Contestant {
    fn new(algorithm: Algorithm, label: String) -> Self {
        Self { algorithm, label, replication: 0, way: Way::Through(0), steering: None }
    }

    /// Makes a contestant of each algorithm under its own name, all with the same replication.
    pub(super) fn each(algorithms: &[Algorithm]) -> Vec<Self> {
        algorithms.iter().map(|algorithm| Self::new(*algorithm, algorithm.to_string())).collect()
    }

    /// Makes two contestants of one algorithm. A simulation gives each its own replication: with the same one, two
    /// simulated trials would be equal to the last bit.
    pub(super) fn twice(algorithm: Algorithm, steered: bool) -> Vec<Self> {
        let contestant = |(name, replication): (&str, u64)| Self {
            replication,
            steering: steered.then_some(Steering::Policy),
            ..Self::new(algorithm, format!("{algorithm} ({name})"))
        };
        [("A", 1), ("B", 2)].into_iter().map(contestant).collect()
    }

    /// Makes contestants of the algorithms of each load balancer. Where `rl` is steered by weights, a control with constant ones
    /// runs beside it.
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

    /// Whether a difference between the two answers a question: which algorithm on this load balancer, or
    /// which load balancer for this algorithm. The cost of going through a load balancer is
    /// estimated separately.
    pub(super) fn is_compared_with(&self, other: &Self) -> bool {
        let is_control = |one: &Self| one.steering == Some(Steering::Constant);
        match (self.way, other.way) {
            (Way::Direct, _) | (_, Way::Direct) => false,
            (first, second) if first == second => true,
            _ => self.algorithm == other.algorithm && is_control(self) == is_control(other),
        }
    }

    /// Makes the contestant whose requests go straight to the backends in turn.
    pub(super) fn direct() -> Self {
        let round_robin = Algorithm::plain(Rule::RoundRobin);
        Self { way: Way::Direct, ..Self::new(round_robin, DIRECT.to_owned()) }
    }
}
