//! The figures of a validation.

use lb_report::parts::{Arrangement, Axis, Chart, Figure, Heat, Key, Line, Panel, Plane, Scale, Style};
use lb_synthesis::{EndpointRow, Validation};

/// The most endpoints that have a chart, and that have a row in the heat maps.
const MOST_PANELS: usize = 8;
const MOST_ROWS: usize = 20;

const NAMES: [&str; 2] = ["recording", "synthetic"];

/// Returns all figures that have something to show.
pub(super) fn figures(validation: &Validation) -> Vec<Figure> {
    [
        Some(over_time(validation)),
        by_hour(validation),
        by_endpoint(validation),
        dispersion(validation),
        gaps(validation),
        heat(validation),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn legend() -> Vec<Key> {
    NAMES.iter().enumerate().map(|(number, name)| Key::line(*name, Style::of(number))).collect()
}

/// Draws a line for the recording and one for the synthetic list.
fn lines(points: [Vec<(f64, Option<f64>)>; 2]) -> Vec<Line> {
    let line = |(number, points): (usize, Vec<_>)| Line {
        name: NAMES[number].to_owned(),
        style: Style::of(number),
        points,
    };
    points.into_iter().enumerate().map(line).collect()
}

fn plane(x: Axis, y: Axis, points: [Vec<(f64, Option<f64>)>; 2]) -> Chart {
    Chart::Plane(Plane { height: 180, x, y, lines: lines(points), ..Plane::default() })
}

fn figure(id: &'static str, title: &str, caption: &str, panels: Vec<Panel>) -> Figure {
    Figure {
        id,
        title: title.to_owned(),
        caption: caption.to_owned(),
        legend: legend(),
        arrangement: if panels.len() > 2 { Arrangement::Grid } else { Arrangement::Stacked },
        panels,
    }
}

fn over_time(validation: &Validation) -> Figure {
    let points = &validation.timeline.points;
    let hours = |at_s: f64| at_s / 3_600.0;
    let real = points.iter().map(|point| (hours(point.at_s), point.real)).collect();
    let synthetic = points.iter().map(|point| (hours(point.at_s), Some(point.synthetic))).collect();
    let x = Axis::new("", Scale::Linear).with_suffix(" h");
    let chart = plane(x, Axis::new("Requests/s", Scale::FromZero), [real, synthetic]);
    let step = validation.timeline.step_s;
    figure(
        "time",
        "Requests over time",
        &format!(
            "Hours since the synthetic list begins, in steps of {step:.0} s. The recording is its mean at the same time of similar days, which is smoother than any single day."
        ),
        vec![Panel::new("Lines over time: requests per second, recorded and synthetic.", chart)],
    )
}

fn by_hour(validation: &Validation) -> Option<Figure> {
    let panel = |weekend: bool, title: &str| {
        let rows: Vec<_> = validation.hours.iter().filter(|row| row.weekend == weekend).collect();
        let real = rows.iter().map(|row| (f64::from(row.hour), Some(row.real))).collect();
        let synthetic = rows.iter().map(|row| (f64::from(row.hour), Some(row.synthetic))).collect();
        let chart = plane(hours_axis(), Axis::new("Requests/h", Scale::FromZero), [real, synthetic]);
        (rows.len() > 1)
            .then(|| Panel::new(format!("Lines over the hours of the day: {title}."), chart).titled(title))
    };
    let panels: Vec<Panel> =
        [panel(false, "Working days"), panel(true, "Weekends")].into_iter().flatten().collect();
    (!panels.is_empty())
        .then(|| figure("hours", "Requests by hour of the day", "Mean of all days compared.", panels))
}

fn hours_axis() -> Axis {
    let ticks = (0..=24).step_by(6).map(|hour| (f64::from(hour), format!("{hour:02}:00"))).collect();
    Axis::new("", Scale::Linear).between(0.0, 24.0).with_ticks(ticks)
}

fn name(row: &EndpointRow) -> String {
    format!("{} {}", row.method, row.endpoint)
}

fn by_endpoint(validation: &Validation) -> Option<Figure> {
    let panel = |row: &EndpointRow| {
        let points = |rates: &[Option<f64>]| {
            rates.iter().enumerate().map(|(hour, rate)| (hour as f64, *rate)).collect()
        };
        let chart = plane(
            hours_axis(),
            Axis::new("Requests/h", Scale::FromZero),
            [points(&row.real_by_hour), points(&row.synthetic_by_hour)],
        );
        let note =
            format!("{:.1} % of the recording, {:.1} % synthetic", 100.0 * row.real, 100.0 * row.synthetic);
        Panel::new(format!("Lines over the hours of the day: {}.", name(row)), chart)
            .titled(name(row))
            .noted(note)
    };
    let panels: Vec<Panel> = validation.endpoints.iter().take(MOST_PANELS).map(panel).collect();
    (!panels.is_empty()).then(|| {
        figure(
            "endpoints",
            "Requests by endpoint and hour",
            "The most frequent endpoints; all days together.",
            panels,
        )
    })
}

fn dispersion(validation: &Validation) -> Option<Figure> {
    let real: Vec<_> = validation.dispersion.iter().map(|row| (row.scale_s, row.real)).collect();
    let synthetic = validation.dispersion.iter().map(|row| (row.scale_s, row.synthetic)).collect();
    (real.len() > 1).then(|| {
        let x = Axis::new("Length of the windows (s)", Scale::Logarithmic);
        let chart = plane(x, Axis::new("Index of dispersion", Scale::Logarithmic), [real, synthetic]);
        figure(
            "dispersion",
            "Burstiness by time scale",
            "Variance of counts over their mean, within hours; a Poisson process has 1 at all scales.",
            vec![Panel::new("Lines over time scales: index of dispersion, recorded and synthetic.", chart)],
        )
    })
}

fn gaps(validation: &Validation) -> Option<Figure> {
    let steps = validation.gaps.len().saturating_sub(1).max(1) as f64;
    let points = |side: usize| -> Vec<(f64, Option<f64>)> {
        let quantiles = validation.gaps.iter().enumerate();
        quantiles.map(|(place, pair)| (pair[side].max(1e-4), Some(place as f64 / steps))).collect()
    };
    (!validation.gaps.is_empty()).then(|| {
        let x = Axis::new("Gap × rate of the hour", Scale::Logarithmic);
        let chart =
            plane(x, Axis::new("Share of gaps", Scale::FromZero).between(0.0, 1.0), [points(0), points(1)]);
        figure(
            "gaps",
            "Times between requests",
            "Cumulative distribution; 1 is the mean gap at the rate of the hour.",
            vec![Panel::new("Lines: cumulative distribution of times between requests.", chart)],
        )
    })
}

fn heat(validation: &Validation) -> Option<Figure> {
    let panel = |title: &str, of: fn(&EndpointRow) -> &Vec<Option<f64>>| {
        let rows = validation.endpoints.iter().take(MOST_ROWS);
        let heat = Heat {
            corner: "Request".to_owned(),
            columns: (0..24).map(|hour| format!("{hour:02}")).collect(),
            rows: rows.map(|row| (name(row), of(row).clone())).collect(),
            unit: "requests/h",
        };
        Panel::new(format!("Heat map: {title}, as numbers in cells."), Chart::Heat(heat)).titled(title)
    };
    let known =
        validation.endpoints.iter().any(|row| row.real_by_hour.iter().flatten().any(|rate| *rate > 0.0));
    known.then(|| Figure {
        id: "heat",
        title: "Requests per hour by endpoint and hour of the day".to_owned(),
        caption: "The stronger the colour, the more; the scale is logarithmic. A dash means that nothing is compared."
            .to_owned(),
        legend: Vec::new(),
        arrangement: Arrangement::Stacked,
        panels: vec![
            panel("Recording", |row| &row.real_by_hour),
            panel("Synthetic", |row| &row.synthetic_by_hour),
        ],
    })
}
