//! The page on which runs are started, watched, steered and compared, and the server behind it.

mod assets;
