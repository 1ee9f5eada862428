//! Charts as values, drawn as SVG inside HTML without scripts.
//!
//! A chart fills the available width. Positions are percentages and curves stretch with their box, while
//! strokes, markers and labels keep their size; labels are HTML. Colours are variables of the page's style,
//! so that a chart follows a light or a dark page. Values appear as tooltips (`<title>` elements) when the
//! pointer rests on a mark.

mod axis;
mod heat;
mod plane;
mod rows;
mod style;

pub use axis::{Axis, Scale};
pub use heat::Heat;
pub use plane::{Area, Line, Mark, Plane, Point, Rule, Span};
pub use rows::{Row, Rows};
pub use style::{Colour, Dash, Key, Style, Symbol};
pub(crate) use style::{symbols, variables};

use maud::{Markup, html};

/// A figure: a caption over one or more panels of the same kind.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The id of the figure, unique within a scenario.
    pub id: &'static str,
    /// What the figure shows.
    pub title: String,
    /// How to read the figure.
    pub caption: String,
    /// The legend for the colours, lines and markers of all panels.
    pub legend: Vec<Key>,
    /// How the panels are arranged.
    pub arrangement: Arrangement,
    /// The panels.
    pub panels: Vec<Panel>,
}

/// How the panels of a figure are arranged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrangement {
    /// One below the other, so that their shared horizontal axes line up.
    #[default]
    Stacked,
    /// Side by side, as many as fit.
    Grid,
}

/// One chart with its description.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The title above the panel. `None` for the only panel of a figure.
    pub title: Option<String>,
    /// How to read the panel; empty if the caption of the figure explains it.
    pub note: String,
    /// The text alternative to the chart.
    pub alt: String,
    /// The chart.
    pub chart: Chart,
}

/// A chart.
#[derive(Clone, Debug)]
pub enum Chart {
    /// Two axes, with lines, points and areas.
    Plane(Plane),
    /// One named row per value, with whiskers.
    Rows(Rows),
    /// A table whose cells are coloured by value.
    Heat(Heat),
}

impl Panel {
    /// Makes a panel without a title; `alt` is its text alternative.
    pub fn new(alt: impl Into<String>, chart: Chart) -> Self {
        Self { title: None, note: String::new(), alt: alt.into(), chart }
    }

    /// Gives the panel a title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the note on how to read the panel.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Draws the chart with its text alternative.
    pub(crate) fn draw(&self) -> Markup {
        match &self.chart {
            Chart::Plane(plane) => plane.draw(&self.alt),
            Chart::Rows(rows) => rows.draw(&self.alt),
            Chart::Heat(heat) => heat.draw(&self.alt),
        }
    }
}

/// Formats a fraction of the box as a percentage.
fn percentage(fraction: f64) -> String {
    format!("{}%", crate::text::trimmed(100.0 * fraction, 2))
}

/// Makes a tooltip for the surrounding element.
fn hint(text: &str) -> Markup {
    html! { title { (text) } }
}
