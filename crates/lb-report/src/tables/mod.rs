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
    /// Without emphasis.
    #[default]
    Plain,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
    /// Worth a look.
    Care,
    /// Set apart: a bound, not a competitor.
    Apart,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Text of the cell.
    pub text: String,
    /// Emphasis.
    pub tone: Tone,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Cells, one per column.
    pub cells: Vec<Cell>,
    /// Emphasis.
    pub tone: Tone,
}

/// A table with a caption. The first column names the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows, each as long as the header.
    pub rows: Vec<Row>,
}

impl Table {
    /// Makes a table without rows.
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

    /// Returns whether a column holds only numbers, which are aligned to the right with their heading.
    pub fn is_numeric(&self, column: usize) -> bool {
        column > 0 && self.rows.iter().filter_map(|row| row.cells.get(column)).all(Cell::is_number)
    }

    /// Returns the table, or `None` when it has no rows.
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
    /// Makes a cell with emphasis.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// Whether it is a number.
    fn is_number(&self) -> bool {
        let digits = self.text.trim_start_matches(['+', '-', '<', '±', ' ']);
        self.text == super::text::NONE || digits.starts_with(|c: char| c.is_ascii_digit())
    }
}
