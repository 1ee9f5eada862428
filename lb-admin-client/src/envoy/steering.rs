//! Sets weights through the files of the clusters `rl`, which list their endpoints with weights.

use super::wire::Dumped;
use super::xds::{Watched, address, shares};
use super::{CLUSTERS, EnvoyAdmin, configured, listed};
use crate::admin::unfit_weight;
use crate::error::AdminError;
use crate::group::Group;
use crate::http::Http;
use lb_core::algorithm::Rule;
use serde_json::Value;

const WHAT: &str = "set weights";

/// A cluster whose endpoints come from a file.
#[derive(Debug)]
pub(super) struct Steered {
    cluster: String,
    /// Name of the cluster in the file.
    service: String,
    file: Watched,
}

/// Finds the clusters `rl` whose endpoints come from a file.
pub(super) async fn find(http: &Http) -> Result<Vec<Steered>, AdminError> {
    let mask = "cluster.name,cluster.alt_stat_name,cluster.eds_cluster_config";
    let found = configured(http, Some(mask)).await?;
    Ok(found.iter().filter_map(steered).collect())
}

fn steered(one: &Dumped) -> Option<Steered> {
    Group::parse(one.name()).filter(|group| group.algorithm.rule == Rule::Rl)?;
    let config = &one.cluster["eds_cluster_config"];
    let named = |value: &Value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    let stats = named(&one.cluster["alt_stat_name"]).unwrap_or_else(|| one.name().replace(':', "_"));
    Some(Steered {
        cluster: one.name().to_owned(),
        service: named(&config["service_name"]).unwrap_or_else(|| one.name().to_owned()),
        file: Watched::of(&config["eds_config"], format!("cluster.{stats}"))?,
    })
}

impl EnvoyAdmin {
    /// Rewrites the files that list the named backends, and checks the result. Other backends keep their
    /// weight.
    pub(super) async fn steer(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        if let Some(unfit) = unfit_weight(weights) {
            return Err(bad(unfit));
        }
        let mut files = Vec::new();
        let mut named: Vec<String> = Vec::new();
        for steered in &self.steered {
            let mut document = steered.file.read(WHAT)?;
            let set = self.reweigh(&mut document, &steered.service, weights);
            if !set.is_empty() {
                named.extend(set.iter().map(|(id, _)| id.clone()));
                files.push((steered, document, set));
            }
        }
        if let Some((id, _)) = weights.iter().find(|(id, _)| !named.contains(id)) {
            let places: Vec<String> =
                self.steered.iter().map(|one| format!("`{}`", one.file.path().display())).collect();
            return Err(bad(format!("there is no backend `{id}` in {}", places.join(", "))));
        }
        for (steered, document, _) in &files {
            steered.file.publish(&self.http, WHAT, document.clone()).await?;
        }
        let clusters = listed(&self.http).await?;
        for (steered, _, set) in &files {
            let cluster = clusters.iter().find(|cluster| cluster.name == steered.cluster);
            for host in cluster.iter().flat_map(|cluster| &cluster.host_statuses) {
                let id = self.id(&host.hostname, &host.address());
                if let Some((_, share)) =
                    set.iter().find(|(known, share)| *known == id && *share != host.weight)
                {
                    return Err(bad(format!(
                        "{}{CLUSTERS} shows `{id}` of cluster `{}` with weight {}, not the {share} in `{}`; does another program write \
                         that file?",
                        self.http.base(),
                        steered.cluster,
                        host.weight,
                        steered.file.path().display()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Changes the weights in a file, and returns the new weight of each changed backend.
    fn reweigh(&self, document: &mut Value, service: &str, weights: &[(String, f64)]) -> Vec<(String, u32)> {
        let resources = document["resources"].as_array_mut().into_iter().flatten();
        let mut endpoints: Vec<(&mut Value, &(String, f64))> = resources
            .filter(|resource| resource["cluster_name"] == service)
            .flat_map(|resource| resource["endpoints"].as_array_mut().into_iter().flatten())
            .flat_map(|locality| locality["lb_endpoints"].as_array_mut().into_iter().flatten())
            .filter_map(|endpoint| {
                let hostname = endpoint["endpoint"]["hostname"].as_str().unwrap_or_default();
                let id = self.id(hostname, &address(endpoint));
                let weight = weights.iter().find(|(known, _)| *known == id)?;
                Some((endpoint, weight))
            })
            .collect();
        let shares = shares(&endpoints.iter().map(|(_, (_, weight))| *weight).collect::<Vec<_>>());
        let set = endpoints.iter_mut().zip(shares).map(|((endpoint, (id, _)), share)| {
            endpoint["load_balancing_weight"] = share.into();
            (id.clone(), share)
        });
        set.collect()
    }
}

fn bad(reason: String) -> AdminError {
    AdminError::BadValue { what: WHAT, reason }
}
