//! Reads what people recorded: access logs, lists of requests and the output of other tools.
//!
//! [`Entries`] gives one [`Entry`] after the other, with all that the recording says about it. [`load_all`] reads the
//! same files into a [`Recording`], which `bench --replay` plays: what was requested, and when.
//!
//! | format | a row |
//! |---|---|
//! | `access-log` | a line of the common or combined log format, or of a relative of them |
//! | `log-format` | a line of nginx's `log_format` or Apache's `LogFormat`, as the user wrote it down |
//! | `haproxy`, `envoy`, `elb`, `squid` | a line of the default access log |
//! | `w3c` | a line below `#Fields:` (IIS, CloudFront) |
//! | `json` | an object of nginx, Caddy, Traefik, Docker, Google Cloud or a program of one's own |
//! | `requests` | an element of a JSON list of `{endpoint, method, timestamp}` |
//! | `vegeta`, `vegeta-text` | a target or a result of Vegeta |
//! | `k6`, `csv` | a point of k6, or a line below a header |
//! | `har` | an entry of an HTTP archive |
//! | `goreplay` | a message of GoReplay |
//!
//! The format is told from the content, and so is compression by gzip or zstd. A log is read to its end even if some
//! lines hold no request: they are counted, and the first of each kind is shown. Lists that people write are not: each
//! row that cannot be read is an error with its line. Times that a log writes at the end of a request are turned into
//! those of its beginning where the log says how long it took.
//!
//! ```
//! let log = b"10.0.0.1 - - [10/Oct/2024:13:55:36 +0000] \"GET /cart HTTP/1.1\" 200 512\n";
//! let entry = lb_recording::Entries::read("log", log, Default::default())?.next().unwrap();
//! assert_eq!((entry.method.as_str(), entry.target.as_str(), entry.status), ("GET", "/cart", Some(200)));
//! # Ok::<(), lb_recording::RecordingError>(())
//! ```

mod entry;
mod error;
mod format;
mod input;
mod names;
mod options;
mod pattern;
mod reader;
mod recording;
mod records;
mod row;
mod skipped;
mod stamp;
mod stream;
mod target;

pub use entry::{Attempt, Entry};
pub use error::{RecordingError, RecordingFault};
pub use format::{FieldMap, LogFormat};
pub use input::decompress;
pub use options::{Expect, HostChoice, PathPattern, ReadOptions, RecordingFormat, Spread};
pub use reader::Entries;
pub use recording::{Play, Recording, endpoint_of, kind_of, load, load_all, read};
