//! Errors with their causes, on one line.
//!
//! Many errors name their cause in their own message and also return it as their source. Here a cause that is
//! already in the message is not repeated.

use std::error::Error;

/// Writes an error and its causes, from the outermost to the innermost, each once.
///
/// ```
/// #[derive(Debug, thiserror::Error)]
/// #[error("failed to read `a.json`: {source}")]
/// struct Unreadable { source: std::io::Error }
///
/// let error = Unreadable { source: std::io::Error::other("the disk is gone") };
/// assert_eq!(lb_core::with_causes(&error), "failed to read `a.json`: the disk is gone");
/// ```
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Layer {
        #[error("failed to start")]
        Silent { source: Box<Layer> },
        #[error("cannot listen on `127.0.0.1:80`: {source}; choose another address")]
        Naming { source: std::io::Error },
    }

    #[test]
    fn a_cause_that_the_message_names_is_not_repeated_and_others_are_added() {
        let source = || std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let naming = Layer::Naming { source: source() };
        let alone = format!("cannot listen on `127.0.0.1:80`: {}; choose another address", source());
        assert_eq!(with_causes(&naming), alone);
        let silent = Layer::Silent { source: Box::new(naming) };
        assert_eq!(with_causes(&silent), format!("failed to start: {alone}"));
    }
}
