//! The figures of the HTML report as Plotly specifications, without a theme: the page adds colours of
//! text and grid for light and dark.
//!
//! Names from configs and replies go through [`label`], because Plotly reads a few HTML tags in texts.

mod distribution;
mod heat;
mod marks;
mod order;
mod palette;
mod percentiles;
mod series;
mod shares;
mod weights;

pub use palette::colour;

use super::text::trimmed;
use lb_results::ScenarioSummary;
use palette::Palette;
use serde_json::{Value, json};

/// One figure: a caption over one panel or several small ones of the same kind.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Unique within a scenario.
    pub id: &'static str,
    /// What the figure shows.
    pub title: String,
    /// How to read the figure.
    pub caption: String,
    /// Names and colours that all panels share; empty where each panel has its own legend.
    pub legend: Vec<(String, &'static str)>,
    /// The panels.
    pub panels: Vec<Panel>,
}

/// One Plotly chart.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Title above the panel, where a figure has several.
    pub title: Option<String>,
    /// Description for readers who do not see the chart.
    pub alt: String,
    /// Height in CSS pixels.
    pub height: usize,
    /// The Plotly specification, an object with `data` and `layout`.
    pub spec: Value,
}

impl Panel {
    /// Makes a panel; `alt` describes it for readers who do not see it, `height` is in CSS pixels.
    pub fn new(alt: String, height: usize, data: Vec<Value>, layout: Value) -> Self {
        Self { title: None, alt, height, spec: json!({ "data": data, "layout": layout }) }
    }
}

/// All figures of a scenario that have something to show.
pub(super) fn figures(scenario: &ScenarioSummary) -> Vec<Figure> {
    let palette = Palette::of(scenario);
    [
        percentiles::percentiles(scenario, &palette),
        series::series(scenario, &palette),
        shares::shares(scenario),
        weights::weights(scenario),
        heat::heat(scenario),
        distribution::cumulative(scenario, &palette),
        distribution::percentile_curve(scenario, &palette),
        order::order(scenario, &palette),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Escapes a name for Plotly, which reads a few HTML tags and entities in texts.
pub fn label(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Makes a layout: a legend above the plot, margins that fit the labels, and the settings `with`.
pub fn layout(with: Value) -> Value {
    let mut layout = json!({
        "margin": { "l": 10, "r": 10, "t": 10, "b": 10 },
        "legend": { "orientation": "h", "x": 0, "y": 1, "yanchor": "bottom" },
        "hovermode": "closest",
    });
    if let (Some(all), Value::Object(with)) = (layout.as_object_mut(), with) {
        all.extend(with);
    }
    layout
}

/// Makes an axis with a title and the settings `with`.
pub fn axis(title: &str, with: Value) -> Value {
    let mut axis = json!({ "title": { "text": title }, "automargin": true });
    if let (Some(all), Value::Object(with)) = (axis.as_object_mut(), with) {
        all.extend(with);
    }
    axis
}

/// Makes a logarithmic axis with ticks at 1, 2 and 5 of each power of ten; Plotly's own lack their power.
fn log_axis(title: &str, (low, high): (f64, f64)) -> Value {
    let powers = low.max(1e-3).log10().floor() as i32..=high.max(1e-3).log10().ceil() as i32;
    let ticks: Vec<f64> =
        powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power))).collect();
    let texts: Vec<String> = ticks.iter().map(|tick| trimmed(*tick, 3)).collect();
    axis(title, json!({ "type": "log", "tickvals": ticks, "ticktext": texts }))
}
