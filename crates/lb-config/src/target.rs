//! The load balancer under test: named, at an address, several to compare, or the one that answers at the
//! address of the config.

use super::algorithms::Runner;
use super::error::Findings;
use super::load_balancer::{LoadBalancer, Target};
use super::policy::TrainedPolicy;
use super::said::Said;
use super::settings::{Settings, TargetSettings};
use super::url;
use lb_admin_client::Switching;
use serde_json::json;
use std::net::SocketAddr;

/// The address of configs that give none.
const BASE_URL: &str = "http://localhost:8080/proxy";

/// Settles which load balancer is meant. `written` is the address that the dialect itself names.
pub(super) fn settle_target(
    written: Option<&Said<String>>,
    settings: &TargetSettings,
    findings: &mut Findings,
) -> Target {
    // A name may also be a URL.
    let (named, its_url) = match settings.name.clone() {
        Some(named) if named.value.contains("://") => (None, Some(named)),
        named => (named, None),
    };
    let load_balancer = named.as_ref().and_then(|named| read(&named.at, &named.value, findings));
    let compared = compared(settings.compared.as_ref(), findings);
    let url = match (settings.url.clone(), its_url) {
        (Some(url), Some(other)) if url.is_flag() => {
            let message =
                format!("names another load balancer than {} = {}; leave one out", url.at, url.value);
            findings.wrong(&other.at, other.value, message);
            Some(url)
        }
        (_, Some(url)) | (Some(url), None) => Some(url),
        (None, None) => None,
    };
    let explicit = url.is_some();
    if settings.in_config && !explicit && load_balancer.is_none() && named.is_none() {
        findings.wrong(
            "bench.load_balancer",
            json!({}),
            format!("says neither `kind` ({}) nor the `url` of one that runs", LoadBalancer::all_names()),
        );
    }
    let fallback = || Said::by_default("base_url", BASE_URL.to_owned());
    let url = url.or_else(|| written.cloned()).unwrap_or_else(fallback);
    let real = matches!(load_balancer, Some(LoadBalancer::Real(_)));
    let target = Target {
        base_url: entry(url, real, findings),
        explicit,
        admin_url: settings.admin.as_ref().map(|admin| admin_address(admin, real, findings)),
        admin_token: settings.admin_token.clone(),
        load_balancer,
        compared,
        program: settings.program.clone(),
        listen: settings.listen.as_ref().and_then(|listen| listen_address(listen, findings)),
        switching: settings.switching.unwrap_or_default(),
    };
    check(&target, findings);
    target
}

fn read(at: &str, name: &str, findings: &mut Findings) -> Option<LoadBalancer> {
    name.parse().map_err(|message: String| findings.wrong(at, name, message)).ok()
}

/// The load balancers to compare, each once.
fn compared(said: Option<&Said<Vec<String>>>, findings: &mut Findings) -> Vec<LoadBalancer> {
    let mut compared = Vec::new();
    let Some(Said { at, value: names, .. }) = said else { return compared };
    for name in names {
        let Some(one) = read(at, name.trim(), findings) else {
            continue;
        };
        if compared.contains(&one) {
            findings.note(at, name.as_str(), "duplicate; it runs once");
        } else {
            compared.push(one);
        }
    }
    compared
}

/// The entry as it will be used.
fn entry(Said { at, value: url, .. }: Said<String>, real: bool, findings: &mut Findings) -> String {
    match url::check(&url) {
        // Real load balancers take services at the root unless told otherwise.
        Ok(_) if real => url.trim_end_matches('/').to_owned(),
        Ok(uri) => {
            let (entry, added) = url::with_entry(&url, &uri);
            if added {
                let message = format!("has no path, so services are expected below {entry}");
                findings.note(&at, url, message);
            }
            entry
        }
        Err(message) => {
            findings.wrong(&at, url.as_str(), message);
            url
        }
    }
}

/// The admin address of a load balancer that runs.
fn admin_address(admin: &Said<String>, real: bool, findings: &mut Findings) -> String {
    // Sockets and folders have addresses of their own, which their adapters check.
    if (!real || admin.value.contains("://"))
        && let Err(message) = url::check(&admin.value)
    {
        findings.wrong(&admin.at, admin.value.as_str(), message);
    }
    admin.value.trim_end_matches('/').to_owned()
}

fn listen_address(listen: &Said<String>, findings: &mut Findings) -> Option<SocketAddr> {
    let parsed = listen.value.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    if parsed.is_none() {
        let message = "is not an address with a port; use `127.0.0.1:8080`";
        findings.wrong(&listen.at, listen.value.as_str(), message);
    }
    parsed
}

/// What does not go together.
fn check(target: &Target, findings: &mut Findings) {
    let real = match target.load_balancer {
        Some(LoadBalancer::Real(kind)) => Some(kind),
        _ => None,
    };
    if let (Some(LoadBalancer::Reference), true) = (target.load_balancer, target.explicit) {
        findings.wrong(
            "--load-balancer",
            "reference",
            "is started, and --url names one that runs; leave one of the two out",
        );
    }
    if let (Some(kind), true, None) = (real, target.explicit, &target.admin_url) {
        let message = format!("{kind} that runs already needs --admin: {}", kind.admin_flag);
        findings.wrong("--admin", json!(null), message);
    }
    if let (Some(kind), Switching::Config) = (real, target.switching)
        && !kind.offers(Switching::Config)
    {
        let message = format!("{kind} is always switched by a selector; leave --switching out");
        findings.wrong("--switching", "config", message);
    }
    let started = real.is_some() && !target.explicit;
    let of_started = [
        ("--program", target.program.as_ref().map(|path| json!(path))),
        ("--listen", target.listen.map(|address| json!(address.to_string()))),
    ];
    for (flag, value) in of_started {
        if let Some(value) = value.filter(|_| !started) {
            let message = "is about a real load balancer that `bench` starts; name one with --load-balancer, without --url";
            findings.wrong(flag, value, message);
        }
    }
}

/// Returns the load balancers that run the algorithms.
pub(super) fn runner_of<'a>(target: &Target, policy: Option<&'a TrainedPolicy>) -> Runner<'a> {
    match (target.started(), target.load_balancer) {
        (started, _) if !started.is_empty() => Runner::Started(started, policy),
        (_, Some(one)) => Runner::Started(vec![one], policy),
        _ if target.explicit => Runner::External,
        _ => Runner::Started(vec![LoadBalancer::Reference], policy),
    }
}

/// Reports flags for a reference load balancer that `bench` starts itself, where it starts none.
pub(super) fn ours_only(target: &Target, settings: &Settings, findings: &mut Findings) {
    let steered = matches!(target.load_balancer, Some(LoadBalancer::Real(_)));
    if target.explicit && settings.balancers.is_flag() {
        let message = "the load balancer that is named has as many as it has; leave --balancers out, or leave \
                       the load balancer out to use the embedded one";
        findings.wrong(&settings.balancers.at, settings.balancers.value, message);
    }
    let policy = settings.policy.as_ref().filter(|policy| policy.is_flag());
    if let Some(policy) = policy.filter(|_| target.explicit && !steered) {
        let message = "the load balancer that is named follows a policy of its own; reload it there, or leave \
                       the load balancer out to use the embedded one";
        findings.wrong(&policy.at, policy.value.to_string_lossy().into_owned(), message);
    }
}
