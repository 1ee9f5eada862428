//! A chart with two axes: lines, points and stacked areas over spans and rules.

use super::axis::{Fitted, number, spaced};
use super::style::{Colour, Style, Symbol};
use super::{Axis, hint, percentage};
use crate::text::trimmed;
use maud::{Markup, html};
use std::fmt::Write;

/// The side of the box in which curves are drawn before they are stretched.
const BOX: f64 = 1000.0;

/// Number of pieces of the horizontal axis; each shows its values under the pointer.
const PIECES: usize = 48;

/// Room for the ticks of the vertical axis, in characters, so that stacked charts line up.
const LEAST_GUTTER: usize = 4;

/// A chart with two axes.
#[derive(Clone, Debug, Default)]
pub struct Plane {
    /// Height of the plot in CSS pixels.
    pub height: usize,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Lines.
    pub lines: Vec<Line>,
    /// Individual points.
    pub points: Vec<Point>,
    /// Areas, from the bottom of the stack to the top.
    pub areas: Vec<Area>,
    /// Highlighted ranges of the horizontal axis.
    pub spans: Vec<Span>,
    /// Lines at one value.
    pub rules: Vec<Rule>,
}

/// A line through points.
#[derive(Clone, Debug)]
pub struct Line {
    /// What the line stands for.
    pub name: String,
    /// How it is drawn.
    pub style: Style,
    /// Points in order of x; the line has a gap where y is missing.
    pub points: Vec<(f64, Option<f64>)>,
}

/// A single point.
#[derive(Clone, Debug)]
pub struct Point {
    /// The tooltip.
    pub text: String,
    /// Colour.
    pub colour: Colour,
    /// Marker.
    pub symbol: Symbol,
    /// Position.
    pub x: f64,
    /// Position.
    pub y: f64,
}

/// An area between two curves.
#[derive(Clone, Debug)]
pub struct Area {
    /// What the area stands for.
    pub name: String,
    /// Colour.
    pub colour: Colour,
    /// Whether stripes distinguish it from an area of the same colour.
    pub striped: bool,
    /// x and the lower and upper ends there, in order of x.
    pub ends: Vec<(f64, [f64; 2])>,
}

/// A highlighted range of the horizontal axis.
#[derive(Clone, Debug)]
pub struct Span {
    /// Short label at its upper end.
    pub label: String,
    /// The start of the range.
    pub from: f64,
    /// The end of the range.
    pub to: f64,
}

/// A dotted line at one value.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Short label at its end; empty for none.
    pub label: String,
    /// The position of the rule.
    pub at: Mark,
}

/// The position of a rule.
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// From top to bottom, at this x.
    X(f64),
    /// From left to right, at this y.
    Y(f64),
}

impl Plane {
    pub(super) fn draw(&self, alt: &str) -> Markup {
        let (x, y) = (self.fitted_x(), self.fitted_y());
        // Explicitly set ticks are all kept.
        let x_ticks = if self.x.ticks.is_empty() { spaced(x.ticks()) } else { x.ticks() };
        let y_ticks = y.ticks();
        let longest = y_ticks.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
        let gutter = longest.max(LEAST_GUTTER);
        html! {
            div.chart.plane role="img" aria-label=(alt) style={ "--gutter:" (gutter) "ch" } {
                @if !self.y.title.is_empty() { div.axis-title { (self.y.title) } }
                div.frame style={ "height:" (self.height) "px" } {
                    svg aria-hidden="true" {
                        @for (at, _) in &y_ticks {
                            @let y = percentage(1.0 - at);
                            line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                        }
                        @if self.areas.is_empty() { (self.spans(x)) }
                        (self.curves(x, y))
                        @if !self.areas.is_empty() { (self.spans(x)) }
                        @for rule in &self.rules { (self::rule(rule, x, y)) }
                        @for piece in self.pieces(x) {
                            rect.piece x=(percentage(piece.from)) width=(percentage(piece.to - piece.from)) height="100%" {
                                (hint(&piece.text))
                            }
                        }
                        @for point in &self.points {
                            use.(point.colour.class()) href={ "#" (point.symbol.id()) }
                                x=(percentage(x.at(point.x))) y=(percentage(1.0 - y.at(point.y))) { (hint(&point.text)) }
                        }
                    }
                    @for (at, text) in &y_ticks {
                        span.tick.y style={ "top:" (percentage(1.0 - at)) } { (text) }
                    }
                    @for (place, (at, text)) in x_ticks.iter().enumerate() {
                        span.tick.x.odd[place % 2 == 1] style={ "left:" (percentage(*at)) } { (text) }
                    }
                    @for (at, text) in self.labels(x) {
                        span.mark style={ "left:" (percentage(at)) } { (text) }
                    }
                }
                @if !self.x.title.is_empty() { div.axis-title.x { (self.x.title) } }
            }
        }
    }

