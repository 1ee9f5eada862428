//! Checks the addresses of load balancers: HTTP or HTTPS, with a host, and with a path below which services are
//! found.

use http::Uri;
use http::uri::InvalidUri;

/// An address as it should be written.
const EXAMPLE: &str = "http://host:port/proxy";

/// Checks the address that load is sent to. Errors say what is wrong and how to fix it.
pub(super) fn check(url: &str) -> Result<Uri, String> {
    read(url, &["http", "https"], EXAMPLE)
}

/// Checks the address of an admin API, which is called over plain HTTP, with a token rather than a password.
pub(super) fn check_admin(url: &str) -> Result<Uri, String> {
    let uri = read(url, &["http"], EXAMPLE)?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(
            "must not contain a user or a password, which would not be sent; use --admin-token".to_owned()
        );
    }
    Ok(uri)
}

/// Checks the address of a page of metrics, which may have a query. Returns it without its query, whose characters are
/// escaped when it is sent.
pub(super) fn check_metrics(url: &str) -> Result<Uri, String> {
    let base = url.split_once('?').map_or(url, |(base, _)| base);
    if base.starts_with("https://") {
        return Err("must begin with `http://`: metrics are read over plain HTTP; name an exporter, a Prometheus server or \
                    a proxy that is reached without TLS"
            .to_owned());
    }
    read(base, &["http"], "http://host:9100/metrics")
}

fn read(url: &str, schemes: &[&str], example: &str) -> Result<Uri, String> {
    let user = match url.contains('@') {
        true => "; in a user or a password, write special characters as in `%2F`",
        false => "",
    };
    let bad = |why: &str| format!("is not an address ({why}); use `{example}`{user}");
    let uri: Uri = url.parse().map_err(|error: InvalidUri| bad(&error.to_string()))?;
    // The parser lets any text pass as a port.
    let host = uri.authority().and_then(|authority| authority.as_str().rsplit('@').next());
    let port = host.and_then(|host| host.rsplit(']').next()).and_then(|rest| rest.split_once(':'));
    if port.is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
        return Err(bad("its port is not a number up to 65535"));
    }
    match uri.scheme_str() {
        Some(scheme) if schemes.contains(&scheme) => {}
        Some("https") => {
            return Err("must begin with `http://`: admin APIs are called over plain HTTP".to_owned());
        }
        _ => {
            let expected: Vec<String> = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
            return Err(format!("must begin with {}", expected.join(" or ")));
        }
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err(format!("has no host; use `{example}`"));
    }
    if uri.query().is_some() {
        return Err("must not have a query; remove everything from the `?` on".to_owned());
    }
    Ok(uri)
}

/// Returns the address, with `/proxy` added if it has no path, and whether `/proxy` was added.
pub(super) fn with_entry(url: &str, uri: &Uri) -> (String, bool) {
    let trimmed = url.trim_end_matches('/');
    match uri.path() {
        "" | "/" => (format!("{trimmed}/proxy"), true),
        _ => (trimmed.to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_gets_the_proxy_entry() {
        for (given, entry, added) in [
            ("http://localhost:8080", "http://localhost:8080/proxy", true),
            ("http://localhost:8080/", "http://localhost:8080/proxy", true),
            ("http://localhost:8080/proxy", "http://localhost:8080/proxy", false),
            ("http://localhost:8080/lb/", "http://localhost:8080/lb", false),
            ("http://[::1]:8080", "http://[::1]:8080/proxy", true),
            ("https://ann:secret@shop.example", "https://ann:secret@shop.example/proxy", true),
        ] {
            let uri = check(given).expect("a good address");
            assert_eq!(with_entry(given, &uri), (entry.to_owned(), added), "{given}");
        }
    }

    #[test]
    fn other_addresses_are_refused_with_the_way_out() {
        for (given, reason) in [
            ("localhost:8080", "`http://` or `https://`"),
            ("http://", "address"),
            ("http://a b", "address"),
            ("ftp://host/x", "`http://` or `https://`"),
            ("http://host/x?y=1", "query"),
            ("http://ann:se/cret@host/x", "write special characters as in `%2F`"),
            ("http://host:99999/x", "port"),
            ("http://[::1]:x", "port"),
            ("", "address"),
        ] {
            let message = check(given).expect_err(given);
            assert!(message.contains(reason), "{given}: {message}");
        }
    }

    #[test]
    fn an_admin_address_is_plain_and_has_no_password() {
        check_admin("http://localhost:9000").expect("a good address");
        for (given, reason) in [
            ("https://localhost", "admin APIs are called over plain HTTP"),
            ("http://user:secret@host/x", "use --admin-token"),
            ("ftp://host", "must begin with `http://`"),
        ] {
            let message = check_admin(given).expect_err(given);
            assert!(message.contains(reason), "{given}: {message}");
        }
    }
}
