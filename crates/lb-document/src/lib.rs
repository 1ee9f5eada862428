//! JSON that people write, such as configs and mock APIs: parsed, held against the schema of its type, and every
//! problem reported at once with its key path, its value and a way out.
//!
//! ```
//! use lb_document::{list_problems, parse, typed};
//!
//! #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
//! struct Plant {
//!     /// What it is called.
//!     name: String,
//!     /// How tall it gets, in metres.
//!     #[schemars(range(min = 0))]
//!     height: Option<f64>,
//! }
//!
//! let mut problems = Vec::new();
//! let document = parse(r#"{"nmae": "oak", "height": -3}"#, &mut problems)?;
//! let plant: Option<Plant> = typed(&document, &mut problems);
//! assert!(plant.is_none() || !problems.is_empty(), "what has problems must not be used");
//! let listed = list_problems("plant `oak.json` has", &problems.iter().collect::<Vec<_>>());
//! assert!(listed.contains("nmae: unknown key (did you mean `name`?)"), "{listed}");
//! assert!(listed.contains("height = -3: must be a number of at least 0"), "{listed}");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod check;
mod parse;
mod problem;
mod typed;

pub use check::check;
pub use parse::{explain, join, parse};
pub use problem::{Problem, excerpt, list_problems, masked};
pub use typed::typed;
