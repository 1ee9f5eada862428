//! Colours, lines and markers, and the keys of legends.
//!
//! Colours are distinguishable on the light and the dark page (contrast of at least 3 to 1, WCAG 2.2,
//! criterion 1.4.11). Lines and markers differ too, so that no chart relies on colour alone.

use maud::{Markup, html};
use std::fmt::Write;

/// The colours in order of use, for the light and the dark page.
const COLOURS: [[&str; 2]; 10] = [
    ["#2f6fc4", "#6ba6f0"],
    ["#c4620f", "#f0994f"],
    ["#23854a", "#5cc98a"],
    ["#8351c4", "#b58cf0"],
    ["#c23540", "#f07f88"],
    ["#14808f", "#4fc3d3"],
    ["#8f5c2a", "#d0a070"],
    ["#bd4089", "#ee8cc4"],
    ["#747a12", "#bfc657"],
    ["#69717e", "#a3abb8"],
];

/// A colour of the page's style, by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour(usize);

impl Colour {
    /// Returns the n-th colour; colours repeat after ten.
    pub const fn of(number: usize) -> Self {
        Self(number % COLOURS.len())
    }

    /// Returns the CSS class that sets `currentColor`.
    pub(super) fn class(self) -> String {
        format!("c{}", self.0)
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dash {
    /// Without gaps.
    #[default]
    Solid,
    /// Long dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// Alternating dashes and dots.
    DashDot,
}

impl Dash {
    const ALL: [Self; 4] = [Self::Solid, Self::Dashed, Self::Dotted, Self::DashDot];

    /// Returns the CSS class of the line.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
            Self::DashDot => "dashdot",
        }
    }
}

/// The shape of a marker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbol {
    /// A disc.
    #[default]
    Circle,
    /// A square.
    Square,
    /// A square on its corner.
    Diamond,
    /// A triangle that points upwards.
    Up,
    /// A triangle that points downwards.
    Down,
    /// A plus sign.
    Plus,
    /// A cross.
    Cross,
}

impl Symbol {
    /// The markers in order of use; the cross is reserved for invalid trials.
    const IN_TURN: [Self; 6] = [Self::Circle, Self::Square, Self::Diamond, Self::Up, Self::Down, Self::Plus];

    /// Returns the id of the shape on the page.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Circle => "m-circle",
            Self::Square => "m-square",
            Self::Diamond => "m-diamond",
            Self::Up => "m-up",
            Self::Down => "m-down",
            Self::Plus => "m-plus",
            Self::Cross => "m-cross",
        }
    }

    /// Returns the outline as an SVG path around the origin, in pixels.
    const fn path(self) -> &'static str {
        match self {
            Self::Circle => "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
            Self::Square => "M-4 -4h8v8h-8z",
            Self::Diamond => "M0 -5.5L5.5 0L0 5.5L-5.5 0z",
            Self::Up => "M0 -5.5L5 4h-10z",
            Self::Down => "M0 5.5L5 -4h-10z",
            Self::Plus => "M-1.5 -5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
            Self::Cross => {
                "M-4.6 -2.5L-2.5 -4.6L0 -2.1L2.5 -4.6L4.6 -2.5L2.1 0L4.6 2.5L2.5 4.6L0 2.1L-2.5 4.6L-4.6 2.5L-2.1 0z"
            }
        }
    }
}

/// How an algorithm or seed is drawn in every chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colour.
    pub colour: Colour,
    /// Line.
    pub dash: Dash,
    /// Marker.
    pub symbol: Symbol,
}

impl Style {
    /// Returns the n-th style.
    pub const fn of(number: usize) -> Self {
        Self {
            colour: Colour::of(number),
            dash: Dash::ALL[number % Dash::ALL.len()],
            symbol: Symbol::IN_TURN[number % Symbol::IN_TURN.len()],
        }
    }
}

/// One entry of a legend.
#[derive(Clone, Debug)]
pub struct Key {
    name: String,
    style: Style,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Line,
    Marker,
    Area,
}

impl Key {
    /// Makes an entry with a line.
    pub fn line(name: impl Into<String>, style: Style) -> Self {
        Self { name: name.into(), style, shape: Shape::Line }
    }

    /// Makes an entry with a marker.
    pub fn marker(name: impl Into<String>, style: Style) -> Self {
        Self { name: name.into(), style, shape: Shape::Marker }
    }

    /// Makes an entry with an area.
    pub fn area(name: impl Into<String>, colour: Colour) -> Self {
        Self { name: name.into(), style: Style { colour, ..Style::default() }, shape: Shape::Area }
    }

    pub(crate) fn draw(&self) -> Markup {
        let Style { colour, dash, symbol } = self.style;
        html! {
            li {
                svg.key.(colour.class()) viewBox="0 0 26 12" aria-hidden="true" {
                    @match self.shape {
                        Shape::Line => line.line.(dash.class()) x1="0" x2="26" y1="6" y2="6" {},
                        Shape::Marker => use href={ "#" (symbol.id()) } x="13" y="6" {},
                        Shape::Area => rect.area x="6" y="0" width="14" height="12" {},
                    }
                }
                (self.name)
            }
        }
    }
}

/// Draws the shapes of all markers, once per page.
pub(crate) fn symbols() -> Markup {
    html! {
        svg width="0" height="0" style="position:absolute" aria-hidden="true" {
            defs {
                @for symbol in Symbol::IN_TURN.into_iter().chain([Symbol::Cross]) {
                    path #(symbol.id()) d=(symbol.path()) {}
                }
            }
        }
    }
}

/// Returns the CSS that defines the colour classes.
pub(crate) fn variables() -> String {
    let page = |dark: usize| {
        COLOURS.iter().enumerate().fold(String::new(), |mut css, (number, colours)| {
            let _ = write!(css, "--c{number}:{};", colours[dark]);
            css
        })
    };
    let mut css = format!(
        ":root{{{}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{}}}}}\n",
        page(0),
        page(1)
    );
    for number in 0..COLOURS.len() {
        let _ = writeln!(css, ".c{number}{{color:var(--c{number})}}");
    }
    css
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
        for (number, page) in ["#ffffff", "#14171c"].into_iter().enumerate() {
            for colours in COLOURS {
                let (a, b) = (luminance(page), luminance(colours[number]));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(
                    contrast >= 3.0,
                    "{} has a contrast of {contrast:.2} on {page}; 3 is the least",
                    colours[number]
                );
            }
        }
    }
}
