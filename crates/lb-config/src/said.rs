//! Values together with the flag or key that set them, so that messages can point to it.

/// A value, and the flag or key that set it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said<T> {
    /// A flag such as `--users`, or a key path such as `bench.seed`. For a default, the key path under which
    /// a config could set it.
    pub(crate) at: String,
    /// The value.
    pub(crate) value: T,
    /// Whether the value comes from a flag, the config or the defaults.
    pub(crate) by: By,
}

/// The source of a value, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A flag on the command line.
    Flag,
    /// A key of the config.
    Config,
    /// The default, because neither a flag nor the config sets the value.
    Default,
}

impl<T> Said<T> {
    /// Returns a value that a flag sets.
    pub(crate) fn by_flag(at: impl Into<String>, value: T) -> Self {
        Self { at: at.into(), value, by: By::Flag }
    }

    /// Returns a value that the config sets.
    pub(crate) fn by_config(at: impl Into<String>, value: T) -> Self {
        Self { at: at.into(), value, by: By::Config }
    }

    /// Returns a default, for a value that neither a flag nor the config sets.
    pub(crate) fn by_default(at: impl Into<String>, value: T) -> Self {
        Self { at: at.into(), value, by: By::Default }
    }

    /// Returns the value of the flag, or else the value of the config.
    pub(crate) fn first(flag: (&str, Option<T>), key: (&str, Option<T>)) -> Option<Self> {
        let config = || key.1.map(|value| Self::by_config(key.0, value));
        flag.1.map(|value| Self::by_flag(flag.0, value)).or_else(config)
    }

    /// Returns whether a flag sets the value.
    pub(crate) fn is_flag(&self) -> bool {
        self.by == By::Flag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_config() {
        let first = |flag, key| Said::first(("--seed", flag), ("bench.seed", key));
        assert_eq!(first(Some(1), Some(2)), Some(Said::by_flag("--seed", 1)));
        assert_eq!(first(None, Some(2)), Some(Said::by_config("bench.seed", 2)));
        assert_eq!(first(None, None), None);
    }
}
