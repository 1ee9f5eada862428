//! Changes that the admin API makes to the pools. They happen one at a time: each holds the lock of the
//! algorithms, so that none sees another half done.

use super::change_error::ChangeError;
use super::pool::{Backend, Pool, Roster};
use super::shared::State;
use super::table::Route;
use crate::config::{BackendConfig, OTHERS, Origin, PoolConfig, is_name};
use lb_core::Seed;
use lb_core::rng::hash_name;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Maximum number of services of a pool that serves all others, so that a client that invents names
/// cannot fill the memory.
const MOST_SERVICES: usize = 256;

impl State {
    /// Adds a pool that serves the services that it names.
    pub(crate) fn add_pool(&self, config: &PoolConfig) -> Result<(), ChangeError> {
        let algorithms = self.algorithms.lock();
        let label = Arc::clone(&algorithms.current);
        let number = self.table().pools.len();
        let views = |roster: &Arc<Roster>| {
            let view = |view: usize| {
                let policy = algorithms.policy(label.algorithm).expect("the current algorithm can run");
                let labels = [hash_name(config.name.as_bytes()), view as u64];
                (
                    self.traced(policy, &label, algorithms.trained.as_ref(), roster, (number, view)),
                    Seed(self.generation()).stream(&labels),
                )
            };
            (0..self.views()).map(view).collect()
        };
        let pool = Pool::new(config, self.backends().len(), &label, views)?;
        let routes: Vec<_> =
            config.services.iter().map(|service| Route::new(service, &pool)).collect::<Result<_, _>>()?;
        self.replace_table(|table| {
            table.pools.push(pool);
            table.routes.extend(routes.into_iter().map(|route| (route.service.clone(), route)));
        });
        Ok(())
    }

    /// Returns the route of `service` in a pool that serves all others; the first request creates it.
    /// Services without a valid name (the path `/`) or beyond the limit share the route [`OTHERS`].
    pub(crate) fn adopt(&self, service: &str) -> Option<Arc<Route>> {
        let table = self.table();
        if !table.pools.iter().any(|pool| pool.catch_all) {
            return None;
        }
        let full = table.routes.len() >= MOST_SERVICES;
        let service = if full || !is_name(service) { OTHERS } else { service };
        if let Some(route) = table.routes.get(service) {
            return Some(Arc::clone(route));
        }
        let _one_change_at_a_time = self.algorithms.lock();
        let table = self.table();
        if let Some(route) = table.routes.get(service) {
            return Some(Arc::clone(route));
        }
        let pool = table.pools.iter().find(|pool| pool.catch_all)?;
        let route = Route::new(service, pool).ok()?;
        self.replace_table(|table| {
            table.routes.insert(service.into(), Arc::clone(&route));
        });
        Some(route)
    }

    /// Adds a backend to the pool that serves `service`. If a removed one has the same URL, it is
    /// restored instead.
    pub(crate) fn add_backend(
        &self,
        service: &str,
        url: &str,
        health_url: Option<String>,
    ) -> Result<(), ChangeError> {
        let _one_change_at_a_time = self.algorithms.lock();
        let table = self.table();
        let route =
            table.routes.get(service).ok_or_else(|| ChangeError::UnknownService(service.to_owned()))?;
        let pool = &route.pool;
        let backends = pool.backends();
        if let Some(known) = backends.iter().find(|backend| backend.url == url) {
            known.removed.store(false, Ordering::Relaxed);
            pool.each(|balancer| balancer.set_draining(known.index, false));
            return Ok(());
        }
        let all = self.backends();
        let origin = Origin::parse(url).map_err(|fault| ChangeError::BadUrl(url.to_owned(), fault))?;
        let taken = all.iter().any(|(_, backend)| backend.id == origin.authority);
        let id = if taken { format!("{}-{service}", origin.authority) } else { origin.authority };
        let config = BackendConfig { id, url: url.to_owned(), weight: 1.0 };
        let backend = Backend::new(&config, all.len(), backends.len(), health_url)?;
        // The table comes first, so that it has the index before the balancer may pick the backend.
        self.replace_table(|table| {
            for route in table.routes.values_mut().filter(|route| Arc::ptr_eq(&route.pool, pool)) {
                *route = route.with(&backend);
            }
        });
        pool.push(backend, config.weight);
        Ok(())
    }

    /// Removes a backend: it gets no new requests and is no longer listed.
    pub(crate) fn remove_backend(&self, service: &str, url: &str) -> Result<(), ChangeError> {
        let table = self.table();
        let route =
            table.routes.get(service).ok_or_else(|| ChangeError::UnknownService(service.to_owned()))?;
        let listed = route.pool.listed();
        let backend = listed
            .iter()
            .find(|backend| backend.url == url)
            .ok_or_else(|| ChangeError::UnknownBackend(url.to_owned()))?;
        backend.removed.store(true, Ordering::Relaxed);
        route.pool.each(|balancer| balancer.set_draining(backend.index, true));
        Ok(())
    }

    /// Sets the weights of backends, either all or none.
    pub(crate) fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), ChangeError> {
        let changes: Vec<_> = weights
            .iter()
            .map(|(id, weight)| {
                if !(*weight > 0.0 && *weight <= 1e6) {
                    return Err(ChangeError::BadWeight(id.clone(), *weight));
                }
                self.backend(id).map(|(pool, backend)| (pool, backend, *weight))
            })
            .collect::<Result<_, _>>()?;
        for (pool, backend, weight) in changes {
            pool.each(|balancer| balancer.set_weight(backend.index, weight));
        }
        Ok(())
    }
}
