//! The predicted cost of a request, relative to an ordinary one, from its route and its [`Hints`](crate::hints::Hints).
//!
//! **Model.** The natural logarithm of a cost is a sum: a part of the class of route, and a function of each hint's value for
//! this class, of any smooth form for numbers and a table for words (`features.rs`). What the sum does not explain is the
//! deviation of the class. So `limit=500` may mean eight times the cost on one route, and nothing on another.
//!
//! **Learning.** Each weight is known up to a normal distribution of its own. A reply corrects all weights that take part in
//! its prediction, in proportion to their variances, and narrows them: with the variance `s = r / c + Σ x² p` of an observation,
//! `w += p x e / s` and `p -= (p x)² / s`, where `x` is the value of the feature, `p` the variance of its weight, `e` the error
//! of the prediction, `r` the residual variance, and `c` how far the reply counts. That is recursive least squares, or a Kalman
//! filter, whose covariance is kept as its diagonal (Graepel, Candela, Borchert and Herbrich, Web-scale Bayesian click-through
//! rate prediction, ICML 2010, section 3, for a Gaussian likelihood). Weights drift by a random walk, so that variances do
//! not vanish and a change is followed with a half-life of some thousand replies.
//!
//! **Robust.** Errors count at most [`CUT`] standard deviations (Huber, Robust estimation of a location parameter, 1964), and
//! residual variances are corrected for that. One client cannot teach much (`clients.rs`). With these, a client among many
//! moves predictions for what the others send by less than a tenth of the residual standard deviation, whatever it sends;
//! `docs/request-costs.md` derives it.
//!
//! **Bounded.** Tables have a fixed size and are allocated with the first lesson. A prediction reads a line of a cache for each
//! feature. It allocates nothing.

mod clients;
mod features;
mod table;

use super::RequestInfo;
use crate::hints;
use clients::{Clients, Lesson};
use features::{Feature, Kind};
use table::{Place, Table};

/// Number of classes of routes that are distinguished; any further ones share the last.
pub const CLASSES: usize = 64;

/// Limit on the logarithm of a cost: a request costs from a hundredth to a hundred and fifty times an ordinary one.
const LIMIT: f32 = 5.0;

/// Range of logarithms that are learnt from, far beyond those of times in nanoseconds.
const LOGS: std::ops::RangeInclusive<f32> = -60.0..=60.0;

/// A number that differs from the typical one of its name by more than a factor of a hundred counts as if it differed by
/// that, so that nobody claims any cost by a number without end.
const REACH: f32 = 4.6;

/// Errors count at most this many standard deviations.
const CUT: f32 = 2.0;

/// Mean of the squares of normally distributed errors that are cut at [`CUT`], in variances.
const MEAN_OF_CUT_SQUARES: f32 = 0.9205;

/// Replies after which a weight that takes part in every prediction has moved by 1 - 1/e of a change.
const HORIZON: f32 = 2_000.0;

/// Variance that the walk of a weight gains with a reply, in residual variances: it keeps the gain of a weight at
/// `1 / HORIZON`.
const WALK: f32 = 1.0 / (HORIZON * HORIZON);

/// Weight of one reply in a mean of many, which covers about the last thousand.
const ALPHA: f32 = 0.001;

/// Weight of one reply in the mean cost. Costs vary more than their logarithms.
const MEAN_COST_ALPHA: f32 = 0.0005;

/// Weight of one reply in the centre of a slope.
const CENTRE_ALPHA: f32 = 0.005;

/// Number of replies that the first guess of a variance counts for.
const GUESSED: f32 = 8.0;

/// Variance of the part of a class of which nothing is known.
const CLASS_PRIOR: f32 = 0.5;

/// Range of residual variances.
const VARIANCES: std::ops::RangeInclusive<f32> = 1e-3..=4.0;

/// A reply that counts less than this is not learnt from.
const LEAST_WEIGHT: f32 = 1e-3;

