//! The previous state of a load balancer that `bench` did not start: read before the first switch, and
//! restored at the end, however the run ends.

use lb_admin_client::{AdminError, Current, Declaration, LoadBalancerAdmin, Snapshot, Verdict};
use lb_core::Algorithm;

/// The state of a load balancer that a run changes and restores.
#[derive(Debug)]
pub(super) struct Before {
    /// The name of the load balancer in messages.
    name: String,
    /// The algorithm that was active.
    algorithm: Earlier,
    /// The weights of the backends, if the run may set them; otherwise empty.
    weights: Vec<(String, f64)>,
}

/// The algorithm that was active before a run.
#[derive(Debug)]
enum Earlier {
    /// The load balancer was asked.
    Read(Result<Current, AdminError>),
    /// The load balancer is declared and cannot be asked: the algorithm that its declaration sets at the end.
    Declared(Option<Algorithm>),
}

impl Before {
    /// Creates the state of a declared load balancer, which says itself what is set at the end.
    pub(super) fn declared(name: &str, spec: &Declaration) -> Self {
        let restore = spec.restore.as_deref().and_then(|name| spec.algorithm(name));
        Self { name: name.to_owned(), algorithm: Earlier::Declared(restore), weights: Vec::new() }
    }

    /// Reads the current state. `steered` says whether the run may set weights.
    pub(super) async fn read(name: &str, admin: &dyn LoadBalancerAdmin, steered: bool) -> Self {
        let algorithm = Earlier::Read(admin.current().await);
        let weights = match steered && admin.capabilities().weights {
            true => admin.snapshot().await.map(|now| weights(&now)).unwrap_or_default(),
            false => Vec::new(),
        };
        Self { name: name.to_owned(), algorithm, weights }
    }

    /// Announces what is active and what will happen to it.
    pub(super) fn announce(&self) -> String {
        let name = &self.name;
        match &self.algorithm {
            Earlier::Declared(Some(restore)) => {
                format!("the run switches {name} and sets `{restore}` at the end, as its `restore` says")
            }
            Earlier::Declared(None) => format!(
                "the run switches {name} and leaves it on the algorithm of the last trial; declare `restore` to \
                 set one at the end"
            ),
            Earlier::Read(Ok(Current { native, algorithm: Some(_) })) => {
                format!(
                    "{name} currently runs `{native}`; the run switches it and restores `{native}` at the end"
                )
            }
            Earlier::Read(Ok(Current { native, algorithm: None })) => format!(
                "{name} currently runs `{native}`, which `bench` cannot switch to; restore it there after \
                the run"
            ),
            Earlier::Read(Err(error)) => format!(
                "the current algorithm of {name} could not be read ({error}), so it cannot be restored; set \
                it again \
                 there after the run"
            ),
        }
    }

    /// Restores what was active, and reports the outcome.
    pub(super) async fn put_back(self, admin: &dyn LoadBalancerAdmin) -> Vec<String> {
        let mut said = Vec::new();
        let name = &self.name;
        match &self.algorithm {
            Earlier::Declared(Some(restore)) => said.push(set_again(name, admin, restore).await),
            Earlier::Declared(None) => said.push(format!(
                "{name} stays on the algorithm of the last trial; declare `restore` to set one at the end"
            )),
            Earlier::Read(Ok(Current { native, algorithm: Some(algorithm) })) => {
                said.push(match admin.switch(algorithm).await {
                    Ok(_) => format!("{name} runs `{native}` again, as before the run"),
                    Err(error) => format!(
                        "{name} ran `{native}` before the run, but it could not be restored: {error}; set \
                        it there"
                    ),
                });
            }
            Earlier::Read(Ok(Current { native, algorithm: None })) => said.push(format!(
                "{name} ran `{native}` before the run, which `bench` cannot switch to; restore it there"
            )),
            Earlier::Read(Err(_)) => said.push(format!(
                "the previous algorithm of {name} could not be read, so nothing was restored; set it there"
            )),
        }
        if !self.weights.is_empty() && !self.are_in_force(admin).await {
            said.extend(admin.set_weights(&self.weights).await.err().map(|error| {
                format!("the weights of {name} could not be restored: {error}; set them there")
            }));
        }
        said
    }

    /// Returns whether the current weights are the previous ones.
    async fn are_in_force(&self, admin: &dyn LoadBalancerAdmin) -> bool {
        admin.snapshot().await.is_ok_and(|now| weights(&now) == self.weights)
    }
}

