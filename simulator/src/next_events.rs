//! The time of the next event at each backend, and the backend with the earliest one.

use lb_core::Time;

/// A tournament tree of the backends' next events, with the earliest at the root. A change takes one
/// walk from leaf to root (three steps for eight backends), and unlike in a heap of events, no outdated
/// entries remain.
#[derive(Debug)]
pub(crate) struct NextEvents {
    /// Node `i` has the children `2i` and `2i + 1`; the second half of the nodes are leaves.
    tree: Vec<Time>,
    leaves: usize,
}

impl NextEvents {
    pub(crate) fn new(backends: usize) -> Self {
        let leaves = backends.next_power_of_two();
        Self { tree: vec![Time::MAX; 2 * leaves], leaves }
    }

    /// Sets the time of the next event of `backend`; [`Time::MAX`] means none.
    pub(crate) fn set(&mut self, backend: usize, at: Time) {
        let mut node = self.leaves + backend;
        self.tree[node] = at;
        while node > 1 {
            node /= 2;
            self.tree[node] = self.tree[2 * node].min(self.tree[2 * node + 1]);
        }
    }

    /// Returns the time of the earliest event.
    pub(crate) fn first_time(&self) -> Time {
        self.tree[1]
    }

    /// Returns the backend of the earliest event; in a tie, the first one.
    pub(crate) fn first_backend(&self) -> usize {
        let mut node = 1;
        while node < self.leaves {
            node = 2 * node + usize::from(self.tree[2 * node] != self.tree[node]);
        }
        node - self.leaves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_root_is_the_first_of_the_earliest(
            backends in 1_usize..40,
            changes in prop::collection::vec((0_usize..40, 0_u64..20), 1..100),
        ) {
            let mut tree = NextEvents::new(backends);
            let mut flat = vec![Time::MAX; backends];
            for (backend, at) in changes {
                let (backend, at) = (backend % backends, Time::from_nanos(at));
                tree.set(backend, at);
                flat[backend] = at;
                let earliest = *flat.iter().min().expect("one backend at least");
                prop_assert_eq!(tree.first_time(), earliest);
                let first = flat.iter().position(|time| *time == earliest);
                prop_assert_eq!(Some(tree.first_backend()), first);
            }
        }
    }
}
