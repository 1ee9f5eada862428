//! The table of load balancers: one entry for each folder.

use crate::names::Names;
use crate::program::Program;
use crate::{caddy, envoy, haproxy, nginx, traefik};
use lb_core::Algorithm;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// One of the load balancers in the table. It dereferences to its [`Program`], which describes it.
#[derive(Clone, Copy)]
pub struct Kind(&'static Program);

impl Kind {
    /// All load balancers that have an adapter.
    pub const ALL: &[Self] = &[
        Self(haproxy::program::PROGRAM),
        Self(nginx::program::PROGRAM),
        Self(envoy::program::PROGRAM),
        Self(caddy::program::PROGRAM),
        Self(traefik::program::PROGRAM),
    ];

    /// Returns the load balancer that a program describes, whether the table lists it or not.
    pub const fn new(program: &'static Program) -> Self {
        Self(program)
    }

    /// Finds a load balancer by its name in a table such as [`ALL`](Self::ALL), in upper or lower case.
    pub fn find(table: &[Self], name: &str) -> Option<Self> {
        table.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Returns the load balancer's name in flags and results.
    pub const fn name(self) -> &'static str {
        self.0.names.name
    }

    fn names(self) -> &'static Names {
        &self.0.names
    }

    /// Returns the load balancer's own name for an algorithm, or `None` if it does not have it.
    pub fn native(self, algorithm: Algorithm) -> Option<&'static str> {
        self.names().native(algorithm)
    }

    /// Lists the algorithms that the load balancer has.
    pub fn algorithms(self) -> impl Iterator<Item = Algorithm> {
        self.names().algorithms()
    }

    /// Returns whether the load balancer ignores weights under this algorithm, which considers them by our
    /// definition.
    pub fn ignores_weights(self, algorithm: Algorithm) -> bool {
        self.names().ignores_weights.contains(&algorithm.rule)
    }

    /// Explains that the load balancer lacks an algorithm, names the closest match, and lists those that it
    /// has.
    pub fn lacks(self, algorithm: Algorithm) -> String {
        self.names().lacks(algorithm)
    }
}

impl Deref for Kind {
    type Target = Program;

    fn deref(&self) -> &Program {
        self.0
    }
}

/// Names are unique within a table.
impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Kind {}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kind").field(&self.name()).finish()
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
        Self::find(Self::ALL, name).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Switching;
    use lb_core::algorithm::Rule;

    #[test]
    fn names_are_read_back_and_each_stands_once() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
            let same = Kind::ALL.iter().filter(|other| *other == kind).count();
            assert_eq!(same, 1, "{kind} is found by its name alone");
        }
        assert_eq!("HAProxy".parse(), Ok(Kind::ALL[0]), "case does not matter");
        assert_eq!("f5".parse::<Kind>(), Err(()));
    }

    #[test]
    fn all_of_them_have_a_selector_and_each_algorithm_once() {
        for kind in Kind::ALL {
            assert!(kind.offers(Switching::Selector), "{kind}: the default way of switching");
            for algorithm in kind.algorithms() {
                assert_eq!(
                    kind.algorithms().filter(|other| *other == algorithm).count(),
                    1,
                    "{kind}: {algorithm}"
                );
                assert!(kind.native(algorithm).is_some(), "{kind}: {algorithm}");
            }
        }
    }

    #[test]
    fn what_is_lacking_is_said_with_what_there_is() {
        let least = Algorithm::plain(Rule::LeastConnections);
        let [haproxy, traefik] = ["haproxy", "traefik"].map(|name| name.parse::<Kind>().expect("known"));
        assert_eq!(traefik.native(least), None);
        let said = traefik.lacks(least);
        assert!(
            said.starts_with("traefik has no least-connections; p2c comes nearest; it has round-robin"),
            "{said}"
        );
        let ejecting = Algorithm { rule: Rule::LeastConnections, ejection: true };
        assert_eq!(haproxy.native(ejecting), None, "ejection is not switched with the algorithm");
        assert_eq!(haproxy.native(least), Some("leastconn"));
    }
}
