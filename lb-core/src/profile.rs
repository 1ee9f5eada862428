//! A *pool profile*: what a calibration found out about the backends of one pool, with how sure it is.
//!
//! It is a JSON file beside a policy file, or part of one. Policies find their backends in it by id, and trust it only as
//! long as what they observe agrees with it.
//!
//! A profile that is wrong would steer requests wrongly until observations contradict it. So [`PoolProfile::parse`] takes
//! nothing that it does not know, [`PoolProfile::check`] names every value that cannot be, and [`PoolProfile::fits`]
//! refuses the profile of another pool.

use crate::topology::Discipline;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Format version of profiles that this build writes. A file with a different major version is rejected.
pub const FORMAT_VERSION: &str = "1.0.0";

/// What is known about a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolProfile {
    /// Version of the format, such as `1.0.0`.
    pub format_version: String,
    /// Where the profile comes from, for people.
    #[serde(default)]
    pub about: String,
    /// Mean service time of an ordinary request at a backend of speed 1, in milliseconds.
    pub service_ms: Estimate,
    /// The backends, each id once.
    pub backends: Vec<BackendProfile>,
    /// What classes of route cost, each class once.
    #[serde(default)]
    pub routes: Vec<RouteProfile>,
}

/// What is known about one backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendProfile {
    /// Id in configs and results.
    pub id: String,
    /// Speed; a backend of speed 2 serves a request in half the time.
    pub speed: Estimate,
    /// Requests that it serves at once.
    pub workers: u32,
    /// Whether requests waited often enough to know the number of workers.
    pub workers_known: bool,
    /// How waiting requests share the workers.
    pub discipline: Discipline,
}

/// What is known about a class of route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteProfile {
    /// Name of the class, as in traces: `GET /cart-service/api/items/{}`.
    pub route: String,
    /// Mean service time relative to an ordinary request.
    pub cost: Estimate,
    /// Standard deviation of the natural logarithm of a single request's service time.
    pub log_spread: f64,
}

/// A positive quantity, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// Standard deviation of the natural logarithm of the guess.
    pub log_error: f64,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The text is not JSON, or not a profile: a key is missing, unknown, or has a value of another type.
    #[error("pool profile is not readable: {0}; {WRITE_AGAIN}")]
    Unreadable(#[from] serde_json::Error),
    /// The profile has another major version of the format.
    #[error(
        "pool profile has format version `{found}`, but this build reads {FORMAT_VERSION}; write it with the matching \
         `rl-train calibrate --profile FILE`"
    )]
    Version {
        /// Format version in the profile, or `none`.
        found: String,
    },
    /// Values that cannot be, one sentence each.
    #[error("pool profile: {}; {WRITE_AGAIN}", .0.join("; "))]
    Values(Vec<String>),
    /// No backend of the pool is in the profile.
    #[error(
        "pool profile is of another pool: it knows {profile}, and the pool has {pool}; record this pool with `bench \
         --traces` and calibrate it with `rl-train calibrate --profile FILE`, or use a policy file without a profile"
    )]
    OtherPool {
        /// Ids in the profile, joined by commas.
        profile: String,
        /// Ids in the pool, joined by commas.
        pool: String,
    },
}

/// The way out of a profile that was changed or cut off.
const WRITE_AGAIN: &str = "write it again with `rl-train calibrate --profile FILE`";

/// Largest number of workers of a backend: no machine serves more requests at once.
const MOST_WORKERS: u32 = 1 << 20;
/// Number of ids in a message; more make it unreadable.
const MOST_SHOWN: usize = 8;

impl PoolProfile {
    /// Maximum length of a profile in bytes, enough for a hundred thousand backends.
    pub const LONGEST: u64 = 16 << 20;

