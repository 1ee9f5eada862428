//! The addresses that the targets of a plan mean, and what is taken from each.

use lb_config::{Scrape, ScrapePlace, ScrapeWhat};
use lb_core::secret::{Secret, mask_passwords};
use lb_scrape::{Wanted, well_known};

/// The path of the metrics of the reference load balancer and of the mock backends.
const PAGE: &str = "/actuator/prometheus";

/// An address to read, and what is taken from it.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct Endpoint {
    /// The name of the target in messages.
    pub(super) name: String,
    pub(super) page: MetricsPage,
    pub(super) take: Take,
}

/// What is taken from an address.
#[derive(Clone, Debug)]
pub(super) enum Take {
    /// Quantities of a page.
    Page(Vec<Wanted>),
    /// The result of a query.
    Query(String),
}

/// The address of a page of metrics, or of the query API of a Prometheus server.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct MetricsPage {
    pub(super) url: Secret,
    /// The bearer token; `None` if none is needed.
    pub(super) token: Option<Secret>,
}

/// What `bench` started or attached to for a scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::experiment) struct Started<'a> {
    /// The metrics of the load balancer. `None` if it has none that `bench` knows.
    pub(in crate::experiment) balancer: Option<&'a MetricsPage>,
    /// The id and address of each backend that `bench` started.
    pub(in crate::experiment) backends: &'a [(&'a str, &'a str)],
}

impl MetricsPage {
    /// Returns the metrics of a load balancer with the admin API of the reference, or of a mock backend, at `base`.
    pub(in crate::experiment) fn at(base: &str, token: Option<&str>) -> Self {
        let url = Secret::new(format!("{}{PAGE}", base.trim_end_matches('/')));
        Self { url, token: token.map(Secret::new) }
    }
}

impl Endpoint {
    /// Returns the address with its password masked.
    pub(super) fn shown(&self) -> String {
        mask_passwords(self.page.url.reveal()).into_owned()
    }

    /// Makes the endpoint of a target at an address. `label` is its name unless the user gave one or chose something;
    /// `of_several` says that it is one of several with the same choice, so that the label tells them apart.
    fn new(scrape: &Scrape, page: MetricsPage, label: &str, of_several: bool) -> Self {
        let within = |what: &str| match of_several {
            true => format!("{label} {what}"),
            false => what.to_owned(),
        };
        let given = scrape.name.as_deref();
        let (name, take) = match &scrape.what {
            ScrapeWhat::WellKnown => {
                let name = match (given, of_several) {
                    (Some(given), true) => format!("{given} {label}"),
                    (Some(given), false) => given.to_owned(),
                    (None, _) => label.to_owned(),
                };
                let take = Take::Page(well_known(&name));
                (name, take)
            }
            ScrapeWhat::Series { of, by, rate } => {
                let name = within(given.unwrap_or(&of.to_string()));
                let take = Take::Page(vec![Wanted::chosen(&name, of.clone(), by, *rate)]);
                (name, take)
            }
            ScrapeWhat::Query(query) => (within(given.unwrap_or(query)), Take::Query(query.clone())),
        };
        Self { name, page, take }
    }
}

/// Returns the endpoints of the targets with an address of their own, which are there before a run.
pub(in crate::experiment) fn endpoints_of_urls(scrapes: &[Scrape]) -> Vec<Endpoint> {
    let of = |scrape: &Scrape| match &scrape.place {
        ScrapePlace::Url(url) => {
            let page = MetricsPage { url: url.clone(), token: None };
            Some(Endpoint::new(scrape, page, &label(url), false))
        }
        ScrapePlace::LoadBalancer | ScrapePlace::Backends => None,
    };
    told_apart(scrapes.iter().filter_map(of).collect())
}

