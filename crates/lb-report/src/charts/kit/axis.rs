//! Axes: they map values to positions and place ticks.

use crate::text::trimmed;

/// An axis.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    /// The title of the axis, with the unit of its values.
    pub title: String,
    /// How values become positions.
    pub scale: Scale,
    /// The ends of the axis. `None` if the values decide.
    pub ends: Option<[f64; 2]>,
    /// Values and labels of the ticks. Empty for ticks at round numbers.
    pub ticks: Vec<(f64, String)>,
    /// The suffix of each tick label.
    pub suffix: &'static str,
}

/// How values become positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Linear, over the range of the values.
    #[default]
    Linear,
    /// Linear, from zero.
    FromZero,
    /// Logarithmic. Values that are not positive are drawn at the lower end.
    Logarithmic,
}

impl Axis {
    /// Makes an axis.
    pub fn new(title: impl Into<String>, scale: Scale) -> Self {
        Self { title: title.into(), scale, ..Self::default() }
    }

    /// Sets the ends.
    #[must_use]
    pub const fn between(mut self, low: f64, high: f64) -> Self {
        self.ends = Some([low, high]);
        self
    }

    /// Sets the suffix of each tick label.
    #[must_use]
    pub const fn with_suffix(mut self, suffix: &'static str) -> Self {
        self.suffix = suffix;
        self
    }

    /// Sets the values and labels of the ticks.
    #[must_use]
    pub fn with_ticks(mut self, ticks: Vec<(f64, String)>) -> Self {
        self.ticks = ticks;
        self
    }

    /// Fits the axis to the values that are drawn.
    pub(super) fn fit(&self, values: impl Iterator<Item = f64>) -> Fitted<'_> {
        let positive = self.scale == Scale::Logarithmic;
        let drawn = values.filter(|value| value.is_finite() && (!positive || *value > 0.0));
        let found = drawn
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
        let [mut low, mut high] = self.ends.unwrap_or(if found[0] <= found[1] { found } else { [0.0, 1.0] });
        match self.scale {
            Scale::FromZero => (low, high) = (low.min(0.0), high.max(0.0)),
            Scale::Logarithmic => (low, high) = (low.max(f64::MIN_POSITIVE), high.max(f64::MIN_POSITIVE)),
            Scale::Linear => {}
        }
        if self.ends.is_none() {
            [low, high] = widened(self.scale, low, high);
        }
        Fitted { axis: self, low, high }
    }
}

/// Adds some room around the values, so that no mark is on the edge.
fn widened(scale: Scale, low: f64, high: f64) -> [f64; 2] {
    const ROOM: f64 = 0.05;
    if scale == Scale::Logarithmic {
        let room = (high / low).powf(ROOM).max(1.1);
        // Ends beyond all numbers would have endlessly many powers of ten between them.
        return [(low / room).max(f64::MIN_POSITIVE), (high * room).min(f64::MAX)];
    }
    let room = if high > low { ROOM * (high - low) } else { high.abs().max(1.0) / 2.0 };
    let [from, to] = [(low - room).max(f64::MIN), (high + room).min(f64::MAX)];
    match scale {
        Scale::FromZero if low >= 0.0 => [0.0, to],
        _ => [from, to],
    }
}

/// An axis with fixed ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fitted<'a> {
    axis: &'a Axis,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Fitted<'_> {
    /// Returns the position of a value, from 0 at the low end to 1 at the high end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let at = match self.axis.scale {
            Scale::Logarithmic => {
                let value = value.max(self.low);
                (value / self.low).ln() / (self.high / self.low).ln()
            }
            Scale::Linear | Scale::FromZero => (value - self.low) / (self.high - self.low),
        };
        if at.is_finite() { at.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Returns the positions and labels of the ticks, from low to high.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let within = |value: f64| value >= self.low * (1.0 - 1e-9) && value <= self.high * (1.0 + 1e-9);
        if !self.axis.ticks.is_empty() {
            let ticks = self.axis.ticks.iter().filter(|(value, _)| within(*value));
            return ticks.map(|(value, text)| (self.at(*value), text.clone())).collect();
        }
        let values = match self.axis.scale {
            Scale::Logarithmic => logarithmic_ticks(self.low, self.high),
            Scale::Linear | Scale::FromZero => linear_ticks(self.low, self.high),
        };
        let text = |value: f64| format!("{}{}", number(value), self.axis.suffix);
        values.into_iter().map(|value| (self.at(value), text(value))).collect()
    }
}