    /// Reads and checks a profile.
    ///
    /// # Errors
    /// The text is not a profile of this major version, or holds values that cannot be; see [`ProfileError`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        // The version comes first, so that a newer profile is not called faulty for keys that are new.
        let value: Value = serde_json::from_str(text)?;
        let version = value.get("format_version").and_then(Value::as_str).unwrap_or("none");
        if major(version) != major(FORMAT_VERSION) {
            return Err(ProfileError::Version { found: version.to_owned() });
        }
        let profile: Self = serde_json::from_str(text)?;
        profile.check()?;
        Ok(profile)
    }

    /// Checks all values.
    ///
    /// # Errors
    /// The version is another one, or a value cannot be: a speed that is not above zero, an id that is listed twice, no
    /// workers. All such values are named at once.
    pub fn check(&self) -> Result<(), ProfileError> {
        if major(&self.format_version) != major(FORMAT_VERSION) {
            return Err(ProfileError::Version { found: self.format_version.clone() });
        }
        let mut faults = Vec::new();
        self.service_ms.check("service_ms", &mut faults);
        if self.backends.is_empty() {
            faults.push("`backends` is empty; list at least one backend".to_owned());
        }
        unique("backends", "id", &mut self.backends.iter().map(|backend| backend.id.as_str()), &mut faults);
        for (place, backend) in self.backends.iter().enumerate() {
            let at = format!("backends[{place}]");
            backend.speed.check(&format!("{at}.speed"), &mut faults);
            if !(1..=MOST_WORKERS).contains(&backend.workers) {
                let workers = backend.workers;
                faults.push(format!("`{at}.workers` is {workers}; use a number from 1 to {MOST_WORKERS}"));
            }
        }
        unique("routes", "route", &mut self.routes.iter().map(|route| route.route.as_str()), &mut faults);
        for (place, route) in self.routes.iter().enumerate() {
            let at = format!("routes[{place}]");
            route.cost.check(&format!("{at}.cost"), &mut faults);
            not_negative(&format!("{at}.log_spread"), route.log_spread, &mut faults);
        }
        if faults.is_empty() { Ok(()) } else { Err(ProfileError::Values(faults)) }
    }

    /// Returns what is known about the backend with this id; `None` if nothing is.
    pub fn of(&self, id: &str) -> Option<&BackendProfile> {
        self.backends.iter().find(|backend| backend.id == id)
    }

    /// Checks that the profile is of the pool whose backends have these ids. Backends may have come and gone since.
    ///
    /// # Errors
    /// There is at least one id, and none of them is in the profile.
    pub fn fits(&self, ids: &[&str]) -> Result<(), ProfileError> {
        if ids.is_empty() || ids.iter().any(|id| self.of(id).is_some()) {
            return Ok(());
        }
        let known: Vec<&str> = self.backends.iter().map(|backend| backend.id.as_str()).collect();
        Err(ProfileError::OtherPool { profile: listed(&known), pool: listed(ids) })
    }
}

impl Estimate {
    fn check(self, at: &str, faults: &mut Vec<String>) {
        // NaN is not above zero either.
        if !(self.value > 0.0 && self.value.is_finite()) {
            faults.push(format!("`{at}.value` is {}; use a finite number above 0", self.value));
        }
        not_negative(&format!("{at}.log_error"), self.log_error, faults);
    }
}

fn not_negative(at: &str, value: f64, faults: &mut Vec<String>) {
    if !(value >= 0.0 && value.is_finite()) {
        faults.push(format!("`{at}` is {value}; use a finite number of at least 0"));
    }
}

/// Reports names that are empty, or that an earlier entry has.
fn unique(list: &str, key: &str, names: &mut dyn Iterator<Item = &str>, faults: &mut Vec<String>) {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, name) in names.enumerate() {
        if name.is_empty() {
            faults.push(format!("`{list}[{place}].{key}` is empty; give it a name"));
        } else if let Some(earlier) = first.get(name) {
            faults.push(format!(
                "`{list}[{place}].{key}` is `{name}`, which `{list}[{earlier}]` already has; leave one of them out"
            ));
        } else {
            first.insert(name, place);
        }
    }
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}

