//! Names in a config or a flag, with the place where each one stands.

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// Key path or flag.
    pub(crate) path: String,
    /// As written.
    pub(crate) name: String,
}
