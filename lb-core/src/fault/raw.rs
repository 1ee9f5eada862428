//! A fault as written in a file. Serde cannot both flatten the kind of a fault into it and reject
//! unknown keys, so all keys are read flat, and each must belong to the named kind.

use super::{Fault, FaultKind};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    fault: Name,
    factor: Option<f64>,
    add_ms: Option<f64>,
    rate: Option<f64>,
    slow_start_s: Option<f64>,
    up_s: Option<f64>,
    down_s: Option<f64>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    backends: Vec<String>,
    #[serde(default)]
    start_s: f64,
    duration_s: Option<f64>,
    every_s: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    LatencyFactor,
    LatencyAdd,
    ErrorRate,
    TimeoutRate,
    FastFail,
    Crash,
    Freeze,
    Flapping,
}

impl Raw {
    /// Moves the keys of the kind out of `self`; any that remain belong to another kind.
    fn take_kind(&mut self) -> Result<FaultKind, String> {
        fn need(value: &mut Option<f64>, key: &str) -> Result<f64, String> {
            value.take().ok_or_else(|| format!("missing field `{key}`"))
        }
        Ok(match self.fault {
            Name::LatencyFactor => FaultKind::LatencyFactor { factor: need(&mut self.factor, "factor")? },
            Name::LatencyAdd => FaultKind::LatencyAdd { add_ms: need(&mut self.add_ms, "add_ms")? },
            Name::ErrorRate => FaultKind::ErrorRate { rate: need(&mut self.rate, "rate")? },
            Name::TimeoutRate => FaultKind::TimeoutRate { rate: need(&mut self.rate, "rate")? },
            Name::FastFail => FaultKind::FastFail { rate: need(&mut self.rate, "rate")? },
            Name::Crash => FaultKind::Crash { slow_start_s: self.slow_start_s.take().unwrap_or(0.0) },
            Name::Freeze => FaultKind::Freeze {},
            Name::Flapping => FaultKind::Flapping {
                up_s: need(&mut self.up_s, "up_s")?,
                down_s: need(&mut self.down_s, "down_s")?,
            },
        })
    }

    fn stray_key(&self) -> Option<&'static str> {
        [
            ("factor", self.factor),
            ("add_ms", self.add_ms),
            ("rate", self.rate),
            ("slow_start_s", self.slow_start_s),
            ("up_s", self.up_s),
            ("down_s", self.down_s),
        ]
        .into_iter()
        .find_map(|(key, value)| value.map(|_| key))
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut raw = Raw::deserialize(deserializer)?;
        let kind = raw.take_kind().map_err(D::Error::custom)?;
        if let Some(key) = raw.stray_key() {
            let name = kind.name();
            return Err(D::Error::custom(format!("fault `{name}` has no key `{key}`; remove it")));
        }
        Ok(Self {
            kind,
            services: raw.services,
            backends: raw.backends,
            start_s: raw.start_s,
            duration_s: raw.duration_s,
            every_s: raw.every_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_flat_and_written_back_the_same() {
        let text = r#"{"fault":"latency_factor","factor":10.0,"backends":["a"],"start_s":10.0,"duration_s":5.0,"every_s":30.0}"#;
        let fault: Fault = serde_json::from_str(text).expect("a valid fault");
        assert_eq!(fault.kind, FaultKind::LatencyFactor { factor: 10.0 });
        assert_eq!(serde_json::to_string(&fault).unwrap(), text, "reading and writing must agree");
        let crash: Fault = serde_json::from_str(r#"{"fault":"crash"}"#).expect("defaults suffice");
        assert_eq!(crash.kind, FaultKind::Crash { slow_start_s: 0.0 });
        let text = r#"{"fault":"freeze","backends":["b1"],"start_s":4.0,"duration_s":1.0}"#;
        let freeze: Fault = serde_json::from_str(text).expect("a freeze needs no key of its own");
        assert_eq!(freeze.kind, FaultKind::Freeze {});
        assert_eq!(serde_json::to_string(&freeze).unwrap(), text, "reading and writing must agree");
    }

    #[test]
    fn keys_that_the_kind_does_not_know_are_refused() {
        let cases = [
            (r#"{"fault":"crash","duratoin_s":3}"#, "unknown field `duratoin_s`"),
            (r#"{"fault":"crash","rate":0.3}"#, "fault `crash` has no key `rate`; remove it"),
            (r#"{"fault":"freeze","factor":0}"#, "fault `freeze` has no key `factor`; remove it"),
            (r#"{"fault":"fast_fail"}"#, "missing field `rate`"),
            (r#"{"fault":"meteor"}"#, "unknown variant `meteor`"),
        ];
        for (text, expected) in cases {
            let error = serde_json::from_str::<Fault>(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text} must be refused with {expected:?}, got {error:?}");
        }
    }
}
