//! The relative cost of a request of each class of route, learned from latencies.
//!
//! The `log_cost` of a class is the mean of
//! `ln(latency) - ln(mean latency of the backend that served it)`, minus the mean over all classes, so
//! that it describes the class and not the speed of the pool. A class with few replies counts as
//! ordinary. Waiting in queues takes the same time for all classes and makes them look more alike than
//! they are, but the order is kept, which is what matters for a decision.

/// Weight of one reply in the mean of a known class, which covers about the last two hundred.
const ALPHA: f32 = 0.005;

/// Number of replies after which a measured value gets half of the weight.
const BELIEVED_AFTER: f32 = 20.0;

/// Number of classes that are distinguished; any further ones share the last.
pub const CLASSES: usize = 64;

/// Limit on the logarithm of a cost: a class costs from e⁻³ to e³ times an ordinary request.
const LIMIT: f32 = 3.0;

/// Costs of all classes.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteCosts {
    classes: Vec<Class>,
    /// Mean over all replies.
    mean: f32,
    replies: f32,
}

#[derive(Clone, Copy, Debug)]
struct Class {
    mean: f32,
    replies: f32,
    log_cost: f32,
    cost: f32,
}

impl Class {
    const UNKNOWN: Self = Self { mean: 0.0, replies: 0.0, log_cost: 0.0, cost: 1.0 };
}

fn place(route: u16) -> usize {
    usize::from(route).min(CLASSES - 1)
}

impl RouteCosts {
    /// Returns ln of the cost of `route`; 0 is an ordinary request.
    #[inline]
    pub(super) fn log_cost(&self, route: u16) -> f32 {
        self.classes.get(place(route)).map_or(0.0, |class| class.log_cost)
    }

    /// Returns the cost of `route`; 1 is an ordinary request.
    #[inline]
    pub(super) fn cost(&self, route: u16) -> f32 {
        self.classes.get(place(route)).map_or(1.0, |class| class.cost)
    }

    /// Records that a reply of `route` took `log` longer, as a logarithm, than the mean of its backend.
    pub(super) fn learn(&mut self, route: u16, log: f32) {
        let place = place(route);
        if self.classes.len() <= place {
            self.classes.resize(place + 1, Class::UNKNOWN);
        }
        self.replies += 1.0;
        self.mean += (log - self.mean) * self.replies.recip().max(ALPHA);
        let class = &mut self.classes[place];
        class.replies += 1.0;
        class.mean += (log - class.mean) * class.replies.recip().max(ALPHA);
        let belief = class.replies / (class.replies + BELIEVED_AFTER);
        class.log_cost = (belief * (class.mean - self.mean)).clamp(-LIMIT, LIMIT);
        class.cost = class.log_cost.exp();
    }
}
