//! Settings that a pack takes from environment variables.

use super::error::PackError;
use super::file::Setting;
use crate::overrides::{HIGHEST_SPAWN_RATE, LOWEST_SPAWN_RATE};
use crate::raw::MOST_USERS;
use crate::{url, values};
use lb_core::ordered::Ordered;
use lb_core::secret::mask_passwords;

/// The length of a run without an end.
pub(super) const FOREVER: &str = "forever";

/// A setting, and the variable that gave it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taken<T> {
    /// The name of the variable.
    pub(super) variable: String,
    /// What it says.
    pub(super) value: T,
}

/// The settings that variables give.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Environment {
    /// The address to measure.
    pub(super) target: Option<Taken<String>>,
    /// The number of users.
    pub(super) users: Option<Taken<u32>>,
    /// Users that start per second.
    pub(super) spawn_rate: Option<Taken<f64>>,
    /// The length, as `--duration` takes it.
    pub(super) duration: Option<Taken<String>>,
}

impl Environment {
    /// Reads the variables that a pack names. `variable` gives their values; a value that is missing or empty sets
    /// nothing.
    ///
    /// # Errors
    /// A value makes no sense.
    pub(super) fn read(
        named: &Ordered<Setting>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, PackError> {
        let mut read = Self::default();
        for (name, setting) in named.iter() {
            let Some(text) = variable(name).filter(|text| !text.trim().is_empty()) else { continue };
            let text = text.trim();
            let wrong = |problem: String| PackError::Variable {
                name: name.to_owned(),
                value: mask_passwords(text).into_owned(),
                problem,
            };
            match setting {
                Setting::Target => set(&mut read.target, name, target(text).map_err(wrong)?),
                Setting::Users => set(&mut read.users, name, users(text).map_err(wrong)?),
                Setting::SpawnRate => set(&mut read.spawn_rate, name, spawn_rate(text).map_err(wrong)?),
                Setting::Duration => set(&mut read.duration, name, length(text).map_err(wrong)?),
            }
        }
        Ok(read)
    }
}

/// Sets a value unless an earlier variable has.
fn set<T>(place: &mut Option<Taken<T>>, variable: &str, value: T) {
    place.get_or_insert_with(|| Taken { variable: variable.to_owned(), value });
}

/// Reads an address; a host with a port is one, too.
fn target(text: &str) -> Result<String, String> {
    let address = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    url::check(&address)
        .map(|_| address)
        .map_err(|problem| format!("{problem}; use an address such as `127.0.0.1:8080`"))
}

fn users(text: &str) -> Result<u32, String> {
    let number = values::whole_within(1, MOST_USERS.into())(text)?;
    Ok(u32::try_from(number).unwrap_or(MOST_USERS))
}

fn spawn_rate(text: &str) -> Result<f64, String> {
    let rate = values::number(text)?;
    match (LOWEST_SPAWN_RATE..=HIGHEST_SPAWN_RATE).contains(&rate) {
        true => Ok(rate),
        false => Err(format!("must be from {LOWEST_SPAWN_RATE} to {HIGHEST_SPAWN_RATE} users per second")),
    }
}

/// Reads a length, and returns it as `--duration` takes it. A number alone is in seconds.
fn length(text: &str) -> Result<String, String> {
    let spelled = match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => format!("{text}s"),
        _ => text.to_owned(),
    };
    match spelled == FOREVER {
        true => Ok(spelled),
        false => values::duration(&spelled).map(|_| spelled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[(&str, &str)]) -> Result<Environment, String> {
        let named = [
            ("FRONTEND_ADDR", Setting::Target),
            ("LOCUST_HOST", Setting::Target),
            ("USERS", Setting::Users),
            ("LOCUST_SPAWN_RATE", Setting::SpawnRate),
            ("LOCUST_RUN_TIME", Setting::Duration),
        ];
        let named = Ordered(named.map(|(name, setting)| (name.to_owned(), setting)).to_vec());
        let value =
            |name: &str| text.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        Environment::read(&named, &value).map_err(|error| error.to_string())
    }

    #[test]
    fn each_variable_sets_what_the_pack_says() {
        let environment = read(&[
            ("FRONTEND_ADDR", "127.0.0.1:8080"),
            ("LOCUST_HOST", "http://other:80"),
            ("USERS", "25"),
            ("LOCUST_SPAWN_RATE", "2.5"),
            ("LOCUST_RUN_TIME", "90"),
            ("PATH", "/bin"),
        ])
        .expect("all of them make sense");
        let target = environment.target.expect("a target");
        assert_eq!(target.value, "http://127.0.0.1:8080", "of two, the first counts");
        assert_eq!(target.variable, "FRONTEND_ADDR");
        assert_eq!(environment.users.map(|users| users.value), Some(25));
        assert_eq!(environment.spawn_rate.map(|rate| rate.value), Some(2.5));
        assert_eq!(environment.duration.map(|length| length.value), Some("90s".to_owned()));
        assert_eq!(read(&[("USERS", "")]), Ok(Environment::default()), "an empty variable sets nothing");
        let spelled = read(&[("LOCUST_RUN_TIME", "1h30m")]).expect("a length");
        assert_eq!(spelled.duration.map(|length| length.value), Some("1h30m".to_owned()));
        let endless = read(&[("LOCUST_RUN_TIME", FOREVER)]).expect("a length");
        assert_eq!(endless.duration.map(|length| length.value), Some(FOREVER.to_owned()));
    }

    #[test]
    fn nonsense_is_refused_with_its_name_its_value_and_a_way_out() {
        for (name, value, way_out) in [
            ("USERS", "abc", "`abc` is not a whole number; use one such as `10`"),
            ("USERS", "0", "use 1 or more"),
            ("USERS", "-3", "`-3` is negative; use 1 or more"),
            ("LOCUST_SPAWN_RATE", "fast", "`fast` is not a number"),
            ("LOCUST_SPAWN_RATE", "0", "must be from 0.001 to 100000 users per second"),
            ("LOCUST_RUN_TIME", "soon", "`soon` is not a duration; use `30s`, `2m` or `1h30m`"),
            ("FRONTEND_ADDR", "ftp://host", "use an address such as `127.0.0.1:8080`"),
        ] {
            let error = read(&[(name, value)]).expect_err(value);
            assert!(error.contains(&format!("the environment variable {name} is `{value}`")), "{error}");
            assert!(error.contains(way_out), "{error}");
        }
    }
}