/// Most features of a request.
const MOST_FEATURES: usize = hints::MOST * features::MOST;

/// Learns what requests cost, and predicts it.
///
/// ```
/// use lb_core::hints::Reader;
/// use lb_core::policy::{CostModel, RequestInfo};
///
/// let reader = Reader::new(&[]).expect("no headers");
/// let asking = |limit: u32| RequestInfo {
///     client_key: u64::from(limit),
///     hints: reader.read(&format!("/items?limit={limit}"), None, |_| None),
///     ..RequestInfo::default()
/// };
/// let mut model = CostModel::default();
/// assert_eq!(model.predict(&asking(100)).cost, 1.0, "nothing is known");
/// for reply in 0..5_000u32 {
///     let limit = 10 + reply * 7 % 500;
///     // The cost grows as the limit does.
///     model.learn(&asking(limit), (limit as f32 / 100.0).ln(), 1.0);
/// }
/// let [small, large] = [50, 400].map(|limit| model.predict(&asking(limit)).log_cost);
/// assert!((large - small - 8f32.ln()).abs() < 0.1, "eight times the limit is eight times the cost");
/// ```
#[derive(Clone, Debug, Default)]
pub struct CostModel {
    /// Number of replies; it may wrap around.
    replies: u32,
    classes: Vec<Class>,
    table: Table,
    clients: Clients,
    /// Logarithms that were learnt, of all requests.
    all: Spread,
    /// Errors of predictions, of all requests.
    residual: Spread,
    /// Mean of `exp(log_cost + deviation² / 2)` over all requests, and its logarithm.
    mean_cost: f32,
    log_mean_cost: f32,
    /// The features of the request that is learnt from, and those of them that have weights: here so that each lesson need
    /// not make room for as many as there may be.
    met: Vec<Feature>,
    active: Vec<Active>,
}

/// What a request is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictedCost {
    /// Natural logarithm of the cost; 0 is an ordinary request, in the sense of a geometric mean over all requests.
    pub log_cost: f32,
    /// The cost; 1 is an ordinary request, in the sense of the mean over all requests. It is the mean of the costs that are
    /// possible.
    pub cost: f32,
    /// Standard deviation of the logarithm of the cost around `log_cost`.
    pub deviation: f32,
}

impl PredictedCost {
    /// What is expected of a request of which nothing is known.
    pub const ORDINARY: Self = Self { log_cost: 0.0, cost: 1.0, deviation: 1.0 };
}

impl Default for PredictedCost {
    fn default() -> Self {
        Self::ORDINARY
    }
}

/// Mean and variance of a quantity.
#[derive(Clone, Copy, Debug)]
struct Spread {
    mean: f32,
    variance: f32,
    /// Number of replies, at most `1 / ALPHA`.
    count: f32,
}

impl Default for Spread {
    fn default() -> Self {
        Self { mean: 0.0, variance: 1.0, count: 0.0 }
    }
}

impl Spread {
    /// Moves the variance towards a square, and returns by which part.
    fn learn_square(&mut self, square: f32, weight: f32) -> f32 {
        self.count = (self.count + weight).min(ALPHA.recip());
        let part = weight / (self.count + GUESSED).min(ALPHA.recip());
        self.variance += part * (square - self.variance);
        self.variance = self.variance.clamp(*VARIANCES.start(), *VARIANCES.end());
        part
    }
}

/// What is known of a class of route.
#[derive(Clone, Copy, Debug)]
struct Class {
    /// Part of the class in the logarithm of a cost.
    mean: f32,
    /// Variance around it.
    variance: f32,
    /// Number of the latest reply.
    seen: u32,
    /// Who taught it last.
    teacher: u8,
    residual: Spread,
}

/// A feature that takes part in a prediction, while it is learnt from.
#[derive(Clone, Copy, Debug)]
struct Active {
    place: Place,
    x: f32,
    /// How far the reply counts for this weight, relative to others.
    part: f32,
    kind: Kind,
}