/// Sets the algorithm of a declared load balancer at the end, and reports the outcome.
async fn set_again(name: &str, admin: &dyn LoadBalancerAdmin, restore: &Algorithm) -> String {
    if let Err(error) = admin.switch(restore).await {
        return format!("{name} could not be set to `{restore}` at the end: {error}; set it there");
    }
    match admin.control_plane(restore).await {
        Ok(claim) if claim.verdict == Verdict::Contradicted => {
            format!(
                "{name} was set to `{restore}` at the end but does not run it ({}); set it there",
                claim.detail
            )
        }
        Ok(claim) if claim.verdict == Verdict::NotTested => {
            format!("{name} was set to `{restore}` at the end, which is not verified")
        }
        Ok(_) => format!("{name} runs `{restore}` at the end, as its `restore` says"),
        Err(error) => {
            format!("{name} was set to `{restore}` at the end, but that cannot be verified: {error}")
        }
    }
}

fn weights(snapshot: &Snapshot) -> Vec<(String, f64)> {
    snapshot.backends.iter().map(|backend| (backend.id.clone(), backend.weight)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_admin_client::FakeAdmin;
    use lb_admin_client::fake::Conduct;
    use lb_core::algorithm::Rule;

    const P2C: Algorithm = Algorithm::plain(Rule::P2c);

    #[tokio::test]
    async fn algorithm_and_weights_are_put_back() {
        let fake = FakeAdmin::new(&[("a", 3.0), ("b", 1.0)]);
        let before = Before::read("the load balancer", &fake, true).await;
        assert!(before.announce().contains("currently runs `round-robin`"), "{}", before.announce());
        fake.switch(&P2C).await.expect("it is offered");
        fake.set_weights(&[("a".to_owned(), 1.0)]).await.expect("the fake takes weights");
        let said = before.put_back(&fake).await;
        assert_eq!(said, ["the load balancer runs `round-robin` again, as before the run"]);
        assert_eq!(fake.current().await.expect("the fake answers").native, "round-robin");
        assert_eq!(weights(&fake.snapshot().await.expect("it counts"))[0], ("a".to_owned(), 3.0));
    }

    #[tokio::test]
    async fn weights_that_were_not_touched_are_not_set() {
        let fake = FakeAdmin::new(&[("a", 3.0), ("b", 1.0)]);
        let before = Before::read("the load balancer", &fake, true).await;
        before.put_back(&fake).await;
        let set = fake.calls().iter().filter(|call| call.starts_with("set_weights")).count();
        assert_eq!(set, 0, "only what was changed is restored");
    }

    #[tokio::test]
    async fn what_cannot_be_put_back_is_said() {
        let fake = FakeAdmin::new(&[("a", 1.0)]).with_conduct(Conduct::Refuses);
        let said = Before::read("the load balancer", &fake, false).await.put_back(&fake).await;
        assert!(said[0].contains("could not be restored") && said[0].contains("set it there"), "{said:?}");
        let unreadable = Before {
            name: "the load balancer".to_owned(),
            algorithm: Earlier::Read(Err(AdminError::Unreachable {
                url: "u".to_owned(),
                reason: "r".to_owned(),
            })),
            weights: Vec::new(),
        };
        assert!(unreadable.announce().contains("could not be read"), "{}", unreadable.announce());
        let said = unreadable.put_back(&fake).await;
        assert!(said[0].contains("nothing was restored"), "{said:?}");
    }

    #[tokio::test]
    async fn a_declared_load_balancer_is_set_as_it_says_and_else_stays() {
        let declared = |more: serde_json::Value| -> Declaration {
            let mut spec = serde_json::json!({
                "name": "ingress", "algorithms": { "p2c": {} }, "switch": [{ "run": ["true", "{algorithm}"] }]
            });
            spec.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value(spec).expect("a declaration")
        };
        let fake = FakeAdmin::new(&[("a", 1.0)]);
        let before = Before::declared("ingress", &declared(serde_json::json!({ "restore": "p2c" })));
        assert!(before.announce().contains("sets `p2c` at the end"), "{}", before.announce());
        let said = before.put_back(&fake).await;
        assert_eq!(said, ["ingress runs `p2c` at the end, as its `restore` says"]);
        assert_eq!(fake.current().await.expect("the fake answers").native, "p2c");
        let silent = Before::declared("ingress", &declared(serde_json::json!({})));
        assert!(silent.announce().contains("declare `restore`"), "{}", silent.announce());
        let said = silent.put_back(&FakeAdmin::new(&[("a", 1.0)])).await;
        assert!(said[0].contains("stays on the algorithm of the last trial"), "{said:?}");
    }
}
