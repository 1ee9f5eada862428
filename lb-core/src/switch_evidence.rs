//! The evidence that a load balancer uses, or does not use, a given algorithm; recorded with every
//! trial.
//!
//! Clients of admin APIs collect it, results store it and reports show it, so this crate defines it,
//! without any knowledge of HTTP.

use crate::algorithm::Algorithm;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The verdict of one layer of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The evidence matches this algorithm and rules out the likely others.
    Confirmed,
    /// The evidence matches this algorithm, but would match others as well.
    Consistent,
    /// The evidence rules this algorithm out.
    Contradicted,
    /// There is no evidence either way; the detail says why.
    NotTested,
}

/// One layer of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The verdict of the layer.
    pub verdict: Verdict,
    /// The reason for the verdict, as a sentence.
    pub detail: String,
    /// The numbers behind the verdict: counts, and shares from 0 to 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
}

impl Layer {
    /// Creates a layer with a verdict and its reason, without numbers.
    pub fn new(verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { verdict, detail: detail.into(), numbers: BTreeMap::new() }
    }

    /// Creates a layer without evidence either way, for the given reason.
    pub fn not_tested(reason: impl Into<String>) -> Self {
        Self::new(Verdict::NotTested, reason)
    }

    /// Adds a number to the layer.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, number: f64) -> Self {
        self.numbers.insert(name.into(), number);
        self
    }
}

/// The evidence on one switch, in three layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The algorithm that should be in use.
    pub algorithm: Algorithm,
    /// The load balancer's own name for it.
    pub native: String,
    /// What the control plane reports. On its own it proves nothing.
    pub control_plane: Layer,
    /// The algorithm header of replies, on new connections and on an old one.
    pub header: Layer,
    /// Whether the observed choices of backends match this algorithm.
    pub behaviour: Layer,
}

impl Evidence {
    /// Returns all layers with their names.
    pub fn layers(&self) -> [(&'static str, &Layer); 3] {
        [("control plane", &self.control_plane), ("header", &self.header), ("behaviour", &self.behaviour)]
    }

    /// Combines the layers: contradicted if any layer is; confirmed if traffic (header or behaviour)
    /// confirms it; otherwise at most consistent, since a control plane's report alone is only a claim.
    pub fn verdict(&self) -> Verdict {
        let is = |layer: &Layer, verdict| layer.verdict == verdict;
        let any = |verdict| self.layers().iter().any(|(_, layer)| is(layer, verdict));
        if any(Verdict::Contradicted) {
            Verdict::Contradicted
        } else if is(&self.header, Verdict::Confirmed) || is(&self.behaviour, Verdict::Confirmed) {
            Verdict::Confirmed
        } else if any(Verdict::Confirmed) || any(Verdict::Consistent) {
            Verdict::Consistent
        } else {
            Verdict::NotTested
        }
    }

    /// Quotes the layers that contradict the algorithm; `None` if there are none.
    pub fn contradiction(&self) -> Option<String> {
        let against: Vec<String> = self
            .layers()
            .iter()
            .filter(|(_, layer)| layer.verdict == Verdict::Contradicted)
            .map(|(name, layer)| format!("{name}: {}", layer.detail))
            .collect();
        (!against.is_empty()).then(|| against.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(control_plane: Verdict, header: Verdict, behaviour: Verdict) -> Evidence {
        let layer = |verdict| Layer::new(verdict, "said so");
        Evidence {
            algorithm: "p2c".parse().expect("p2c is known"),
            native: "p2c".to_owned(),
            control_plane: layer(control_plane),
            header: layer(header),
            behaviour: layer(behaviour),
        }
    }

    #[test]
    fn the_layers_together_need_traffic_to_confirm_and_one_voice_to_contradict() {
        use Verdict::{Confirmed, Consistent, Contradicted, NotTested};
        let table = [
            (Confirmed, NotTested, NotTested, Consistent, "a claim alone"),
            (Confirmed, Confirmed, NotTested, Confirmed, "replies say so"),
            (Consistent, NotTested, Confirmed, Confirmed, "choices say so"),
            (Confirmed, Confirmed, Contradicted, Contradicted, "choices deny it"),
            (Contradicted, Confirmed, Confirmed, Contradicted, "the control plane denies it"),
            (NotTested, NotTested, NotTested, NotTested, "nothing is known"),
            (NotTested, NotTested, Consistent, Consistent, "choices allow it"),
        ];
        for (control_plane, header, behaviour, together, case) in table {
            let evidence = evidence(control_plane, header, behaviour);
            assert_eq!(evidence.verdict(), together, "{case}");
            assert_eq!(
                evidence.contradiction().is_some(),
                together == Contradicted,
                "only contradicting layers are quoted: {case}"
            );
        }
    }

    #[test]
    fn evidence_survives_being_written_and_read() {
        let mut written = evidence(Verdict::Confirmed, Verdict::NotTested, Verdict::Consistent);
        written.behaviour = written.behaviour.with("requests", 128.0);
        let json = serde_json::to_string(&written).expect("evidence is plain data");
        let read: Evidence = serde_json::from_str(&json).expect("what was written can be read");
        assert_eq!(read, written, "a trial's record keeps the whole evidence");
        assert!(json.contains(r#""verdict":"not_tested""#), "verdicts are in snake case: {json}");
    }
}
