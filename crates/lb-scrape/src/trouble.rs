//! What was wrong with readings that gave values all the same.

use std::fmt;

/// Something that was wrong in a reading. The rest of the reading was kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Some lines are not in the format.
    Lines,
    /// Some values are infinite or not numbers.
    NotFinite,
    /// A series is listed more than once; its first value is taken.
    Listed,
    /// A counter is lower than before, since its process started again.
    Restarted,
    /// A metric is declared as another kind than at first; it is read as before.
    KindChanged,
    /// A series that was chosen is missing; the field is its name.
    Missing(String),
    /// There are more samples than are kept.
    Full,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines => {
                f.write_str("had lines that are not in the text format of Prometheus, which are left out")
            }
            Self::NotFinite => f.write_str("had values that are not finite numbers, which are left out"),
            Self::Listed => f.write_str("listed a series more than once; its first value is taken"),
            Self::Restarted => f.write_str("had a counter that started again"),
            Self::KindChanged => {
                f.write_str("declared a metric as another kind than at first; it is read as before")
            }
            Self::Missing(name) => write!(f, "did not have `{name}`"),
            Self::Full => f.write_str("came after the most samples that are kept"),
        }
    }
}
