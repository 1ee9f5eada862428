//! `cargo xtask readme`: runs the commands in README.md in order, and compares their output with what the
//! README shows.
//!
//! A fenced `sh` block is a list of commands; a line that ends in a backslash continues on the next one. Bash
//! runs each command at the root of the repository, with the programs of the release build first on PATH. A
//! command that ends in `&` stays in the background until its block ends. A block after `<!-- slow -->` only
//! runs with `--slow`; a block after `<!-- not run: REASON -->` never runs.
//!
//! A fenced `text` block after `<!-- printed by: COMMAND -->` is compared: the command must print each of its
//! lines, in this order. The block may omit lines.

use anyhow::{Context, bail, ensure};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Seconds that a background command gets before the next command starts.
const HEAD_START_S: u64 = 2;

/// The commands and outputs of the README.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Readme {
    pub(crate) blocks: Vec<Block>,
    pub(crate) outputs: Vec<Output>,
}

/// The commands of one block.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// The line of the README on which the block starts.
    pub(crate) line: usize,
    pub(crate) commands: Vec<String>,
    pub(crate) run: Run,
}

/// When a block is run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Run {
    Always,
    /// Only with `--slow`.
    Slow,
    /// Never, for this reason.
    Never(String),
}

/// The expected output of a command.
#[derive(Debug, PartialEq)]
pub(crate) struct Output {
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) lines: Vec<String>,
}

/// Parses the commands and outputs of a README.
///
/// # Errors
/// A block is not closed, or an output has no lines.
pub(crate) fn parse(text: &str) -> anyhow::Result<Readme> {
    let mut readme = Readme::default();
    let mut hint: Option<String> = None;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(comment) = line.trim().strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
            hint = Some(comment.to_owned());
            continue;
        }
        let Some(language) = line.strip_prefix("```") else {
            if !line.trim().is_empty() {
                hint = None;
            }
            continue;
        };
        let mut content = Vec::new();
        loop {
            let (_, line) =
                lines.next().with_context(|| format!("README.md:{}: the block is not closed", number + 1))?;
            if line == "```" {
                break;
            }
            content.push(line.to_owned());
        }
        let hint = hint.take();
        match (language, &hint) {
            ("sh", hint) => {
                let run = run_of(hint.as_deref());
                readme.blocks.push(Block { line: number + 1, commands: commands(&content), run });
            }
            ("text", Some(hint)) => {
                if let Some(command) = hint.strip_prefix("printed by: ") {
                    ensure!(!content.is_empty(), "README.md:{}: the output has no lines", number + 1);
                    readme.outputs.push(Output {
                        line: number + 1,
                        command: command.to_owned(),
                        lines: content,
                    });
                }
            }
            _ => {}
        }
    }
    Ok(readme)
}

fn run_of(hint: Option<&str>) -> Run {
    match hint {
        Some("slow") => Run::Slow,
        Some(hint) => match hint.strip_prefix("not run: ") {
            Some(reason) => Run::Never(reason.to_owned()),
            None => Run::Always,
        },
        None => Run::Always,
    }
}

/// Joins lines that end in a backslash, and leaves out empty lines and comments.
fn commands(lines: &[String]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut open = false;
    for line in lines {
        let (line, goes_on) = match line.trim().strip_suffix('\\') {
            Some(line) => (line.trim_end(), true),
            None => (line.trim(), false),
        };
        match commands.last_mut().filter(|_| open) {
            Some(command) => {
                command.push(' ');
                command.push_str(line);
            }
            None if line.is_empty() || line.starts_with('#') => {}
            None => commands.push(line.to_owned()),
        }
        open = goes_on;
    }
    commands
}

/// Runs the commands in README.md and compares their outputs. `only` selects commands that contain this text.
///
/// # Errors
/// A command fails, or does not print what the README shows.
pub(crate) fn run(root: &Path, slow: bool, only: Option<&str>) -> anyhow::Result<()> {
    let path = root.join("README.md");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let readme = parse(&text)?;
    let wanted = |command: &str| only.is_none_or(|only| command.contains(only));
    remove_results(root, &readme)?;
    let (mut ran, mut left_out) = (0, 0);
    for block in &readme.blocks {
        let runs = match &block.run {
            Run::Always => true,
            Run::Slow => slow,
            Run::Never(_) => false,
        };
        if !runs {
            left_out += block.commands.len();
            continue;
        }
        let mut background = Background::default();
        for command in block.commands.iter().filter(|command| wanted(command)) {
            lb_io::print(format_args!("README.md:{}: $ {command}", block.line));
            let begun = Instant::now();
            match command.strip_suffix('&') {
                Some(command) => background.start(root, command.trim_end())?,
                None => {
                    let status = shell(root, command)?.status().context("failed to start bash")?;
                    ensure!(status.success(), "README.md:{}: `{command}` failed ({status})", block.line);
                }
            }
            lb_io::print(format_args!("README.md:{}: {:.1} s", block.line, begun.elapsed().as_secs_f64()));
            ran += 1;
        }
    }
    for output in readme.outputs.iter().filter(|output| wanted(&output.command)) {
        lb_io::print(format_args!("README.md:{}: compare the output of {}", output.line, output.command));
        let printed = shell(root, &output.command)?.output().context("failed to start bash")?;
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        if let Some(missing) = first_missing(&output.lines, &printed) {
            bail!(
                "README.md:{}: `{}` does not print this line at this position:\n{missing}\nit \
                prints:\n{printed}",
                output.line,
                output.command
            );
        }
    }
    lb_io::print(format_args!(
        "{ran} commands ran, {left_out} were skipped, {} outputs were compared",
        readme.outputs.len()
    ));
    Ok(())
}

