//! The real load balancers that there is an adapter for, and what each calls our algorithms: one table, so
//! that a plan can say what is missing before anything is started.

use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use std::fmt;
use std::str::FromStr;

/// A real load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are names")]
pub enum Kind {
    Haproxy,
    Nginx,
    Envoy,
    Caddy,
    Traefik,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Haproxy, Self::Nginx, Self::Envoy, Self::Caddy, Self::Traefik];

    /// Its name in flags and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
        }
    }

    /// What it offers, in our words and in its own.
    fn table(self) -> &'static [(Rule, &'static str)] {
        match self {
            Self::Haproxy => &[
                (Rule::RoundRobin, "roundrobin"),
                (Rule::WeightedRoundRobin, "roundrobin, weighted"),
                (Rule::Random, "random(1)"),
                (Rule::LeastConnections, "leastconn"),
                (Rule::P2c, "random(2)"),
                (Rule::IpHash, "source"),
                (Rule::ConsistentHash, "source, consistent"),
                (Rule::Rl, "random(1), steered weights"),
            ],
            Self::Nginx => &[
                (Rule::RoundRobin, "round-robin"),
                (Rule::WeightedRoundRobin, "round-robin, weighted"),
                (Rule::Random, "random"),
                (Rule::LeastConnections, "least_conn"),
                (Rule::P2c, "random two least_conn"),
                (Rule::IpHash, "hash"),
                (Rule::ConsistentHash, "hash consistent"),
                (Rule::Rl, "lua, steered weights"),
            ],
            Self::Envoy => &[
                (Rule::RoundRobin, "ROUND_ROBIN"),
                (Rule::WeightedRoundRobin, "ROUND_ROBIN, weighted"),
                (Rule::Random, "RANDOM"),
                (Rule::LeastConnections, "LEAST_REQUEST, FULL_SCAN"),
                (Rule::P2c, "LEAST_REQUEST"),
                (Rule::IpHash, "MAGLEV"),
                (Rule::ConsistentHash, "RING_HASH"),
                (Rule::Rl, "ROUND_ROBIN, steered weights"),
            ],
            Self::Caddy => &[
                (Rule::RoundRobin, "round_robin"),
                (Rule::Random, "random"),
                (Rule::LeastConnections, "least_conn"),
                (Rule::IpHash, "client_ip_hash"),
            ],
            Self::Traefik => &[
                (Rule::RoundRobin, "wrr"),
                (Rule::WeightedRoundRobin, "wrr, weighted"),
                (Rule::P2c, "p2c"),
                (Rule::EwmaScan, "leasttime"),
                (Rule::IpHash, "hrw"),
                (Rule::Rl, "wrr, steered weights"),
            ],
        }
    }

    /// Its own name for an algorithm; none when it does not have it. Outlier ejection is none of theirs that
    /// could be switched.
    pub fn native(self, algorithm: Algorithm) -> Option<&'static str> {
        let found = self.table().iter().find(|(rule, _)| *rule == algorithm.rule);
        found.filter(|_| !algorithm.ejection).map(|(_, native)| *native)
    }

    /// What it offers, in our words.
    pub fn algorithms(self) -> impl Iterator<Item = Algorithm> {
        self.table().iter().map(|(rule, _)| Algorithm::plain(*rule))
    }

    /// Why it does not have an algorithm, and what comes near.
    pub fn lacks(self, algorithm: Algorithm) -> String {
        let names: Vec<String> = self.algorithms().map(|algorithm| algorithm.to_string()).collect();
        let hint = match (self, algorithm.rule) {
            _ if algorithm.ejection => {
                "; its outlier ejection, where it has one, is not switched with the algorithm"
            }
            (Self::Traefik, Rule::LeastConnections) => "; p2c comes nearest",
            (Self::Caddy, Rule::P2c) => {
                "; its `random_choose` is no power of two choices, since it prefers the first idle backend"
            }
            (Self::Caddy, Rule::Rl) => "; its weights cannot be changed without a new config",
            _ => "",
        };
        format!("{self} has no {algorithm}{hint}; it has {}", names.join(", "))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name)).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("HAProxy".parse(), Ok(Kind::Haproxy), "case does not matter");
        assert_eq!("f5".parse::<Kind>(), Err(()));
    }

    #[test]
    fn what_is_lacking_is_said_with_what_there_is() {
        let least = Algorithm::plain(Rule::LeastConnections);
        assert_eq!(Kind::Traefik.native(least), None);
        let said = Kind::Traefik.lacks(least);
        assert!(
            said.starts_with("traefik has no least-connections; p2c comes nearest; it has round-robin"),
            "{said}"
        );
        let ejecting = Algorithm { rule: Rule::LeastConnections, ejection: true };
        assert_eq!(Kind::Haproxy.native(ejecting), None, "ejection is no part of what is switched");
        assert_eq!(Kind::Haproxy.native(least), Some("leastconn"));
    }
}