/// Returns the endpoints of the targets that `bench` knows once a scenario has started, and a sentence for each target
/// that is not there.
pub(in crate::experiment) fn endpoints_of_started(
    scrapes: &[Scrape],
    started: Started<'_>,
) -> (Vec<Endpoint>, Vec<String>) {
    let (mut endpoints, mut missing) = (Vec::new(), Vec::new());
    for scrape in scrapes {
        match (&scrape.place, started.balancer) {
            (ScrapePlace::Url(_), _) => {}
            (ScrapePlace::LoadBalancer, Some(page)) => {
                endpoints.push(Endpoint::new(scrape, page.clone(), "load-balancer", false));
            }
            (ScrapePlace::LoadBalancer, None) => missing.push(
                "`load-balancer` stands for the metrics of the reference load balancer, which is not under test here; give \
                 the address of a page of metrics"
                    .to_owned(),
            ),
            (ScrapePlace::Backends, _) if started.backends.is_empty() => missing.push(
                "`backends` stands for backends that `bench` starts, and there are none here; give the address of a page of \
                 metrics"
                    .to_owned(),
            ),
            (ScrapePlace::Backends, _) => {
                let of = |(id, url): &(&str, &str)| Endpoint::new(scrape, MetricsPage::at(url, None), id, true);
                endpoints.extend(started.backends.iter().map(of));
            }
        }
    }
    (told_apart(endpoints), missing)
}

/// Names an address by its host and port, with its path unless that is the usual one.
fn label(url: &Secret) -> String {
    let shown = mask_passwords(url.reveal()).into_owned();
    let rest = shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.trim_end_matches("/metrics").to_owned()
}

/// Numbers endpoints that have the same name.
fn told_apart(mut endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    for place in 0..endpoints.len() {
        let same = endpoints[..place].iter().filter(|one| one.name == endpoints[place].name).count();
        if same > 0 {
            let number = format!(" ({})", same + 1);
            if let Take::Page(wanted) = &mut endpoints[place].take {
                wanted.iter_mut().for_each(|one| one.name.push_str(&number));
            }
            endpoints[place].name.push_str(&number);
        }
    }
    endpoints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(name: Option<&str>, place: ScrapePlace, what: ScrapeWhat) -> Scrape {
        Scrape { name: name.map(str::to_owned), place, what }
    }

    fn url(text: &str) -> ScrapePlace {
        ScrapePlace::Url(Secret::new(text))
    }

    fn names(endpoints: &[Endpoint]) -> Vec<&str> {
        endpoints.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn a_target_is_named_by_the_user_by_its_choice_or_by_its_address() {
        let series =
            || ScrapeWhat::Series { of: "q".parse().expect("a selector"), by: Vec::new(), rate: None };
        let endpoints = endpoints_of_urls(&[
            scrape(Some("node"), url("http://h:9100/metrics"), ScrapeWhat::WellKnown),
            scrape(None, url("http://ann:secret@h:9100/metrics"), ScrapeWhat::WellKnown),
            scrape(None, url("http://h:9100/metrics"), series()),
            scrape(None, url("http://other:9100/metrics"), series()),
            scrape(None, url("http://h/api/v1/query"), ScrapeWhat::Query("rate(a[1m])".to_owned())),
            scrape(None, ScrapePlace::Backends, ScrapeWhat::WellKnown),
        ]);
        assert_eq!(names(&endpoints), ["node", "h:9100", "q", "q (2)", "rate(a[1m])"]);
        assert_eq!(endpoints[1].shown(), "http://ann:***@h:9100/metrics");
        let Take::Page(wanted) = &endpoints[3].take else { panic!("it is a page") };
        assert_eq!(wanted[0].name, "q (2)", "series are told apart like their targets");
    }

    #[test]
    fn words_stand_for_what_was_started() {
        let page = MetricsPage::at("http://127.0.0.1:9/", Some("t0p"));
        let started = Started {
            balancer: Some(&page),
            backends: &[("a", "http://127.0.0.1:1"), ("b", "http://127.0.0.1:2")],
        };
        let scrapes = [
            scrape(None, ScrapePlace::LoadBalancer, ScrapeWhat::WellKnown),
            scrape(None, ScrapePlace::Backends, ScrapeWhat::WellKnown),
            scrape(Some("shop"), ScrapePlace::Backends, ScrapeWhat::WellKnown),
        ];
        let (endpoints, missing) = endpoints_of_started(&scrapes, started);
        assert_eq!(names(&endpoints), ["load-balancer", "a", "b", "shop a", "shop b"]);
        assert_eq!(endpoints[0].shown(), "http://127.0.0.1:9/actuator/prometheus");
        assert!(missing.is_empty(), "{missing:?}");
        let (endpoints, missing) = endpoints_of_started(&scrapes[..2], Started::default());
        assert!(endpoints.is_empty());
        assert!(
            missing[0].starts_with("`load-balancer` stands for") && missing[1].contains("give the address")
        );
    }
}