fn class_of(route: u16) -> usize {
    usize::from(route).min(CLASSES - 1)
}

/// Returns the value of a feature relative to the centre of its weight.
#[inline]
fn relative(at: f32, centre: f32) -> f32 {
    (at - centre).clamp(-REACH, REACH)
}

impl CostModel {
    /// Predicts the cost of a request.
    #[inline]
    pub fn predict(&self, request: &RequestInfo) -> PredictedCost {
        let number = class_of(request.route);
        let Some(class) = self.classes.get(number).filter(|class| class.residual.count > 0.0) else {
            // A request of an unknown class is one of all requests.
            let deviation = if self.replies == 0 { 1.0 } else { self.all.variance.sqrt() };
            return PredictedCost { deviation, ..PredictedCost::ORDINARY };
        };
        let (mut log_cost, mut variance) = (class.mean, class.variance);
        for hint in request.hints.as_slice() {
            features::visit(number, hint, |feature| {
                if let Some(weight) = self.table.find(feature.hash) {
                    let x = relative(feature.at, weight.centre);
                    log_cost += weight.mean * x;
                    variance += weight.variance * x * x;
                }
            });
        }
        let variance = class.residual.variance + variance.min(*VARIANCES.end());
        let log_cost = log_cost.clamp(-LIMIT, LIMIT);
        let log_mean = (log_cost + variance / 2.0 - self.log_mean_cost).clamp(-LIMIT, LIMIT);
        PredictedCost { log_cost, cost: log_mean.exp(), deviation: variance.sqrt() }
    }

    /// Learns that a request took `log` longer, as a natural logarithm, than an ordinary request would have taken at the
    /// same backend. `certainty`, from 0 to 1, says how far the time is known to be the request's own and not that of
    /// a queue. Anything that is not a number is ignored.
    pub fn learn(&mut self, request: &RequestInfo, log: f32, certainty: f32) {
        if !log.is_finite() || certainty.is_nan() || certainty <= 0.0 {
            return;
        }
        let log = log.clamp(*LOGS.start(), *LOGS.end());
        if self.replies == 0 {
            self.begin(log);
        }
        self.replies = self.replies.wrapping_add(1).max(1);
        let lesson = self.clients.weigh(request.client_key, self.replies);
        let weight = lesson.weight * certainty.min(1.0);
        if weight >= LEAST_WEIGHT {
            let log = self.centred(log, weight);
            let log_mean = self.correct(request, log, &Lesson { weight, ..lesson });
            self.learn_mean_cost(log_mean, lesson.weight);
        }
    }

    /// Returns the logarithm of the mean cost of all requests, relative to one with `log_cost` 0: what an estimate of
    /// the mean of logarithms lacks to a mean.
    pub fn log_mean_cost(&self) -> f32 {
        self.log_mean_cost
    }

    /// Returns the share of the variance of logarithms of costs that predictions explain, from 0 to 1; less while few replies
    /// are known.
    #[inline]
    pub fn told(&self) -> f32 {
        let known = self.all.count / (self.all.count + GUESSED);
        known * (1.0 - self.residual.variance / self.all.variance).max(0.0)
    }

    fn begin(&mut self, log: f32) {
        let unknown =
            Class { mean: 0.0, variance: CLASS_PRIOR, seen: 0, teacher: 0, residual: Spread::default() };
        self.classes = vec![unknown; CLASSES];
        self.table.allocate();
        self.clients.allocate();
        self.met.reserve(MOST_FEATURES);
        self.active.reserve(MOST_FEATURES);
        self.all.mean = log;
    }

    /// Returns `log` relative to the mean of all, which learns from it.
    fn centred(&mut self, log: f32, weight: f32) -> f32 {
        let cut = CUT * self.all.variance.sqrt();
        let error = (log - self.all.mean).clamp(-cut, cut);
        let part = self.all.learn_square(error * error / MEAN_OF_CUT_SQUARES, weight);
        self.all.mean += part * error;
        log - self.all.mean
    }

