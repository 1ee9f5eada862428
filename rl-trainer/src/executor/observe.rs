//! Reports the progress of a run to an observer. The run itself neither prints nor knows of a terminal.

/// Watches a run.
pub trait Observe: Send {
    /// Takes a line that stays: what a step brought, or where a file is.
    fn line(&mut self, line: &str);

    /// Takes the failure of a step; the run goes on.
    fn step_failed(&mut self, step: &str, detail: &str);

    /// Takes the state of a step that takes long; each replaces the last.
    fn progress(&mut self, text: &str);

    /// Learns that no more [`Observe::progress`] comes from the present step.
    fn progress_ended(&mut self);
}