/// Removes the results folders that the commands name, since `bench` refuses a folder that holds a run.
fn remove_results(root: &Path, readme: &Readme) -> anyhow::Result<()> {
    for folder in
        readme.blocks.iter().flat_map(|block| &block.commands).filter_map(|command| results_of(command))
    {
        let path = root.join(folder);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("failed to remove `{}`", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns the folder below `results/` that a command writes to.
fn results_of(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace();
    words.find(|word| *word == "--out")?;
    words.next().filter(|folder| folder.starts_with("results/") && !folder.contains(".."))
}

/// Returns the first of these lines that is not printed after the previous ones.
fn first_missing<'a>(lines: &'a [String], printed: &str) -> Option<&'a str> {
    let mut printed = printed.lines().map(str::trim_end);
    let mut lines = lines.iter().filter(|line| !line.trim().is_empty());
    lines.find(|line| !printed.any(|found| found == line.trim_end())).map(String::as_str)
}

/// Returns a command for bash at the root of the repository.
fn shell(root: &Path, command: &str) -> anyhow::Result<Command> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let programs = crate::python::target(root).join("release");
    let folders = std::iter::once(programs).chain(std::env::split_paths(&inherited));
    let path: OsString = std::env::join_paths(folders).context("failed to add a folder to PATH")?;
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", command]).current_dir(root).env("PATH", path).stdin(Stdio::null());
    Ok(bash)
}

/// Background commands, which are stopped when this is dropped.
#[derive(Default)]
struct Background {
    running: Vec<Child>,
}

impl Background {
    fn start(&mut self, root: &Path, command: &str) -> anyhow::Result<()> {
        // `exec`, so that stopping the child stops the program itself and not a shell around it.
        let child = shell(root, &format!("exec {command}"))?.process_group(0).spawn();
        let mut child = child.context("failed to start bash")?;
        std::thread::sleep(std::time::Duration::from_secs(HEAD_START_S));
        let ended = child.try_wait().context("failed to check a background command")?;
        if let Some(status) = ended {
            bail!("`{command}` ended immediately ({status})");
        }
        self.running.push(child);
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for child in &mut self.running {
            // An error means that the command has already ended, as intended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Title

```sh
bench plan   # check it
bench --topology a \\
    --users 3
```

<!-- slow -->
```sh
cargo xtask test
```

<!-- not run: it needs your own server -->

```sh
bench --url http://server:8080
```

<!-- printed by: bench algorithms -->
```text
round-robin
rl
```

```json
{}
```
";

    #[test]
    fn commands_and_outputs_are_read_with_their_lines() {
        let readme = parse(TEXT).expect("all blocks end");
        let block = |line, commands: &[&str], run| Block {
            line,
            commands: commands.iter().map(|command| (*command).to_owned()).collect(),
            run,
        };
        assert_eq!(
            readme.blocks,
            [
                block(3, &["bench plan   # check it", "bench --topology a --users 3"], Run::Always),
                block(10, &["cargo xtask test"], Run::Slow),
                block(16, &["bench --url http://server:8080"], Run::Never("it needs your own server".into())),
            ]
        );
        assert_eq!(readme.outputs.len(), 1, "blocks without a command are not compared");
        assert_eq!(readme.outputs[0].command, "bench algorithms");
        assert_eq!(readme.outputs[0].lines, ["round-robin", "rl"]);
        assert!(parse("```sh\nbench").is_err(), "a block without an end is a mistake");
    }

    #[test]
    fn printed_lines_must_come_in_order_with_anything_between_them() {
        let lines = ["a".to_owned(), String::new(), "c".to_owned()];
        assert_eq!(first_missing(&lines, "x\na  \nb\nc\n"), None);
        assert_eq!(first_missing(&lines, "c\na\n"), Some("c"));
        assert_eq!(first_missing(&lines, ""), Some("a"));
    }

    #[test]
    fn only_folders_of_results_are_removed_before_a_run() {
        assert_eq!(results_of("bench --engine sim --out results/monday  # x"), Some("results/monday"));
        for other in
            ["bench", "bench --out /tmp/x", "bench --out results/../src", "bench compare results/monday x"]
        {
            assert_eq!(results_of(other), None, "{other}");
        }
    }

    #[test]
    fn the_readme_of_this_repository_can_be_read() {
        let readme = parse(include_str!("../../README.md")).expect("README.md is well formed");
        assert!(!readme.blocks.is_empty(), "its commands are in `sh` blocks");
    }
}
