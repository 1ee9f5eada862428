//! The table from services to pools that data threads read for each request. It is replaced, never changed.

use super::change_error::ChangeError;
use super::pool::{Backend, Pool};
use crate::config::is_name;
use crate::metrics::{MemberMetrics, PerThread, ServiceMetrics};
use std::collections::HashMap;
use std::sync::Arc;

/// Maps each service to its pool.
#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) routes: HashMap<Box<str>, Arc<Route>>,
    pub(crate) pools: Vec<Arc<Pool>>,
}

/// One service, with everything that the hot path needs.
pub(crate) struct Route {
    pub(crate) service: Box<str>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) members: Vec<Member>,
    pub(crate) metrics: Arc<PerThread<ServiceMetrics>>,
}

/// A backend in its role for one service.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) backend: Arc<Backend>,
    pub(crate) metrics: Arc<PerThread<MemberMetrics>>,
    /// The line of `X-Service`, ready to be written.
    pub(crate) fields: Arc<[u8]>,
}

impl Member {
    fn new(service: &str, backend: &Arc<Backend>) -> Self {
        let fields = format!("{}: {service}\r\n", lb_core::headers::SERVICE);
        Self { backend: Arc::clone(backend), metrics: Arc::default(), fields: fields.into_bytes().into() }
    }
}

impl Route {
    pub(super) fn new(service: &str, pool: &Arc<Pool>) -> Result<Arc<Self>, ChangeError> {
        if !is_name(service) {
            return Err(ChangeError::BadName(service.to_owned()));
        }
        let members = pool.backends().iter().map(|backend| Member::new(service, backend)).collect();
        Ok(Arc::new(Self {
            service: service.into(),
            pool: Arc::clone(pool),
            members,
            metrics: Arc::default(),
        }))
    }

    /// Returns the same route with one more backend.
    pub(super) fn with(&self, backend: &Arc<Backend>) -> Arc<Self> {
        let mut members = self.members.clone();
        members.push(Member::new(&self.service, backend));
        Arc::new(Self {
            service: self.service.clone(),
            pool: Arc::clone(&self.pool),
            members,
            metrics: Arc::clone(&self.metrics),
        })
    }
}
