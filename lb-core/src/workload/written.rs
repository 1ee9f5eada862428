//! The serialised form of a workload, from which another process makes the same one.
//!
//! It holds the inputs, not what was compiled from them, and how a workload that was derived from them differs: a warm-up
//! has other stages, for example. A rehearsal, which also changes what was compiled, does not come back as it was, and the
//! hash of its schedule says so.

use super::arrivals::{ArrivalProcess, Arrivals};
use super::classes::{Stage, UserClass};
use super::journey::Journey;
use super::workload::Workload;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a workload was compiled from.
///
/// The canonical text has most of it, too, but with sorted keys; the order of keys in a body is that of the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) journey: Journey,
    pub(super) classes: Vec<UserClass>,
    pub(super) stages: Vec<Stage>,
    pub(super) errors: BTreeMap<String, f64>,
    pub(super) identities: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Workload", deny_unknown_fields)]
struct Written<'a> {
    source: Cow<'a, Source>,
    /// The canonical text, which also says how the workload was derived.
    definition: Cow<'a, str>,
    /// The stages as they are now. Recordings are left out: a derived stage has that of its source.
    stages: Vec<Stage>,
    identities: u32,
}

impl Serialize for Workload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut stages = self.stages.clone();
        stages.iter_mut().filter_map(recording).for_each(|recording| *recording = Arc::default());
        Written {
            source: Cow::Borrowed(&self.source),
            definition: Cow::Borrowed(&self.definition),
            stages,
            identities: self.identities,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Workload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { source, definition, mut stages, identities } = Written::deserialize(deserializer)?;
        let Source { journey, classes, stages: first, errors, identities: accounts } = source.into_owned();
        let made = Self::new(&journey, classes, first, &errors, accounts);
        let mut workload = made.map_err(|problems| {
            let texts = problems.iter().map(|one| format!("{}: {}", one.path, one.problem));
            D::Error::custom(texts.collect::<Vec<_>>().join("; "))
        })?;
        if stages.len() != workload.stages.len() || identities < accounts {
            return Err(D::Error::custom("the stages are not those of a workload derived from the source"));
        }
        for (stage, first) in stages.iter_mut().zip(&mut workload.stages) {
            if let (Some(recording), Some(first)) = (recording(stage), recording(first)) {
                *recording = Arc::clone(first);
            }
        }
        Ok(Self { definition: definition.into_owned(), stages, identities, ..workload })
    }
}

/// Returns the place of a stage's recording, if its arrivals replay one.
fn recording(stage: &mut Stage) -> Option<&mut Arc<super::Replay>> {
    match &mut stage.arrivals {
        Some(Arrivals { process: ArrivalProcess::Replay(replay), .. }) => Some(replay),
        _ => None,
    }
}
