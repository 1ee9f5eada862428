//! What mock backends answer, as text: they interpret it themselves.

/// The replies of mock backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockApi {
    /// Where the text comes from, for messages: a path, the name of a pack, or a key.
    pub name: String,
    /// The text, which is JSON.
    pub json: String,
}
