//! What a fit says about a pool, for policies: speeds, workers and costs of routes, each with how sure it is.
//!
//! The error of an estimate has two parts. One is chance: the standard deviation of its logarithm over variations of the
//! fit ([`super::FittedTraces::variation`]). The other is that of the method, [`METHOD_ERROR`], which no number of requests
//! reduces.

use super::Calibration;
use lb_core::profile::{BackendProfile, Estimate, FORMAT_VERSION, PoolProfile, RouteProfile};
use lb_core::service_time::ServiceTime;

/// Standard deviation of the logarithm of a speed that remains however long a recording is: the overhead is known only on
/// average, and backends whose speeds differ by less than chance count as equal. Tests against simulated pools allow 5 %,
/// less than two of these.
pub const METHOD_ERROR: f64 = 0.03;

/// Error of a speed that nothing tells: a factor of e either way.
const UNKNOWN: f64 = 1.0;

/// Fewest requests of a route from which its cost is known; rarer ones have the service times of all requests together.
const FEWEST_OF_ROUTE: f64 = 50.0;

/// Standard deviation of the logarithm of an exponential variable: `π / √6`.
const EXPONENTIAL_SPREAD: f64 = 1.282_549_830_161_864;

/// Shortest service time in milliseconds that has a logarithm.
const LEAST_MS: f64 = 1e-6;

/// Makes a profile of a fit, `about` whose origin it says. Without at least two variations, errors are those of the method
/// alone.
pub fn profile(calibration: &Calibration, variations: &[Calibration], about: &str) -> PoolProfile {
    let fitted = Costs::of(calibration);
    let varied: Vec<Costs> = variations.iter().map(Costs::of).collect();
    let estimate = |of: &dyn Fn(&Costs) -> f64| {
        let logs: Vec<f64> = varied.iter().map(|costs| of(costs).ln()).collect();
        Estimate { value: of(&fitted), log_error: chance(&logs).hypot(METHOD_ERROR) }
    };
    let specs = calibration.topology.pools.iter().flat_map(|pool| &pool.backends);
    let backends = specs.zip(&calibration.backends).enumerate().map(|(place, (spec, evidence))| {
        let speed = match evidence.timed {
            0 => Estimate { value: spec.speed, log_error: UNKNOWN },
            _ => estimate(&|costs| costs.speeds[place]),
        };
        BackendProfile {
            id: spec.id.clone(),
            speed,
            workers: spec.workers,
            workers_known: evidence.saturated,
            discipline: spec.discipline,
        }
    });
    let requests = calibration.load.requests as f64;
    let routes = calibration.load.routes.iter().enumerate();
    let routes = routes.filter(|(_, (_, share))| share * requests >= FEWEST_OF_ROUTE);
    let routes = routes.map(|(place, (route, _))| RouteProfile {
        route: route.clone(),
        cost: estimate(&|costs| costs.of_route(place)),
        log_spread: log_spread(service_time(calibration, place)),
    });
    PoolProfile {
        format_version: FORMAT_VERSION.to_owned(),
        about: about.to_owned(),
        service_ms: estimate(&|costs| costs.ordinary_ms),
        backends: backends.collect(),
        routes: routes.collect(),
    }
}

/// Returns the mean service time of an ordinary request at a backend of speed 1, in milliseconds: that of the routes by
/// their shares of the load.
pub fn ordinary_ms(calibration: &Calibration) -> f64 {
    Costs::of(calibration).ordinary_ms
}

/// The numbers of a fit that are estimated.
struct Costs {
    ordinary_ms: f64,
    /// Mean service time of each route at speed 1, in milliseconds.
    routes_ms: Vec<f64>,
    speeds: Vec<f64>,
}

impl Costs {
    fn of(calibration: &Calibration) -> Self {
        let shares = &calibration.load.routes;
        let mean_ms = |place: usize| service_time(calibration, place).mean_ms().max(LEAST_MS);
        let routes_ms: Vec<f64> = (0..shares.len()).map(mean_ms).collect();
        let total: f64 = shares.iter().map(|(_, share)| share).sum();
        let sum: f64 = shares.iter().zip(&routes_ms).map(|((_, share), ms)| share * ms).sum();
        let overall_ms = calibration.topology.service_time.mean_ms().max(LEAST_MS);
        let specs = calibration.topology.pools.iter().flat_map(|pool| &pool.backends);
        Self {
            ordinary_ms: if total > 0.0 { sum / total } else { overall_ms },
            routes_ms,
            speeds: specs.map(|spec| spec.speed).collect(),
        }
    }

    fn of_route(&self, place: usize) -> f64 {
        self.routes_ms[place] / self.ordinary_ms
    }
}

/// Returns the service time of a route of the load. A single route has that of the topology.
fn service_time(calibration: &Calibration, place: usize) -> &ServiceTime {
    let topology = &calibration.topology;
    topology.routes.get(place).map_or(&topology.service_time, |route| &route.service_time)
}

/// Returns the standard deviation of a sample, or 0 if there are fewer than two numbers.
fn chance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if count < 2.0 {
        return 0.0;
    }
    let mean = super::stats::mean(values);
    super::stats::deviation(values, mean) * (count / (count - 1.0)).sqrt()
}

/// Returns the standard deviation of the logarithm of a service time.
fn log_spread(service_time: &ServiceTime) -> f64 {
    match service_time {
        ServiceTime::Constant { .. } => 0.0,
        ServiceTime::Exponential { .. } => EXPONENTIAL_SPREAD,
        ServiceTime::LogNormal { sigma, .. } => *sigma,
        ServiceTime::Empirical { values_ms } => {
            chance(&values_ms.iter().map(|ms| ms.max(LEAST_MS).ln()).collect::<Vec<f64>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_logarithms() {
        assert_eq!(log_spread(&ServiceTime::Constant { mean_ms: 3.0 }), 0.0);
        assert_eq!(log_spread(&ServiceTime::LogNormal { mean_ms: 3.0, sigma: 0.7 }), 0.7);
        let e = std::f64::consts::E;
        let values = ServiceTime::Empirical { values_ms: vec![1.0, e * e] };
        assert!((log_spread(&values) - 2.0f64.sqrt()).abs() < 1e-9, "{}", log_spread(&values));
        let pi = std::f64::consts::PI;
        assert!((EXPONENTIAL_SPREAD - pi / 6.0f64.sqrt()).abs() < 1e-12);
    }
}
