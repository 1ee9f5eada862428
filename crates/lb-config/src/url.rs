//! Addresses of load balancers: plain HTTP, with a host, and with a path below which services lie.

use http::Uri;

/// Checks an address. `Err` says what is wrong and what to write.
pub(super) fn check(url: &str) -> Result<Uri, String> {
    let uri: Uri =
        url.parse().map_err(|error| format!("is not an address ({error}); use `http://host:port/proxy`"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(
                "TLS is not supported; use a plain HTTP address such as `http://host:port/proxy`".to_owned()
            );
        }
        _ => return Err("must begin with `http://`".to_owned()),
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err("has no host; use `http://host:port/proxy`".to_owned());
    }
    if uri.query().is_some() {
        return Err("must not have a query; remove everything from the `?` on".to_owned());
    }
    Ok(uri)
}

/// The address with `/proxy` where it has no path of its own; the flag says whether that was added.
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
        ] {
            let uri = check(given).expect("a good address");
            assert_eq!(with_entry(given, &uri), (entry.to_owned(), added), "{given}");
        }
    }

    #[test]
    fn other_addresses_are_refused_with_the_way_out() {
        for (given, reason) in [
            ("localhost:8080", "http://"),
            ("https://localhost", "plain HTTP"),
            ("http://", "address"),
            ("http://a b", "address"),
            ("ftp://host/x", "http://"),
            ("http://host/x?y=1", "query"),
            ("", "address"),
        ] {
            let message = check(given).expect_err(given);
            assert!(message.contains(reason), "{given}: {message}");
        }
    }
}
