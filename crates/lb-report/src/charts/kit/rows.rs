//! A chart of named rows: a marker with whiskers on a shared axis, and the value as text.

use super::axis::{Fitted, spaced};
use super::style::{Style, Symbol};
use super::{Axis, Scale, hint, percentage};
use maud::{Markup, html};

/// Named values on one axis.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The axis.
    pub axis: Axis,
    /// The rows from top to bottom.
    pub rows: Vec<Row>,
    /// Reference values for all rows, with their labels.
    pub rules: Vec<(f64, String)>,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The name of the row.
    pub name: String,
    /// A word that marks the row, such as `winner`; empty for none.
    pub badge: &'static str,
    /// The style of the marker; neutral if `None`.
    pub style: Option<Style>,
    /// The value. A row without a value only shows its text.
    pub value: Option<f64>,
    /// The ends of the whiskers.
    pub ends: Option<[f64; 2]>,
    /// The ends of a box around the value, such as the quartiles of a box plot.
    pub boxed: Option<[f64; 2]>,
    /// A target value, drawn as a tick.
    pub target: Option<f64>,
    /// The value as text.
    pub text: String,
}

impl Rows {
    pub(super) fn draw(&self, alt: &str) -> Markup {
        let drawn = |row: &Row| {
            let ends = row.ends.into_iter().chain(row.boxed).flatten();
            row.value.into_iter().chain(row.target).chain(ends).collect::<Vec<_>>()
        };
        let values = self.rows.iter().flat_map(drawn).chain(self.rules.iter().map(|(at, _)| *at));
        let axis = self.axis.fit(values);
        let ticks = spaced(axis.ticks());
        html! {
            div.chart.rows role="img" aria-label=(alt) {
                @for row in &self.rows {
                    div.row.leads[!row.badge.is_empty()] {
                        div.name {
                            (row.name)
                            @if !row.badge.is_empty() { " " span.badge.good { (row.badge) } }
                        }
                        div.value { (row.text) }
                        svg.strip aria-hidden="true" { (self.grid(axis, &ticks)) (self.strip(row, axis)) }
                    }
                }
                div.row.scale {
                    div.frame {
                        @for (place, (at, text)) in ticks.iter().enumerate() {
                            span.tick.x.odd[place % 2 == 1] style={ "left:" (percentage(*at)) } { (text) }
                        }
                    }
                }
                @if !self.axis.title.is_empty() { div.axis-title.x { (self.axis.title) } }
                @for (_, label) in self.rules.iter().filter(|(_, label)| !label.is_empty()) {
                    div.rule-label { svg.key viewBox="0 0 26 12" aria-hidden="true" { line.rule x1="0" x2="26" y1="6" y2="6" {} } (label) }
                }
            }
        }
    }

    fn grid(&self, axis: Fitted<'_>, ticks: &[(f64, String)]) -> Markup {
        html! {
            @for (at, _) in ticks {
                @let x = percentage(*at);
                line.grid x1=(x) x2=(x) y1="0" y2="100%" {}
            }
            @for (at, _) in &self.rules {
                @let x = percentage(axis.at(*at));
                line.rule x1=(x) x2=(x) y1="0" y2="100%" {}
            }
        }
    }

    fn strip(&self, row: &Row, axis: Fitted<'_>) -> Markup {
        let colour = row.style.map_or_else(|| "neutral".to_owned(), |style| style.colour.class());
        let symbol = row.style.map_or(Symbol::Circle, |style| style.symbol);
        html! {
            @if let Some(value) = row.value {
                g.(colour) {
                    (hint(&format!("{}: {}", row.name, row.text)))
                    rect.touch width="100%" height="100%" {}
                    @if let Some([low, high]) = row.boxed {
                        @let (from, to) = (axis.at(low), axis.at(high));
                        rect.bar x=(percentage(from)) y="22%" height="56%" width=(percentage(to - from)) {}
                    } @else if self.axis.scale == Scale::FromZero {
                        rect.bar y="30%" height="40%" width=(percentage(axis.at(value))) {}
                    }
                    @if let Some([low, high]) = row.ends {
                        @let (low, high) = (percentage(axis.at(low)), percentage(axis.at(high)));
                        line.whisker x1=(low) x2=(high) y1="50%" y2="50%" {}
                        line.whisker x1=(low) x2=(low) y1="28%" y2="72%" {}
                        line.whisker x1=(high) x2=(high) y1="28%" y2="72%" {}
                    }
                    use href={ "#" (symbol.id()) } x=(percentage(axis.at(value))) y="50%" {}
                }
            }
            @if let Some(target) = row.target {
                @let x = percentage(axis.at(target));
                line.target x1=(x) x2=(x) y1="15%" y2="85%" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_replaces_the_bar_from_zero() {
        let row = Row { value: Some(50.0), boxed: Some([40.0, 70.0]), ..Row::default() };
        let axis = Axis::new("", Scale::FromZero).between(0.0, 100.0);
        let drawn = Rows { axis, rows: vec![row], rules: Vec::new() }.draw("Rows.").into_string();
        assert_eq!(drawn.matches(r#"class="bar""#).count(), 1, "{drawn}");
        assert!(drawn.contains(r#"<rect class="bar" x="40%" y="22%" height="56%" width="30%""#), "{drawn}");
    }

    #[test]
    fn whiskers_reach_to_their_ends_and_the_best_row_is_marked() {
        let row = |name: &str, badge, value| Row {
            name: name.to_owned(),
            badge,
            value: Some(value),
            ends: Some([value - 10.0, value + 10.0]),
            text: format!("{value:.1}"),
            ..Row::default()
        };
        let rows = Rows {
            axis: Axis::new("p95 (ms)", Scale::FromZero).between(0.0, 100.0),
            rows: vec![row("p2c", "best", 40.0), row("random", "", 80.0)],
            rules: Vec::new(),
        };
        let drawn = rows.draw("Rows.").into_string();
        assert!(drawn.contains(r#"<line class="whisker" x1="30%" x2="50%""#), "{drawn}");
        assert!(drawn.contains("<title>random: 80.0</title>"), "{drawn}");
        assert_eq!(drawn.matches("badge good").count(), 1, "one row is marked: {drawn}");
    }
}
