//! What is taken from a page, and what is made of it.

use crate::selector::Selector;

/// A quantity that is taken from a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The name of the quantity.
    pub name: String,
    /// The unit of its values; `None` if the page alone decides: `1/s` for a counter, and nothing for a gauge.
    pub unit: Option<&'static str>,
    /// How it is computed.
    pub measure: Measure,
    /// The labels whose values tell its series apart; over all other labels, values are added up. Empty for one series.
    pub by: Vec<String>,
    /// The most series that are kept.
    pub most: usize,
    /// Whether a page without it is worth a note.
    pub is_expected: bool,
}

/// How a quantity is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// The sum of the selected values; of counters, its growth per second.
    Sum {
        /// The series that are added up.
        of: Selector,
        /// Whether they are counters. `None` if the page decides: its `# TYPE`, or else the ending `_total`.
        rate: Option<bool>,
    },
    /// The growth of one counter over that of another, such as a share or a mean. There is no value while the second
    /// does not grow.
    Quotient {
        /// The counter above the line.
        part: Selector,
        /// The counter below the line.
        whole: Selector,
        /// What the quotient is multiplied by.
        factor: f64,
    },
}

impl Wanted {
    /// The most series that a choice of the user's may have.
    pub const MOST: usize = 16;

    /// Returns a quantity that the user chose by a selector.
    pub fn chosen(name: &str, of: Selector, by: &[String], rate: Option<bool>) -> Self {
        Self {
            name: name.to_owned(),
            unit: None,
            measure: Measure::Sum { of, rate },
            by: by.to_vec(),
            most: Self::MOST,
            is_expected: true,
        }
    }
}
