//! Decides whether a request may reach an API that steers something.
//!
//! Any web page can make a browser on this machine send requests to a loopback port. A browser adds what gives
//! it away: the `Host` that the page was loaded under or asked for, `Origin`, and `Sec-Fetch-Site`. The rules
//! are those of Caddy's admin endpoint, and one more for bodies:
//!
//! 1. `Host` is a loopback name or address, the address that the listener is bound to, or listed. A name that
//!    an attacker has rebound to this machine is none of these. A listener that is bound to all addresses also
//!    accepts any IP address, since only a name can be rebound.
//! 2. `Origin`, if there is one, is the `Host` itself or listed. Another port of the same machine is another
//!    origin. Browsers send `Origin` with every request across origins that can change something or whose
//!    reply a page could read.
//! 3. Without `Origin`, `Sec-Fetch-Site` does not name another site: images, scripts and links of a foreign
//!    page.
//! 4. A request other than GET, HEAD and OPTIONS has no body, a body of `application/json`, or the field
//!    `X-Requested-With`. The last two make a browser ask for permission first, which only a listed origin
//!    gets. A body-less call without `Origin` and `Sec-Fetch-Site` does not come from a browser, so command
//!    lines need no field for it.

use crate::host::{Host, HostError};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use std::net::{IpAddr, SocketAddr};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// The rule for who may call an API.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The name of the option that lists further hosts, for messages.
    option: &'static str,
    listed: Vec<Host>,
    /// The address that the listener is bound to.
    bound: Option<IpAddr>,
}

/// The reason why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the reply: 400, 403 or 415.
    pub status: StatusCode,
    /// What is wrong and what to send or configure instead.
    pub reason: String,
}

/// A request that may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The listed origin of the page that sent it; `None` if no page of another origin did.
    origin: Option<HeaderValue>,
    preflight: bool,
}

impl Gate {
    /// Makes a gate that also admits the hosts in `listed`, given by the user as `option`.
    ///
    /// # Errors
    /// An entry is not a host.
    pub fn new(option: &'static str, listed: &[String]) -> Result<Self, HostError> {
        let parse =
            |entry: &String| Host::parse(entry).ok_or_else(|| HostError { option, entry: entry.clone() });
        Ok(Self { option, listed: listed.iter().map(parse).collect::<Result<_, _>>()?, bound: None })
    }

    /// Also admits the address that the listener is bound to; if that is the one for all addresses, any
    /// address.
    #[must_use]
    pub fn bound_to(mut self, address: SocketAddr) -> Self {
        self.bound = Some(address.ip().to_canonical());
        self
    }

    /// Decides about the request with this head.
    ///
    /// # Errors
    /// The reply to send instead.
    pub fn admit(&self, head: &Parts) -> Result<Admitted, Refusal> {
        let host = self.host(head)?;
        let origin = self.origin(&head.headers, host.as_ref())?;
        if ![Method::GET, Method::HEAD, Method::OPTIONS].contains(&head.method) {
            media(&head.headers)?;
        }
        let asks = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Ok(Admitted { preflight: asks && origin.is_some(), origin })
    }

    /// Returns whether `Host` is a literal address or would be admitted: enough for a probe, which orchestrators
    /// send to the address of a container.
    pub fn admits_probe(&self, head: &Parts) -> bool {
        let named = |host: &Host| host.address().is_some();
        match hosts(head) {
            Ok(hosts) => hosts.iter().all(|host| named(host) || self.allows(host)),
            Err(_) => false,
        }
    }

    /// Checks what the request calls this host; `None` if it says nothing, as HTTP/1.0 allows.
    fn host(&self, head: &Parts) -> Result<Option<Host>, Refusal> {
        let hosts = hosts(head)?;
        match hosts.iter().find(|host| !self.allows(host)) {
            None => Ok(hosts.into_iter().next()),
            Some(host) => Err(forbidden(format!(
                "`Host` is `{host}`, which is not known here; call a loopback address such as 127.0.0.1, or list \
                 the host in `{}`",
                self.option
            ))),
        }
    }

