//! Groups: in each load balancer, every pool has one group of backends for each algorithm (a `backend`, an
//! `upstream`, a cluster, a service), named `pool.algorithm`. A name that is an algorithm alone belongs to
//! the pool `main`.

use lb_core::Algorithm;

/// The pool of groups whose name contains no pool.
const MAIN: &str = "main";

/// A group of backends under one algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) pool: String,
    pub(crate) algorithm: Algorithm,
}

impl Group {
    /// Reads the name of a group; `None` if it is the name of something else.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (pool, algorithm) = name.rsplit_once('.').unwrap_or((MAIN, name));
        // Groups are named by an algorithm's first name, since that is the name that is sent.
        let known = algorithm.parse::<Algorithm>().ok().filter(|known| known.to_string() == algorithm)?;
        (!pool.is_empty()).then(|| Self { pool: pool.to_owned(), algorithm: known })
    }
}

/// Lists each algorithm that every pool has, once. The load balancer cannot switch to an algorithm that only
/// some pools have.
pub(crate) fn algorithms(groups: &[Group]) -> Vec<Algorithm> {
    let mut pools: Vec<&str> = groups.iter().map(|group| group.pool.as_str()).collect();
    pools.sort_unstable();
    pools.dedup();
    let mut found: Vec<Algorithm> = Vec::new();
    for Group { algorithm, .. } in groups {
        let in_all = pools
            .iter()
            .all(|pool| groups.iter().any(|other| other.algorithm == *algorithm && other.pool == *pool));
        if in_all && !found.contains(algorithm) {
            found.push(*algorithm);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_pool_and_algorithm() {
        let of = |name: &str| Group::parse(name).map(|group| (group.pool, group.algorithm.to_string()));
        assert_eq!(of("shop.p2c"), Some(("shop".to_owned(), "p2c".to_owned())));
        assert_eq!(of("a.b.round-robin"), Some(("a.b".to_owned(), "round-robin".to_owned())));
        assert_eq!(of("least-connections"), Some((MAIN.to_owned(), "least-connections".to_owned())));
        for other in ["stats", "shop.", ".p2c", "shop.lc", "shop.P2C", ""] {
            assert_eq!(of(other), None, "`{other}` does not name a group");
        }
    }

    #[test]
    fn only_what_every_pool_has_can_be_switched_to() {
        let groups: Vec<Group> = ["a.p2c", "b.p2c", "a.random", "b.round-robin", "a.round-robin"]
            .iter()
            .filter_map(|name| Group::parse(name))
            .collect();
        let names: Vec<String> = algorithms(&groups).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["p2c", "round-robin"]);
    }
}