    fn fitted_x(&self) -> Fitted<'_> {
        let lines = self.lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x));
        let areas = self.areas.iter().flat_map(|area| area.ends.iter().map(|(x, _)| *x));
        self.x.fit(lines.chain(areas).chain(self.points.iter().map(|point| point.x)))
    }

    fn fitted_y(&self) -> Fitted<'_> {
        let lines = self.lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, y)| *y));
        let areas = self.areas.iter().flat_map(|area| area.ends.iter().flat_map(|(_, ends)| *ends));
        let rules = self.rules.iter().filter_map(|rule| match rule.at {
            Mark::Y(y) => Some(y),
            Mark::X(_) => None,
        });
        self.y.fit(lines.chain(areas).chain(rules).chain(self.points.iter().map(|point| point.y)))
    }

    /// Draws lines and areas in a box of their own, which stretches.
    fn curves(&self, x: Fitted<'_>, y: Fitted<'_>) -> Markup {
        html! {
            svg.curves viewBox={ "0 0 " (BOX) " " (BOX) } preserveAspectRatio="none" {
                @for area in &self.areas {
                    path.area.striped[area.striped].(area.colour.class()) d=(outline(area, x, y)) {}
                }
                @for line in &self.lines {
                    path.line.(line.style.dash.class()).(line.style.colour.class()) d=(course(line, x, y)) {}
                }
            }
        }
    }

    fn spans(&self, x: Fitted<'_>) -> Markup {
        html! {
            @for span in &self.spans {
                rect.span.outlined[!self.areas.is_empty()] x=(percentage(x.at(span.from))) width=(percentage(x.at(span.to) - x.at(span.from))) height="100%" {}
            }
        }
    }

    /// Returns the labels of spans and vertical rules, with their positions.
    fn labels(&self, x: Fitted<'_>) -> Vec<(f64, String)> {
        let spans = self.spans.iter().map(|span| (x.at(span.from), span.label.clone()));
        let rules = self.rules.iter().filter_map(|rule| match rule.at {
            Mark::X(at) => Some((x.at(at), rule.label.clone())),
            Mark::Y(_) => None,
        });
        let mut labels: Vec<(f64, String)> = Vec::new();
        for (at, text) in spans.chain(rules).filter(|(_, text)| !text.is_empty()) {
            // Spans and rules that begin at the same position share a label.
            match labels.iter_mut().find(|(other, _)| (other.max(at) - other.min(at)) < 0.02) {
                Some((_, shared)) => *shared += &format!(" {text}"),
                None => labels.push((at, text)),
            }
        }
        labels
    }

    /// Returns the values of all lines and areas in each piece of the horizontal axis.
    fn pieces(&self, x: Fitted<'_>) -> Vec<Piece> {
        if self.lines.is_empty() && self.areas.is_empty() {
            return Vec::new();
        }
        let longest = self.lines.iter().map(|line| line.points.len());
        let longest = longest.chain(self.areas.iter().map(|area| area.ends.len())).max().unwrap_or(0);
        let pieces = longest.clamp(1, PIECES);
        let width = 1.0 / pieces as f64;
        let of = |piece: usize| {
            let (from, to) = (piece as f64 * width, (piece + 1) as f64 * width);
            let within = |at: f64| x.at(at) >= from && (x.at(at) < to || piece + 1 == pieces);
            let mut at = None;
            let mut text = String::new();
            for line in &self.lines {
                let found =
                    line.points.iter().find_map(|(x, y)| Some((*x, (*y)?)).filter(|(x, _)| within(*x)));
                if let Some((x, y)) = found {
                    at.get_or_insert(x);
                    let _ = write!(text, "\n{}: {}", line.name, number(y));
                }
            }
            for area in self.areas.iter().rev() {
                if let Some((x, [low, high])) = area.ends.iter().find(|(x, _)| within(*x)) {
                    at.get_or_insert(*x);
                    let _ = write!(text, "\n{}: {} %", area.name, trimmed(100.0 * (high - low), 1));
                }
            }
            let head = format!("{}{}", number(at?), self.x.suffix);
            Some(Piece { from, to, text: head + &text })
        };
        (0..pieces).filter_map(of).collect()
    }
}

