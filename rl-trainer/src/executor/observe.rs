//! Reports the progress of a run to an observer. The run itself neither prints nor knows of a terminal.

/// An observer of a run.
pub trait Observe: Send {
    /// Receives a permanent line, such as the result of a step or the path of a file.
    fn line(&mut self, line: &str);

    /// Receives the failure of a step; the run continues.
    fn step_failed(&mut self, step: &str, detail: &str);

    /// Receives the progress of a long step; each call replaces the previous text.
    fn progress(&mut self, text: &str);

    /// Marks the end of the calls of [`Observe::progress`] for the current step.
    fn progress_ended(&mut self);
}
