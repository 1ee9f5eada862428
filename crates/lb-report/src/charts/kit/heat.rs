//! A table whose cells are coloured by value, with a colour bar.

use super::axis::number;
use super::percentage;
use super::{Axis, Scale};
use crate::text::NONE;
use maud::{Markup, html};

/// A table of values, coloured on a logarithmic scale.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// The heading of the row names.
    pub corner: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Names of the rows, with one value per column. `None` for an empty cell.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
    /// The unit of the values.
    pub unit: &'static str,
}

impl Heat {
    pub(super) fn draw(&self, alt: &str) -> Markup {
        let values = self.rows.iter().flat_map(|(_, values)| values.iter().flatten().copied());
        let axis = Axis::new("", Scale::Logarithmic);
        let scale = axis.fit(values);
        html! {
            div.chart.heat {
                div.scroll tabindex="0" role="region" aria-label=(alt) {
                    table {
                        thead {
                            tr {
                                th scope="col" { (self.corner) }
                                @for name in &self.columns { th.number scope="col" { (name) } }
                            }
                        }
                        tbody {
                            @for (name, values) in &self.rows {
                                tr {
                                    th scope="row" { (name) }
                                    @for value in values {
                                        @match value {
                                            Some(value) => td.number style={ "--heat:" (format!("{:.2}", scale.at(*value))) } { (format!("{value:.1}")) },
                                            None => td.number { (NONE) },
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                div.colour-bar aria-hidden="true" {
                    span { (self.unit) }
                    div.frame {
                        div.gradient {}
                        @for (at, text) in scale.ticks() {
                            span.tick.x style={ "left:" (percentage(at)) } { (text) }
                        }
                    }
                }
                p.sub.visually-hidden { "Colours go from " (number(scale.low)) " to " (number(scale.high)) " " (self.unit) "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_and_the_bar_names_its_values() {
        let name = "haproxy/least-connections+ejection".to_owned();
        let heat = Heat {
            corner: "Request".to_owned(),
            columns: vec![name.clone(), "random".to_owned()],
            rows: vec![
                ("GET cart".to_owned(), vec![Some(10.0), Some(1000.0)]),
                ("POST cart".to_owned(), vec![Some(100.0), None]),
            ],
            unit: "ms",
        };
        let drawn = heat.draw("Heat map.").into_string();
        assert!(drawn.contains(&name), "{drawn}");
        assert!(drawn.contains(r#"style="--heat:0.50">100.0"#), "the middle of the logarithms: {drawn}");
        assert!(drawn.contains(">100</span>"), "the colour bar has ticks: {drawn}");
    }
}
