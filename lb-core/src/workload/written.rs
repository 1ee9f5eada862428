//! The serialised form of a workload, from which another process makes the same one.
//!
//! It holds the inputs, not what was compiled from them: the journey, the accounts and the errors are those of the
//! canonical text, which the hash of every schedule covers; classes and stages are as they are now, since a warm-up has
//! other stages than the workload that it was derived from. A rehearsal, which also changes what was compiled, does not
//! come back as it was, and the hash of its schedule says so.

use super::classes::{Stage, UserClass};
use super::journey::Journey;
use super::workload::Workload;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Workload", deny_unknown_fields)]
struct Written<'a> {
    /// The canonical text: JSON on its first line, and how the workload was derived on those that follow.
    definition: Cow<'a, str>,
    classes: Cow<'a, [UserClass]>,
    stages: Cow<'a, [Stage]>,
    identities: u32,
}

/// What is read from the canonical text.
#[derive(Deserialize)]
struct Inputs {
    journey: Journey,
    errors: BTreeMap<String, f64>,
}

impl Serialize for Workload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            definition: Cow::Borrowed(&self.definition),
            classes: Cow::Borrowed(&self.classes),
            stages: Cow::Borrowed(&self.stages),
            identities: self.identities,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Workload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { definition, classes, stages, identities } = Written::deserialize(deserializer)?;
        let text = definition.lines().next().unwrap_or_default();
        let Inputs { journey, errors } = serde_json::from_str(text).map_err(D::Error::custom)?;
        let made = Self::new(&journey, classes.into_owned(), stages.into_owned(), &errors, identities);
        let mut workload = made.map_err(|problems| {
            let texts = problems.iter().map(|one| format!("{}: {}", one.path, one.problem));
            D::Error::custom(texts.collect::<Vec<_>>().join("; "))
        })?;
        workload.definition = definition.into_owned();
        Ok(workload)
    }
}
