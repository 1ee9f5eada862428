//! The level of detail of the console.

/// How much of a run the console shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The answer, one table and the important caveats, in 80 columns.
    #[default]
    Brief,
    /// All tables at their full width.
    Full,
}
