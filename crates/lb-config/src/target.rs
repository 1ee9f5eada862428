//! Which load balancer is meant: by name, by address, several to compare, or whoever answers.

use super::algorithms::Runner;
use super::draft::types::Draft;
use super::error::Findings;
use super::load_balancer::LoadBalancer;
use super::named::Named;
use super::overrides::Overrides;
use super::plan::Target;
use super::policy::TrainedPolicy;
use super::raw::{Bench, SwitchingName};
use super::url;
use lb_admin_client::Switching;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the guide's load balancer listens.
const BASE_URL: &str = "http://localhost:8080/proxy";

/// What flags and config say of the load balancer.
pub(super) fn target(draft: &Draft, bench: &Bench, flags: &Overrides, findings: &mut Findings) -> Target {
    let of = |path: &str, name: &String| Named { path: path.to_owned(), name: name.clone() };
    // A flag that names a load balancer takes the place of all that the config says of one.
    let flagged =
        flags.load_balancer.is_some() || flags.url.is_some() || flags.compare_load_balancers.is_some();
    let config = bench.load_balancer.as_ref().filter(|_| !flagged);
    let named = match (&flags.load_balancer, config.and_then(|config| config.kind.as_ref())) {
        (Some(name), _) => Some(of("--load-balancer", name)),
        (None, name) => name.map(|name| of("bench.load_balancer.kind", name)),
    };
    // `--load-balancer` takes a URL as well.
    let (named, its_url) = match named {
        Some(named) if named.name.contains("://") => (None, Some(named)),
        named => (named, None),
    };
    let load_balancer = named.as_ref().and_then(|named| read(named, findings));
    let compared = compared(bench, flags, flagged, findings);
    let url = match (&flags.url, its_url) {
        (Some(url), Some(other)) => {
            findings.wrong(
                "--load-balancer",
                other.name,
                format!("names another load balancer than --url = {url}; leave one out"),
            );
            Some(of("--url", url))
        }
        (Some(url), None) => Some(of("--url", url)),
        (None, Some(url)) => Some(url),
        (None, None) => config.and_then(|config| Some(of("bench.load_balancer.url", config.url.as_ref()?))),
    };
    let explicit = url.is_some();
    if config.is_some() && !explicit && load_balancer.is_none() && named.is_none() {
        findings.wrong(
            "bench.load_balancer",
            json!({}),
            format!("says neither `kind` ({}) nor the `url` of one that runs", LoadBalancer::all_names()),
        );
    }
    let url =
        url.unwrap_or_else(|| draft.base_url.clone().unwrap_or_else(|| of("base_url", &BASE_URL.to_owned())));
    let real = matches!(load_balancer, Some(LoadBalancer::Real(_)));
    let base_url = entry(url, real, findings);
    let admin = admin(flags, config, real, findings);
    let own_token = config.and_then(|config| config.admin_token.clone());
    let target = Target {
        base_url,
        explicit,
        admin_url: admin,
        admin_token: flags.admin_token.clone().or(own_token),
        load_balancer,
        compared,
        program: flags.program.clone().or_else(|| config?.program.clone().map(PathBuf::from)),
        listen: listen(flags, config, findings),
        switching: switching(flags, config),
    };
    check(&target, findings);
    target
}

fn read(named: &Named, findings: &mut Findings) -> Option<LoadBalancer> {
    named
        .name
        .parse()
        .map_err(|message: String| findings.wrong(&named.path, named.name.as_str(), message))
        .ok()
}

/// The load balancers to compare, each once.
fn compared(bench: &Bench, flags: &Overrides, flagged: bool, findings: &mut Findings) -> Vec<LoadBalancer> {
    let (key, names) = match &flags.compare_load_balancers {
        Some(names) => ("--compare-load-balancers", names.as_slice()),
        None if flagged => return Vec::new(),
        None => ("bench.compare_load_balancers", bench.compare_load_balancers.as_slice()),
    };
    let mut compared = Vec::new();
    for name in names {
        let Some(one) = read(&Named { path: key.to_owned(), name: name.trim().to_owned() }, findings) else {
            continue;
        };
        if compared.contains(&one) {
            findings.note(key, name.as_str(), "stands twice and runs once");
        } else {
            compared.push(one);
        }
    }
    compared
}

