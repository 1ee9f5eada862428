//! Which colour, line and marker an algorithm has in every chart of a scenario.
//!
//! Colours are told apart on white and on the dark page alike (contrast of at least 3 to 1 on both,
//! WCAG 2.2, criterion 1.4.11). Lines and markers differ too, so that no chart relies on colour alone.

use lb_results::ScenarioSummary;

/// In order of use.
const COLOURS: [&str; 10] = [
    "#3f7fd0", "#d9721f", "#2f9e5b", "#9866d0", "#d64550", "#1c94a6", "#a67039", "#d0579f", "#8a8f20",
    "#7f8794",
];

const DASHES: [&str; 4] = ["solid", "dash", "dot", "dashdot"];

const SYMBOLS: [&str; 7] =
    ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star"];

/// Styles by name.
#[derive(Clone, Debug)]
pub(super) struct Palette {
    names: Vec<String>,
}

/// How one algorithm is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) colour: &'static str,
    pub(super) dash: &'static str,
    pub(super) symbol: &'static str,
}

impl Palette {
    /// The algorithms of a scenario in their order, then labels that only trials have.
    pub(super) fn of(scenario: &ScenarioSummary) -> Self {
        let mut names: Vec<String> = Vec::new();
        let algorithms = scenario.algorithms.iter().map(|algorithm| &algorithm.name);
        for name in algorithms.chain(scenario.trials.iter().map(|trial| &trial.label)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self { names }
    }

    /// All names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The style of a name.
    pub(super) fn style(&self, name: &str) -> Style {
        let number = self.names.iter().position(|known| known == name).unwrap_or(0);
        Style {
            colour: colour(number),
            dash: DASHES[number % DASHES.len()],
            symbol: SYMBOLS[number % SYMBOLS.len()],
        }
    }
}

/// The colour of the n-th of several things.
pub const fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let channel = |from: usize| {
            let value = u8::from_str_radix(&colour[from..from + 2], 16).expect("two hex digits");
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn colours_stand_out_on_the_light_and_on_the_dark_page() {
        for page in ["#ffffff", "#14171c"] {
            for colour in COLOURS {
                let (a, b) = (luminance(page), luminance(colour));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(
                    contrast >= 3.0,
                    "{colour} has a contrast of {contrast:.2} on {page}; 3 is the least"
                );
            }
        }
    }
}