/// A piece of the horizontal axis, as fractions, and its values.
struct Piece {
    from: f64,
    to: f64,
    text: String,
}

/// A path through points in the box of the curves, in whole units relative to the previous point, which keeps
/// it short.
#[derive(Default)]
struct Path {
    text: String,
    pen: Option<(i64, i64)>,
}

impl Path {
    /// Draws a line to a point, given as fractions from the left and from the bottom; moves there if there is
    /// no previous point.
    fn to(&mut self, x: f64, y: f64) {
        let (x, y) = ((BOX * x).round() as i64, (BOX * (1.0 - y)).round() as i64);
        let _ = match self.pen {
            None => write!(self.text, "M{x} {y}"),
            Some((from_x, from_y)) => {
                let (right, down) = (x - from_x, y - from_y);
                let gap = if down < 0 { "" } else { " " };
                write!(self.text, "l{right}{gap}{down}")
            }
        };
        self.pen = Some((x, y));
    }

    /// Leaves a gap.
    fn lift(&mut self) {
        self.pen = None;
    }
}

fn course(line: &Line, x: Fitted<'_>, y: Fitted<'_>) -> String {
    let mut path = Path::default();
    for (at, value) in &line.points {
        match value.filter(|value| value.is_finite()) {
            Some(value) => path.to(x.at(*at), y.at(value)),
            None => path.lift(),
        }
    }
    path.text
}

fn outline(area: &Area, x: Fitted<'_>, y: Fitted<'_>) -> String {
    let mut path = Path::default();
    let upper = area.ends.iter().map(|(at, [_, high])| (*at, *high));
    let lower = area.ends.iter().rev().map(|(at, [low, _])| (*at, *low));
    for (at, value) in upper.chain(lower) {
        path.to(x.at(at), y.at(value));
    }
    path.text + "z"
}

fn rule(rule: &Rule, x: Fitted<'_>, y: Fitted<'_>) -> Markup {
    match rule.at {
        Mark::X(at) => {
            let x = percentage(x.at(at));
            html! { line.rule x1=(x) x2=(x) y1="0" y2="100%" {} }
        }
        Mark::Y(at) => {
            let y = percentage(1.0 - y.at(at));
            html! { line.rule x1="0" x2="100%" y1=(y) y2=(y) {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scale;
    use super::*;

    #[test]
    fn a_missing_value_leaves_a_gap_and_values_are_shown_under_the_pointer() {
        let points = [(0.0, Some(10.0)), (1.0, None), (2.0, Some(20.0)), (3.0, Some(15.5))];
        let line = Line { name: "p2c <b>".to_owned(), style: Style::of(1), points: points.into() };
        let plane = Plane {
            height: 200,
            x: Axis::new("Seconds", Scale::Linear).between(0.0, 3.0).with_suffix(" s"),
            y: Axis::new("p95 (ms)", Scale::FromZero).between(0.0, 20.0),
            lines: vec![line],
            ..Plane::default()
        };
        let drawn = plane.draw("Lines.").into_string();
        assert!(drawn.contains(r#"d="M0 500M667 0l333 225""#), "{drawn}");
        assert!(drawn.contains("<title>3 s\np2c &lt;b&gt;: 15.5</title>"), "{drawn}");
        assert!(!drawn.contains("<b>"), "names are escaped: {drawn}");
    }

    #[test]
    fn areas_lie_between_their_ends() {
        let area = Area {
            name: "b1".to_owned(),
            colour: Colour::of(0),
            striped: false,
            ends: vec![(0.0, [0.0, 0.25]), (1.0, [0.0, 0.5])],
        };
        let y = Axis::new("", Scale::Linear).between(0.0, 1.0);
        let x = Axis::new("", Scale::Linear).between(0.0, 1.0);
        let plane = Plane { height: 100, x, y, areas: vec![area], ..Plane::default() };
        let drawn = plane.draw("Areas.").into_string();
        assert!(drawn.contains(r#"d="M0 750l1000-250l0 500l-1000 0z""#), "{drawn}");
        assert!(drawn.contains("b1: 50 %"), "{drawn}");
    }
}
