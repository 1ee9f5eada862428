//! The experiment of a single address: `GET` of its path, and nothing else.

use super::error::{ConfigError, Findings};
use super::source::{Loaded, from_text};
use super::url;
use http::uri::PathAndQuery;
use lb_core::secret::mask_passwords;
use serde_json::json;

/// The name of the experiment in results and messages.
const NAME: &str = "one-address";
/// Users at once: few enough not to overload what answers, enough to see a queue.
const USERS: u32 = 10;
/// Seconds that a user waits after each reply: at most a hundred requests per second in all.
const PAUSE_S: f64 = 0.1;
/// Length of a trial in minutes: five seconds give some hundred requests.
const MINUTES: f64 = 5.0 / 60.0;
/// Trials: with six, another run can be compared with this one.
const TRIALS: u32 = 6;

/// Makes the config of an experiment that sends only `GET` requests for the path and query of `url`. Returns it
/// with the address without path and query, to which the requests are sent.
///
/// # Errors
/// `url` is not an address that requests can be sent to.
pub fn one_address(url: &str) -> Result<(Loaded, String), ConfigError> {
    let (bare, query) = url.split_once('?').map_or((url, None), |(bare, query)| (bare, Some(query)));
    let uri = url::check(bare).map_err(|message| {
        let mut findings = Findings::default();
        findings.wrong("--url", mask_passwords(url), message);
        ConfigError::Invalid { name: NAME.to_owned(), problems: findings.into_parts().0 }
    })?;
    let path = uri.path_and_query().map_or("/", PathAndQuery::path);
    let origin = bare.strip_suffix(path).unwrap_or(bare).to_owned();
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    // Braces would begin a placeholder of the journey.
    let target = target.replace('{', "%7B").replace('}', "%7D");
    let text = json!({
        "description": "GET requests for one address.",
        "scenarios": [{
            "name": format!("GET {path}"),
            "duration_minutes": MINUTES,
            "concurrent_users": USERS,
            "ramp_up_time_seconds": 0,
        }],
        "user_profiles": { "client": { "actions": [{ "name": "get", "weight": 1 }] } },
        "bench": {
            "repetitions": TRIALS,
            "warm_up_s": 0.5,
            "journey": {
                "name": NAME,
                "actions": { "get": {
                    "weight": 1,
                    "think_time_s": [PAUSE_S, PAUSE_S],
                    "steps": [{ "name": path, "path": target }],
                }},
            },
        },
    });
    Ok((from_text(NAME, &text.to_string())?, origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Overrides, plan};

    #[test]
    fn only_the_path_and_query_of_the_address_are_requested() {
        for (url, origin, path) in [
            ("http://shop.example", "http://shop.example", "/"),
            ("http://shop.example/", "http://shop.example", "/"),
            ("http://shop.example:8080/a/b", "http://shop.example:8080", "/a/b"),
            ("http://shop.example/a/?q={x}&r=1", "http://shop.example", "/a/?q=%7Bx%7D&r=1"),
        ] {
            let (loaded, found) = one_address(url).expect(url);
            assert_eq!(found, origin, "{url}");
            let overrides = Overrides { url: Some(found), ..Overrides::default() };
            let plan = plan(&loaded, &overrides).expect(url);
            assert_eq!(plan.target().base_url(), origin);
            let steps = plan.scenarios()[0].scenario().workload.steps();
            assert_eq!(steps.len(), 1, "{url}");
            assert_eq!(
                (steps[0].path.to_string().as_str(), steps[0].method.as_str()),
                (path, "GET"),
                "{url}"
            );
            let names: Vec<String> = plan.algorithms().iter().map(ToString::to_string).collect();
            assert_eq!(names, ["as-it-is"], "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_under_the_flag() {
        let error = one_address("shop.example").expect_err("it has no scheme").to_string();
        assert!(error.contains("--url") && error.contains("http://"), "{error}");
    }
}