/// Joins some ids for a message.
fn listed(ids: &[&str]) -> String {
    let shown: Vec<String> = ids.iter().take(MOST_SHOWN).map(|id| format!("`{id}`")).collect();
    let rest = ids.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"{
        "format_version": "1.4.0",
        "about": "a test",
        "service_ms": {"value": 12.5, "log_error": 0.02},
        "backends": [
            {"id": "b1", "speed": {"value": 1.0, "log_error": 0.03}, "workers": 4, "workers_known": true,
             "discipline": "fcfs"},
            {"id": "b2", "speed": {"value": 2.0, "log_error": 0.0}, "workers": 1, "workers_known": false,
             "discipline": "processor_sharing"}
        ],
        "routes": [{"route": "GET /shop/items/{}", "cost": {"value": 0.5, "log_error": 0.1}, "log_spread": 1.0}]
    }"#;

    fn refused(from: &str, to: &str) -> String {
        assert!(SOUND.contains(from), "the text has `{from}`");
        let error = PoolProfile::parse(&SOUND.replacen(from, to, 1)).expect_err("it is refused");
        error.to_string()
    }

    #[test]
    fn a_profile_is_read_and_written_and_found_by_id() {
        let profile = PoolProfile::parse(SOUND).expect("a later minor version is read");
        assert_eq!(profile.of("b2").map(|backend| backend.speed.value), Some(2.0));
        assert_eq!(profile.of("b3"), None, "a backend that is not listed is unknown");
        let again = PoolProfile::parse(&serde_json::to_string(&profile).expect("JSON")).expect("a profile");
        assert_eq!(again, profile);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_key_and_value() {
        let cases = [
            (
                r#""value": 2.0"#,
                r#""value": -2.0"#,
                "`backends[1].speed.value` is -2; use a finite number above 0",
            ),
            (r#""value": 2.0"#, r#""value": 0"#, "`backends[1].speed.value` is 0"),
            (r#""log_error": 0.03"#, r#""log_error": -1"#, "`backends[0].speed.log_error` is -1; use"),
            (r#""value": 12.5"#, r#""value": 0"#, "`service_ms.value` is 0; use a finite number above 0"),
            (r#""id": "b2""#, r#""id": "b1""#, "`backends[1].id` is `b1`, which `backends[0]` already has"),
            (r#""id": "b2""#, r#""id": """#, "`backends[1].id` is empty"),
            (r#""workers": 4"#, r#""workers": 0"#, "`backends[0].workers` is 0; use a number from 1"),
            (r#""log_spread": 1.0"#, r#""log_spread": -0.5"#, "`routes[0].log_spread` is -0.5"),
            (r#""workers": 4"#, r#""wrokers": 4"#, "unknown field `wrokers`, expected one of `id`, `speed`"),
            (r#""workers": 4,"#, "", "missing field `workers`"),
            (r#""workers": 4"#, r#""workers": -4"#, "invalid value: integer `-4`"),
            (r#""value": 2.0"#, r#""value": 1e999"#, "number out of range"),
            (r#""fcfs""#, r#""lifo""#, "unknown variant `lifo`"),
            (r#""1.4.0""#, r#""2.0.0""#, "format version `2.0.0`, but this build reads 1.0.0"),
            (r#""format_version": "1.4.0","#, "", "format version `none`"),
            ("{", "", "pool profile is not readable"),
        ];
        for (from, to, part) in cases {
            let message = refused(from, to);
            assert!(message.contains(part), "{to}: the message has `{part}`: {message}");
            assert!(message.contains("rl-train calibrate --profile FILE"), "it names the way out: {message}");
        }
    }

    #[test]
    fn a_newer_profile_is_called_newer_whatever_else_is_new_in_it() {
        let newer = SOUND.replace("1.4.0", "2.1.0").replace("\"about\"", "\"purpose\"");
        let error = PoolProfile::parse(&newer).expect_err("another major version");
        assert!(matches!(&error, ProfileError::Version { found } if found == "2.1.0"), "{error}");
    }

    #[test]
    fn all_faults_are_named_at_once_and_also_those_that_json_cannot_hold() {
        let mut profile = PoolProfile::parse(SOUND).expect("a profile");
        profile.backends[0].speed.value = f64::NAN;
        profile.backends[1].speed.log_error = f64::INFINITY;
        profile.backends[1].workers = u32::MAX;
        let ProfileError::Values(faults) = profile.check().expect_err("it is refused") else {
            panic!("the values are at fault");
        };
        let expected = ["`backends[0].speed.value` is NaN", "`backends[1].speed.log_error` is inf"];
        for (fault, part) in faults.iter().zip(expected) {
            assert!(fault.starts_with(part), "{fault} begins with {part}");
        }
        assert!(faults[2].starts_with("`backends[1].workers` is 4294967295"), "{faults:?}");
        assert_eq!(faults.len(), 3, "{faults:?}");
        profile.backends.clear();
        assert!(profile.check().is_err(), "a profile of no backend is useless");
    }

    #[test]
    fn the_profile_of_another_pool_is_refused_and_one_backend_in_common_is_enough() {
        let profile = PoolProfile::parse(SOUND).expect("a profile");
        assert!(profile.fits(&["b9", "b2"]).is_ok(), "backends come and go");
        assert!(profile.fits(&[]).is_ok(), "an empty pool gets its backends later");
        let ids: Vec<String> = (0..20).map(|number| format!("cart-{number}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let message = profile.fits(&ids).expect_err("another pool").to_string();
        for part in
            ["it knows `b1`, `b2`, and the pool has `cart-0`", "`cart-7` and 12 more", "without a profile"]
        {
            assert!(message.contains(part), "the message has `{part}`: {message}");
        }
    }
}