/// Drops the ticks of a horizontal axis whose labels would overlap the previous one.
pub(super) fn spaced(ticks: Vec<(f64, String)>) -> Vec<(f64, String)> {
    const GAP: f64 = 0.12;
    let mut kept: Vec<(f64, String)> = Vec::new();
    for tick in ticks {
        if kept.last().is_none_or(|(last, _)| tick.0 - last >= GAP) {
            kept.push(tick);
        }
    }
    kept
}

/// Returns round numbers in at most six steps.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    const MOST_STEPS: f64 = 6.0;
    let rough = (high - low) / MOST_STEPS;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|number| number as f64 * step).collect()
}

/// Returns powers of ten, with numbers in between if there are few.
fn logarithmic_ticks(low: f64, high: f64) -> Vec<f64> {
    const MOST: usize = 7;
    let powers = || low.log10().floor() as i32..=high.log10().ceil() as i32;
    let of = |digits: &[f64]| -> Vec<f64> {
        let all = powers().flat_map(|power| digits.iter().map(move |digit| digit * 10_f64.powi(power)));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    let steps: [&[f64]; 4] = [&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    if of(steps[0]).len() < 3 {
        // The range is too narrow for logarithmic ticks.
        return linear_ticks(low, high);
    }
    steps.into_iter().map(of).find(|ticks| ticks.len() <= MOST).unwrap_or_else(|| {
        let powers = of(steps[3]);
        let every = powers.len().div_ceil(MOST).max(1);
        powers.into_iter().step_by(every).collect()
    })
}

/// Formats a number with decimals that suit its size.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => trimmed(value, 0),
        size if size >= 1.0 => trimmed(value, 2),
        _ => trimmed(value, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, values: &[f64]) -> Vec<String> {
        axis.fit(values.iter().copied()).ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_values() {
        let from_zero = Axis::new("", Scale::FromZero);
        assert_eq!(texts(&from_zero, &[35.0, 97.0]), ["0", "20", "40", "60", "80", "100"]);
        let logarithmic = Axis::new("", Scale::Logarithmic);
        assert_eq!(texts(&logarithmic, &[18.0, 700.0]), ["20", "50", "100", "200", "500"]);
        assert_eq!(
            texts(&logarithmic, &[101.0, 104.0]),
            ["95", "100", "105", "110"],
            "a narrow range has ticks, too"
        );
        let seconds = Axis::new("", Scale::Linear).between(0.0, 12.0).with_suffix(" s");
        assert_eq!(texts(&seconds, &[]), ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s"]);
    }

    #[test]
    fn ticks_side_by_side_keep_a_distance() {
        let logarithmic = Axis::new("", Scale::Logarithmic).between(150.0, 1300.0);
        let ticks = spaced(logarithmic.fit(std::iter::empty()).ticks());
        let texts: Vec<&str> = ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["150", "200", "300", "400", "700", "1000"]);
    }

    #[test]
    fn equal_values_and_zero_have_a_place() {
        for scale in [Scale::Linear, Scale::FromZero, Scale::Logarithmic] {
            let axis = Axis::new("", scale);
            for values in [&[5.0, 5.0][..], &[0.0], &[], &[1e-308, 1e308], &[f64::MIN_POSITIVE, f64::MAX]] {
                let fitted = axis.fit(values.iter().copied());
                assert!(fitted.low < fitted.high, "{scale:?} of {values:?} has an extent");
                assert!((0.0..=1.0).contains(&fitted.at(0.0)), "{scale:?}: zero lies within the box");
                assert!(
                    (1..20).contains(&fitted.ticks().len()),
                    "{scale:?} of {values:?} has ticks, and few"
                );
            }
        }
    }
}
