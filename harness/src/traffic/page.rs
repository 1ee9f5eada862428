//! The page of a validation: the verdict, the measures, and charts of both lists.

use super::charts::figures;
use super::verdict::{dispersion, measures, sentence};
use lb_core::plain;
use lb_report::parts::{figure, page, prose, scrolling};
use lb_synthesis::Validation;
use maud::html;

/// Renders one HTML document without scripts; `names` are those of the recording and the synthetic list.
pub fn render_page(validation: &Validation, names: &[String; 2]) -> String {
    let side = |name: &str, side: &lb_synthesis::Side| {
        format!(
            "{}: {} requests from {} to {}, of which {} lie in hours that both cover ({:.3} per second).",
            plain::line(name),
            side.requests,
            side.from,
            side.to,
            side.compared_requests,
            side.per_second
        )
    };
    let tone = if validation.passed { "good" } else { "bad" };
    let body = html! {
        section #verdict aria-labelledby="verdict-title" {
            h2 #verdict-title { "Verdict" }
            p { span.badge.(tone) { @if validation.passed { "passed" } @else { "failed" } } " " (sentence(validation)) }
            ul {
                li { (side(&names[0], &validation.real)) }
                li { (side(&names[1], &validation.synthetic)) }
                li { "Hours are those of " (validation.time_zone) "." }
                @for note in &validation.notes { li { (plain::line(note)) } }
            }
            (scrolling(&measures(validation)))
            p.sub {
                (prose("A limit is the mean of the distances between random parts of the recording plus three standard deviations, the greatest of these distances, or the smallest difference that matters, whichever is greatest. Chi-square is shown and not judged, since it presumes independent requests."))
            }
        }
        section #charts aria-labelledby="charts-title" {
            h2 #charts-title { "Recorded and synthetic" }
            @for one in &figures(validation) { (figure("validation", one)) }
            (scrolling(&dispersion(validation)))
        }
    };
    let title = format!("{} compared with {}", plain::line(&names[1]), plain::line(&names[0]));
    page(&title, "Whether synthetic requests resemble the recording that they were learned from.", &body)
}