    /// Learns the mean of all predicted costs from the logarithm of one, from early ones less than from late ones.
    fn learn_mean_cost(&mut self, log: f32, weight: f32) {
        let cost = log.clamp(-LIMIT, LIMIT).exp();
        let part = (weight * (2.0 / (self.replies as f32 + 1.0)).max(MEAN_COST_ALPHA)).min(1.0);
        let known = if self.mean_cost > 0.0 { self.mean_cost } else { cost };
        self.mean_cost = known + part * (cost - known);
        self.log_mean_cost = self.mean_cost.ln();
    }

    /// Corrects the weights that take part in the prediction of a request. Returns the logarithm of the mean cost that was
    /// predicted.
    fn correct(&mut self, request: &RequestInfo, log: f32, lesson: &Lesson) -> f32 {
        let weight = lesson.weight;
        let part_if = |is_same: bool| if is_same { lesson.repeated } else { 1.0 };
        let now = self.replies;
        let number = class_of(request.route);
        let class = &mut self.classes[number];
        if class.residual.count == 0.0 {
            class.residual = Spread { count: 0.0, ..self.residual };
            class.seen = now;
        }
        let residual = class.residual.variance;
        let walk = WALK * residual;
        let walked = |variance: f32, seen: u32, prior: f32| {
            (variance + walk * now.wrapping_sub(seen) as f32).min(prior.max(variance))
        };
        class.variance = walked(class.variance, class.seen, CLASS_PRIOR);
        class.seen = now;
        let class_part = part_if(class.teacher == lesson.teacher);
        class.teacher = lesson.teacher;
        let (mut sum, mut variance) = (class.mean, class.variance);

        self.met.clear();
        for hint in request.hints.as_slice() {
            features::visit(number, hint, |feature| self.met.push(feature));
        }
        self.active.clear();
        let mut may_wait = true;
        for feature in &self.met {
            let (prior, is_slope) = (feature.kind.prior(), feature.kind == Kind::Slope);
            let centre = if is_slope { feature.at } else { 0.0 };
            let Some(place) = self.table.claim(feature.hash, now, prior, centre, &mut may_wait) else {
                continue;
            };
            let (found, is_same) = self.table.taught_by(place, lesson.teacher);
            found.variance = walked(found.variance, found.seen, prior);
            found.seen = now;
            let x = relative(feature.at, found.centre);
            sum += found.mean * x;
            variance += found.variance * x * x;
            self.active.push(Active { place, x, part: part_if(is_same), kind: feature.kind });
        }

        let expected = residual + variance;
        let cut = CUT * expected.sqrt();
        let error = (log - sum).clamp(-cut, cut);
        let scale = (residual / weight + variance).recip();
        // The function stays the same when the centre of a slope moves: what the slope gives up, the class takes.
        let mut given_up = 0.0;
        for one in &self.active {
            let found = self.table.at(one.place);
            let gain = found.variance * one.x * scale * one.part;
            let limit = one.kind.limit();
            found.mean = (found.mean + gain * error).clamp(-limit, limit);
            found.variance *= 1.0 - gain * one.x;
            if one.kind == Kind::Slope {
                let moved = CENTRE_ALPHA * one.x * one.part;
                found.centre += moved;
                given_up += found.mean * moved;
            }
        }
        let gain = class.variance * scale * class_part;
        class.mean = (class.mean + gain * error + given_up).clamp(-LIMIT, LIMIT);
        class.variance *= 1.0 - gain;
        let square = (error * error / MEAN_OF_CUT_SQUARES - variance).max(0.0);
        class.residual.learn_square(square, weight);
        self.residual.learn_square(square, weight);
        sum + expected / 2.0
    }
}