    fn allows(&self, host: &Host) -> bool {
        let bound = self.bound.is_some_and(|bound| match host.address() {
            Some(address) => bound.is_unspecified() || address == bound,
            None => false,
        });
        host.is_loopback() || bound || self.lists(host)
    }

    fn lists(&self, host: &Host) -> bool {
        self.listed.iter().any(|entry| entry.covers(host))
    }

    /// Returns the origin of the page that sent the request, if it is another one than the host's own.
    fn origin(&self, headers: &HeaderMap, host: Option<&Host>) -> Result<Option<HeaderValue>, Refusal> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return self.site(headers).map(|()| None);
        };
        let parsed = origins.next().is_none().then(|| origin_of(origin)).flatten();
        match parsed {
            Some((scheme, named)) if host.is_some_and(|host| host.clone().with_port_of(scheme) == named) => {
                Ok(None)
            }
            Some((_, named)) if self.lists(&named) => Ok(Some(origin.clone())),
            _ => Err(forbidden(format!(
                "`Origin` is `{}`: pages of other origins may not call this API; list the origin's host in `{}` if \
                 this one may",
                origin.to_str().unwrap_or("(not text)"),
                self.option
            ))),
        }
    }

    /// Refuses what a browser says comes from another site.
    fn site(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let foreign = |value: &&HeaderValue| ![&b"same-origin"[..], b"none"].contains(&value.as_bytes());
        match headers.get_all(SEC_FETCH_SITE).iter().find(foreign) {
            None => Ok(()),
            Some(value) => Err(forbidden(format!(
                "`Sec-Fetch-Site` is `{}`: pages of other sites may not call this API",
                value.to_str().unwrap_or("(not text)")
            ))),
        }
    }
}

impl Admitted {
    /// Returns whether this is a browser's question whether a listed origin may send a request. The reply is 204
    /// with the fields of [`Self::mark`].
    pub fn is_preflight(&self) -> bool {
        self.preflight
    }

    /// Adds the fields to a reply that let a page of a listed origin read it.
    pub fn mark(&self, headers: &mut HeaderMap) {
        let Some(origin) = &self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(VARY, HeaderValue::from_static("origin"));
        if self.preflight {
            let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
            let fields = HeaderValue::from_static("authorization, content-type, x-requested-with");
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, fields);
        }
    }
}

fn forbidden(reason: String) -> Refusal {
    Refusal { status: StatusCode::FORBIDDEN, reason }
}

/// Lists what the request calls this host: in its target, if that is a whole URL, and in `Host`.
fn hosts(head: &Parts) -> Result<Vec<Host>, Refusal> {
    let bad = |reason: &str| Refusal { status: StatusCode::BAD_REQUEST, reason: reason.to_owned() };
    let mut fields = head.headers.get_all(HOST).iter();
    let field = match (fields.next(), fields.next()) {
        (Some(only), None) => Some(only.to_str().unwrap_or_default()),
        (None, _) if head.version < Version::HTTP_11 => None,
        // HTTP/2 names the host in `:authority`.
        (None, _) if head.version == Version::HTTP_2 && head.uri.authority().is_some() => None,
        (None, _) => return Err(bad("`Host` is missing; send it once, such as `Host: 127.0.0.1`")),
        (Some(_), Some(_)) => return Err(bad("`Host` is there twice; send it once")),
    };
    let target = head.uri.authority().map(http::uri::Authority::as_str);
    let parse = |text| {
        Host::parse(text).ok_or_else(|| bad("`Host` is not a host; send one such as `127.0.0.1:8080`"))
    };
    target.into_iter().chain(field).map(parse).collect()
}

/// Parses an origin into its scheme and host; `None` for `null` and whatever else is not a web page's.
fn origin_of(value: &HeaderValue) -> Option<(&str, Host)> {
    let (scheme, rest) = value.to_str().ok()?.split_once("://")?;
    let host = Host::parse(rest).filter(|_| ["http", "https"].contains(&scheme))?;
    Some((scheme, host.with_port_of(scheme)))
}