/// The entry as it will be used.
fn entry(url: Named, real: bool, findings: &mut Findings) -> String {
    match url::check(&url.name) {
        // Real load balancers take services at the root unless told otherwise.
        Ok(_) if real => url.name.trim_end_matches('/').to_owned(),
        Ok(uri) => {
            let (entry, added) = url::with_entry(&url.name, &uri);
            if added {
                let message = format!("has no path, so services are expected below {entry}");
                findings.note(&url.path, url.name.as_str(), message);
            }
            entry
        }
        Err(message) => {
            findings.wrong(&url.path, url.name.as_str(), message);
            url.name
        }
    }
}

/// Where a load balancer that runs is told what to do.
fn admin(
    flags: &Overrides,
    config: Option<&super::raw::LoadBalancer>,
    real: bool,
    findings: &mut Findings,
) -> Option<String> {
    let (path, admin) = match (&flags.admin, config.and_then(|config| config.admin.as_ref())) {
        (Some(admin), _) => ("--admin", admin),
        (None, admin) => ("bench.load_balancer.admin", admin?),
    };
    // Sockets and folders have addresses of their own, which their adapters check.
    if (!real || admin.contains("://"))
        && let Err(message) = url::check(admin)
    {
        findings.wrong(path, admin.as_str(), message);
    }
    Some(admin.trim_end_matches('/').to_owned())
}

fn listen(
    flags: &Overrides,
    config: Option<&super::raw::LoadBalancer>,
    findings: &mut Findings,
) -> Option<SocketAddr> {
    let (path, text) = match (&flags.listen, config.and_then(|config| config.listen.as_ref())) {
        (Some(text), _) => ("--listen", text),
        (None, text) => ("bench.load_balancer.listen", text?),
    };
    let parsed = text.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    if parsed.is_none() {
        findings.wrong(path, text.as_str(), "is no address with a port; write `127.0.0.1:8080`");
    }
    parsed
}

fn switching(flags: &Overrides, config: Option<&super::raw::LoadBalancer>) -> Switching {
    let named = config.and_then(|config| config.switching).map(|name| match name {
        SwitchingName::Selector => Switching::Selector,
        SwitchingName::Config => Switching::Config,
    });
    flags.switching.or(named).unwrap_or_default()
}

/// What does not go together.
fn check(target: &Target, findings: &mut Findings) {
    use lb_admin_client::Kind;
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
        let what = match kind {
            Kind::Haproxy => "the path of its stats socket",
            Kind::Nginx => "its folder with `bench.json` and the flags",
            Kind::Envoy | Kind::Caddy | Kind::Traefik => "the URL of its admin API",
        };
        findings.wrong("--admin", json!(null), format!("{kind} that runs already needs --admin: {what}"));
    }
    let config_only = [Kind::Haproxy, Kind::Traefik];
    if let (Some(kind), Switching::Config) = (real, target.switching)
        && config_only.contains(&kind)
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

/// Who runs the algorithms.
pub(super) fn runner<'a>(target: &Target, policy: Option<&'a TrainedPolicy>) -> Runner<'a> {
    match (target.started(), target.load_balancer) {
        (started, _) if !started.is_empty() => Runner::Started(started, policy),
        (_, Some(one)) => Runner::Started(vec![one], policy),
        _ if target.explicit => Runner::External,
        _ => Runner::Started(vec![LoadBalancer::Reference], policy),
    }
}

/// Flags that say something to a reference load balancer that `bench` starts itself, and there is none.
pub(super) fn ours_only(target: &Target, flags: &Overrides, findings: &mut Findings) {
    let steered = matches!(target.load_balancer, Some(LoadBalancer::Real(_)));
    if let Some(balancers) = flags.balancers.filter(|_| target.explicit) {
        let message = "the load balancer that is named has as many as it has; leave --balancers out, or leave \
                       the load balancer out to use the embedded one";
        findings.wrong("--balancers", balancers, message);
    }
    if let Some(policy) = flags.policy.as_ref().filter(|_| target.explicit && !steered) {
        let message = "the load balancer that is named follows a policy of its own; reload it there, or leave \
                       the load balancer out to use the embedded one";
        findings.wrong("--policy", policy.to_string_lossy().into_owned(), message);
    }
}
