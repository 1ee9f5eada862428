//! Resources beside latency: the course of each scraped series, whether it moves with latency, and what was wrong with
//! its readings.
//!
//! `docs/statistics.md` ("Resources and latency") states the method and what it cannot show.

mod correlate;
mod course;
mod notes;
mod sentences;
#[cfg(test)]
mod tests;

pub use notes::scrape_notes;
pub use sentences::resource_sentences;

use correlate::correlate;
use course::{Course, mean_of_part};
use lb_results::{AlgorithmSummary, ResourceSummary, SampledSeries, Trial};

/// Largest number of points of a course; a chart cannot show more.
const MOST_POINTS: f64 = 300.0;

/// Adds to each algorithm its scraped series, and how each moves with latency. `trials` are the valid trials of the
/// scenario; those of an algorithm have its name as their label.
pub fn add_resources(algorithms: &mut [AlgorithmSummary], trials: &[&Trial]) {
    let of: Vec<Vec<&Trial>> = algorithms
        .iter()
        .map(|algorithm| trials.iter().copied().filter(|trial| trial.label == algorithm.name).collect())
        .collect();
    let courses: Vec<Vec<Course<'_>>> = of.iter().map(|trials| collect_courses(trials)).collect();
    let correlations = correlate(&courses);
    for ((algorithm, courses), correlations) in algorithms.iter_mut().zip(&courses).zip(correlations) {
        let summaries = courses.iter().zip(correlations);
        algorithm.resources = summaries
            .map(|(course, correlation)| ResourceSummary { correlation, ..summarise_course(course) })
            .collect();
    }
}

/// Collects the series of an algorithm's trials by target and name, in the order in which they were scraped.
fn collect_courses<'a>(trials: &[&'a Trial]) -> Vec<Course<'a>> {
    let mut courses: Vec<Course<'a>> = Vec::new();
    for &trial in trials {
        let Some(record) = &trial.resources else { continue };
        for target in &record.targets {
            for series in &target.series {
                let known =
                    courses.iter().position(|one| one.target == target.name && one.name == series.name);
                let place = known.unwrap_or_else(|| {
                    courses.push(Course {
                        target: &target.name,
                        name: &series.name,
                        unit: &series.unit,
                        parts: Vec::new(),
                    });
                    courses.len() - 1
                });
                courses[place].parts.push((trial, series));
            }
        }
    }
    courses
}

fn summarise_course(course: &Course<'_>) -> ResourceSummary {
    let counted = |(trial, series): &(&Trial, &SampledSeries)| {
        let cut_s = trial.cut_s;
        let values = series.samples.iter().filter(move |[at_s, _]| *at_s >= cut_s).map(|[_, value]| *value);
        values.collect::<Vec<f64>>()
    };
    let values: Vec<f64> = course.parts.iter().flat_map(counted).collect();
    ResourceSummary {
        name: course.name.to_owned(),
        target: course.target.to_owned(),
        unit: course.unit.to_owned(),
        samples: values.len(),
        mean: (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64),
        min: values.iter().copied().reduce(f64::min),
        max: values.iter().copied().reduce(f64::max),
        points: average(course),
        correlation: None,
    }
}

/// Returns the course over time, averaged over the trials, on the same parts as the time series of the latency.
fn average(course: &Course<'_>) -> Vec<[f64; 2]> {
    let walls = course.parts.iter().map(|(trial, _)| trial.record.wall.as_secs_f64());
    let seconds = walls.fold(0.0, f64::max);
    let width = (seconds / MOST_POINTS).ceil().max(1.0);
    let point = |number: usize| {
        let from_s = number as f64 * width;
        let of = |part: &(&Trial, &SampledSeries)| mean_of_part(part.0, part.1, from_s, width);
        let values: Vec<f64> = course.parts.iter().filter_map(of).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (!values.is_empty()).then_some([from_s + width / 2.0, mean])
    };
    (0..(seconds / width).ceil() as usize).filter_map(point).collect()
}
