//! Programs that stand in for others: small shell scripts in a folder that comes first on PATH.

use super::Bench;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Keeps each call in `calls`. What asks for a state gets the arguments of the last call that changed it.
pub const RECORDS: &str = r#"echo "${0##*/} $*" >> "$BENCH_FOLDER/calls"
case " $* " in
*" get "* | *" describe-"*) cat "$BENCH_FOLDER/state" ;;
*) echo "$*" > "$BENCH_FOLDER/state" ;;
esac"#;

/// Puts a program on the PATH of [`command`].
pub fn program(bench: &Bench, name: &str, script: &str) {
    let folder = folder(bench);
    std::fs::create_dir_all(&folder).expect("a folder");
    // Written by another process: what a thread of this one starts meanwhile would hold the file open, and a
    // file that is open for writing cannot be run.
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(folder.join(name))
        .stdin(Stdio::piped())
        .spawn()
        .expect("every system has a shell");
    let mut stdin = shell.stdin.take().expect("standard input");
    write!(stdin, "#!/bin/sh\n{script}\n").expect("a script");
    drop(stdin);
    assert!(shell.wait().expect("it ends").success(), "the script is written");
}

/// `bench` with the programs first on its PATH. They find its folder in `BENCH_FOLDER`.
pub fn command(bench: &Bench, args: &[&str]) -> Command {
    let mut path = OsString::from(folder(bench));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = bench.command(args);
    command.env("PATH", path).env("BENCH_FOLDER", bench.dir.path());
    command
}

/// What the programs were called with, call by call.
pub fn calls(bench: &Bench) -> Vec<String> {
    let text = std::fs::read_to_string(bench.path("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn folder(bench: &Bench) -> PathBuf {
    bench.path("programs")
}
