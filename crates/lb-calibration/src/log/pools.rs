//! Tells the pools of a log apart: backends belong to one pool if a route leads to both.

/// Fewest requests of a route that show that its other backends are not of its pool.
const SHOWN_BY: u64 = 50;

/// Routes and the backends that they lead to.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// The parent of each backend in the forest of sets (union by pointing at the smaller number).
    parents: Vec<usize>,
    /// A backend of each route, and the number of the route's requests.
    routes: Vec<(usize, u64)>,
}

impl Pools {
    /// Takes a request into account.
    pub(super) fn take(&mut self, route: usize, backend: usize) {
        while self.parents.len() <= backend {
            self.parents.push(self.parents.len());
        }
        if self.routes.len() <= route {
            self.routes.resize(route + 1, (usize::MAX, 0));
        }
        let (known, requests) = &mut self.routes[route];
        *requests += 1;
        if *known == usize::MAX {
            *known = backend;
        } else {
            let known = *known;
            self.join(known, backend);
        }
    }

    fn root(&self, mut backend: usize) -> usize {
        while self.parents[backend] != backend {
            backend = self.parents[backend];
        }
        backend
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.parents[one.max(other)] = one.min(other);
    }

    /// Returns the backends of each pool. Backends that no frequent route tells apart are one pool.
    pub(super) fn pools(&self) -> Vec<Vec<usize>> {
        let frequent = self.routes.iter().filter(|(_, requests)| *requests >= SHOWN_BY);
        let mut roots: Vec<usize> = frequent.map(|(backend, _)| self.root(*backend)).collect();
        roots.sort_unstable();
        roots.dedup();
        let all = 0..self.parents.len();
        if roots.len() < 2 {
            return vec![all.collect()];
        }
        roots
            .iter()
            .map(|root| all.clone().filter(|backend| self.root(*backend) == *root).collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_join_their_backends_and_rare_routes_tell_none_apart() {
        let mut pools = Pools::default();
        for turn in 0..100 {
            pools.take(0, turn % 2);
            pools.take(1, 2 + turn % 2);
        }
        assert_eq!(pools.pools(), [vec![0, 1], vec![2, 3]], "two routes without a backend in common");
        let mut once = Pools::default();
        (0..100).for_each(|turn| once.take(turn, turn % 4));
        assert_eq!(once.pools(), [vec![0, 1, 2, 3]], "paths that are asked for once tell nothing");
    }
}
