//! What tables of reports hold, once for all formats: HTML, Markdown and step summary draw the same
//! [`Table`]s.

mod environment;
mod faults;
mod gates;
mod results;
mod statistics;
mod validity;

pub(super) use environment::environment;
pub(super) use faults::{fault_tables, fault_title};
pub(super) use gates::{aa, max_rates, thresholds};
pub(super) use results::{RESULTS, backend_ids, processes, requests, results, shares};
pub(super) use statistics::{statistics, tone};
pub(super) use validity::validity;

/// How a cell or row stands out. Never the only carrier of its meaning: the text says it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    /// Like all others.
    #[default]
    Plain,
    /// Good.
    Good,
    /// Bad.
    Bad,
    /// To be looked at.
    Care,
    /// Set apart: a bound, not a competitor.
    Apart,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    pub(super) tone: Tone,
}

/// A table with a caption. The first column names the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(caption: impl Into<String>, header: &[&str]) -> Self {
        let header = header.iter().map(|&name| name.to_owned()).collect();
        Self { caption: caption.into(), header, rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, cells: Vec<String>) {
        self.add_toned(Tone::Plain, cells.into_iter().map(Cell::from).collect());
    }

    /// Adds a row that stands out, or whose cells do.
    pub(super) fn add_toned(&mut self, tone: Tone, cells: Vec<Cell>) {
        self.rows.push(Row { cells, tone });
    }

    /// Whether a column holds nothing but numbers, which stand to the right, with their heading.
    pub(super) fn is_numeric(&self, column: usize) -> bool {
        column > 0 && self.rows.iter().filter_map(|row| row.cells.get(column)).all(Cell::is_number)
    }

    /// The table, unless it has no rows.
    pub(super) fn unless_empty(self) -> Option<Self> {
        (!self.rows.is_empty()).then_some(self)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl Cell {
    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// Whether it is a number.
    fn is_number(&self) -> bool {
        let digits = self.text.trim_start_matches(['+', '-', '<', '±', ' ']);
        self.text == super::text::NONE || digits.starts_with(|c: char| c.is_ascii_digit())
    }
}