/// Refuses a body that a page can send without asking first.
fn media(headers: &HeaderMap) -> Result<(), Refusal> {
    let empty = !headers.contains_key(TRANSFER_ENCODING)
        && headers.get_all(CONTENT_LENGTH).iter().all(|length| length.as_bytes() == b"0");
    if empty || headers.contains_key(X_REQUESTED_WITH) {
        return Ok(());
    }
    let mut kinds = headers.get_all(CONTENT_TYPE).iter().peekable();
    let declared = kinds.peek().is_some();
    if declared && kinds.all(is_json) {
        return Ok(());
    }
    let given = headers
        .get(CONTENT_TYPE)
        .map_or("missing".into(), |kind| format!("`{}`", kind.to_str().unwrap_or("(not text)")));
    Err(Refusal {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        reason: format!(
            "`Content-Type` is {given}: a body must be `application/json`, or come with the field \
             `X-Requested-With`"
        ),
    })
}

fn is_json(value: &HeaderValue) -> bool {
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        let listed = ["tools.example", "dash.example:3000"].map(str::to_owned);
        Gate::new("admin_hosts", &listed).expect("hosts")
    }

    fn head(method: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/x");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    /// The status of the refusal, or 200.
    fn status(gate: &Gate, method: &str, fields: &[(&str, &str)]) -> u16 {
        gate.admit(&head(method, fields)).map_or_else(|refusal| refusal.status.as_u16(), |_| 200)
    }

    #[test]
    fn the_host_is_loopback_or_listed_even_for_reads() {
        for (host, expected) in [
            ("localhost:1", 200),
            ("127.3.2.1", 200),
            ("[::1]:9901", 200),
            ("tools.example", 200),
            ("tools.example:81", 200),
            ("dash.example:3000", 200),
            ("dash.example", 403),
            ("evil.example", 403),
            ("localhost.evil.example", 403),
            ("10.0.0.5", 403),
            ("me@localhost", 400),
            ("", 400),
        ] {
            assert_eq!(status(&gate(), "GET", &[("host", host)]), expected, "Host: {host}");
        }
        assert_eq!(status(&gate(), "GET", &[]), 400, "without any");
        assert_eq!(status(&gate(), "GET", &[("host", "localhost"), ("host", "evil.example")]), 400, "two");
    }

    #[test]
    fn a_whole_url_as_target_is_checked_as_well() {
        let mut head = head("GET", &[("host", "localhost")]);
        head.uri = "http://evil.example/x".parse().expect("a URL");
        assert_eq!(gate().admit(&head).map_err(|refusal| refusal.status), Err(StatusCode::FORBIDDEN));
    }

    #[test]
    fn http_1_0_may_leave_the_host_out() {
        let mut head = head("GET", &[]);
        head.version = Version::HTTP_10;
        assert!(gate().admit(&head).is_ok(), "no browser speaks it");
    }

    #[test]
    fn a_listener_that_others_reach_admits_its_own_address_and_on_all_addresses_any() {
        let bound = |address: &str| gate().bound_to(address.parse().expect("an address"));
        let on = |address: &str, host| status(&bound(address), "GET", &[("host", host)]);
        assert_eq!(on("10.0.0.5:9901", "10.0.0.5:9901"), 200);
        assert_eq!(on("10.0.0.5:9901", "10.0.0.6:9901"), 403, "an address of someone else");
        assert_eq!(on("0.0.0.0:9901", "10.0.0.6:9901"), 200, "an address cannot be rebound");
        assert_eq!(on("[::]:9901", "[fd00::1]:9901"), 200);
        assert_eq!(on("0.0.0.0:9901", "evil.example:9901"), 403, "a name can");
        assert_eq!(on("127.0.0.1:9901", "10.0.0.5"), 403);
    }

    #[test]
    fn an_origin_is_the_host_itself_or_listed() {
        for (origin, expected) in [
            ("http://localhost:8080", 200),
            ("http://tools.example", 200),
            ("https://dash.example:3000", 200),
            ("http://dash.example", 403),
            ("http://localhost:3000", 403),
            ("http://127.0.0.1:8080", 403),
            ("http://evil.example", 403),
            ("http://evil.example:8080", 403),
            ("null", 403),
            ("file://localhost:8080", 403),
        ] {
            for method in ["GET", "POST"] {
                let fields = [("host", "localhost:8080"), ("origin", origin)];
                assert_eq!(status(&gate(), method, &fields), expected, "{method} from {origin}");
            }
        }
        let implied = [("host", "localhost"), ("origin", "http://localhost:80")];
        assert_eq!(status(&gate(), "GET", &implied), 200, "80 is what `http` implies");
        let two = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example")];
        assert_eq!(status(&gate(), "GET", &two), 403, "one of them is foreign");
    }

    #[test]
    fn what_a_browser_says_is_from_another_site_is_refused_without_an_origin_too() {
        for (site, expected) in [("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)]
        {
            let fields = [("host", "localhost"), ("sec-fetch-site", site)];
            assert_eq!(status(&gate(), "GET", &fields), expected, "Sec-Fetch-Site: {site}");
            assert_eq!(status(&gate(), "POST", &fields), expected, "Sec-Fetch-Site: {site}");
        }
        let listed =
            [("host", "localhost"), ("origin", "http://tools.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(status(&gate(), "POST", &listed), 200, "a listed origin is of another site");
    }

    #[test]
    fn a_body_is_json_or_comes_with_a_field_of_its_own() {
        for (fields, expected) in [
            (&[("content-length", "2"), ("content-type", "application/json")][..], 200),
            (&[("content-length", "2"), ("content-type", "Application/JSON; charset=utf-8")], 200),
            (&[("transfer-encoding", "chunked"), ("content-type", "application/json")], 200),
            (&[("content-length", "2"), ("content-type", "text/plain")], 415),
            (&[("content-length", "2"), ("content-type", "text/plain; application/json")], 415),
            (&[("content-length", "2"), ("content-type", "application/x-www-form-urlencoded")], 415),
            (
                &[
                    ("content-length", "2"),
                    ("content-type", "application/json"),
                    ("content-type", "text/plain"),
                ],
                415,
            ),
            (&[("content-length", "2")], 415),
            (&[("transfer-encoding", "chunked")], 415),
            (&[("content-length", "2"), ("content-type", "text/plain"), ("x-requested-with", "curl")], 200),
            (&[("content-length", "0"), ("content-type", "application/x-www-form-urlencoded")], 200),
            (&[], 200),
        ] {
            let fields = [&[("host", "localhost")][..], fields].concat();
            for method in ["POST", "PUT", "DELETE"] {
                assert_eq!(status(&gate(), method, &fields), expected, "{method} with {fields:?}");
            }
        }
    }

    #[test]
    fn a_listed_origin_may_ask_and_read_and_no_other_reply_is_marked() {
        let ask = [
            ("host", "localhost"),
            ("origin", "http://tools.example"),
            ("access-control-request-method", "POST"),
        ];
        let admitted = gate().admit(&head("OPTIONS", &ask)).expect("it is listed");
        assert!(admitted.is_preflight());
        let mut fields = HeaderMap::new();
        admitted.mark(&mut fields);
        assert_eq!(fields["access-control-allow-origin"], "http://tools.example");
        assert!(
            fields["access-control-allow-headers"].to_str().is_ok_and(|text| text.contains("content-type"))
        );
        assert!(!fields.contains_key("access-control-allow-credentials"));

        let own = gate().admit(&head("GET", &[("host", "localhost"), ("origin", "http://localhost")]));
        let mut fields = HeaderMap::new();
        own.expect("the host's own").mark(&mut fields);
        assert!(fields.is_empty(), "a page of the same origin may read anyway");
    }

    #[test]
    fn probes_are_admitted_at_any_address_but_at_no_foreign_name() {
        for (host, expected) in [("10.1.2.3:8080", true), ("localhost", true), ("evil.example", false)] {
            assert_eq!(gate().admits_probe(&head("GET", &[("host", host)])), expected, "{host}");
        }
    }

    #[test]
    fn an_entry_that_is_not_a_host_is_named_with_its_option() {
        let error =
            Gate::new("admin_hosts", &["http://a.example".to_owned()]).expect_err("a URL").to_string();
        assert!(error.starts_with("`admin_hosts` has `http://a.example`, which is not a host"), "{error}");
    }
}
