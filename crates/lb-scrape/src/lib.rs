//! Reads metrics that others publish: pages in the text formats of Prometheus (version 0.0.4) and OpenMetrics, and
//! answers of the query API of a Prometheus server.
//!
//! The crate is pure: it is handed text and the time at which the text was read, and has no sockets and no clock. It is
//! strict about what it takes as a value and tolerant about the rest of a page: a line that is not in the format, a value
//! that is not a finite number, a series that is listed twice or a counter that starts again becomes a [`Trouble`] with
//! the number of readings that had it, and the other values are kept. What one target can add is bounded
//! ([`MOST_SERIES`], [`MOST_SAMPLES`]).
//!
//! ```
//! use lb_scrape::{PageReader, Wanted};
//!
//! let wanted = Wanted::chosen("queue", "jobs_waiting{pool=\"a\"}".parse()?, &[], None);
//! let mut reader = PageReader::new(vec![wanted]);
//! reader.read(0.0, "# TYPE jobs_waiting gauge\njobs_waiting{pool=\"a\"} 3\njobs_waiting{pool=\"b\"} 9\n")?;
//! reader.read(1.0, "jobs_waiting{pool=\"a\"} 5\n")?;
//! let scraped = reader.finish();
//! assert_eq!(scraped.series[0].name, "queue");
//! assert_eq!(scraped.series[0].samples, [[0.0, 3.0], [1.0, 5.0]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod exposition;
mod known;
mod page;
mod query;
mod selector;
mod table;
mod trouble;
mod wanted;

pub use exposition::{Kind, Line, Malformed, Sample, lines, sample};
pub use known::well_known;
pub use page::{PageError, PageReader, metric_names};
pub use query::{QueryError, QueryReader};
pub use selector::{Selector, SelectorError};
pub use table::{MOST_SAMPLES, MOST_SERIES, Scraped, ScrapedSeries};
pub use trouble::Trouble;
pub use wanted::{Measure, Wanted};
