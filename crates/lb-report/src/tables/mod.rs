//! What tables of reports hold, once for all formats: HTML, Markdown and step summary draw the same
//! [`Table`]s.

mod balancers;
mod environment;
mod estimates;
mod faults;
mod gates;
mod results;
mod statistics;
mod validity;

pub(super) use balancers::{overheads, steering, switches};
pub(super) use environment::environment;
pub(super) use estimates::estimates;
pub(super) use faults::{fault_tables, fault_title};
pub(super) use gates::{aa, max_rates, thresholds};
pub(super) use results::{RESULTS, backend_ids, processes, requests, results, shares};
pub(super) use statistics::{statistics, tone};
pub(super) use validity::validity;

/// How a cell or row stands out. Never the only carrier of its meaning: the text says it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
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
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How it stands out.
    pub tone: Tone,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// One per column.
    pub cells: Vec<Cell>,
    /// How it stands out.
    pub tone: Tone,
}

/// A table with a caption. The first column names the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows, each as long as the header.
    pub rows: Vec<Row>,
}

impl Table {
    /// A table without rows.
    pub fn new(caption: impl Into<String>, header: &[&str]) -> Self {
        let header = header.iter().map(|&name| name.to_owned()).collect();
        Self { caption: caption.into(), header, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, cells: Vec<String>) {
        self.add_toned(Tone::Plain, cells.into_iter().map(Cell::from).collect());
    }

    /// Adds a row that stands out, or whose cells do.
    pub fn add_toned(&mut self, tone: Tone, cells: Vec<Cell>) {
        self.rows.push(Row { cells, tone });
    }

    /// Whether a column holds nothing but numbers, which stand to the right, with their heading.
    pub fn is_numeric(&self, column: usize) -> bool {
        column > 0 && self.rows.iter().filter_map(|row| row.cells.get(column)).all(Cell::is_number)
    }

    /// The table, unless it has no rows.
    pub fn unless_empty(self) -> Option<Self> {
        (!self.rows.is_empty()).then_some(self)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl Cell {
    /// A cell that stands out.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// Whether it is a number.
    fn is_number(&self) -> bool {
        let digits = self.text.trim_start_matches(['+', '-', '<', '±', ' ']);
        self.text == super::text::NONE || digits.starts_with(|c: char| c.is_ascii_digit())
    }
}
