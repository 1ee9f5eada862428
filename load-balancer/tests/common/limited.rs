//! A load balancer that may open few files.

use super::{Backend, command, config};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// Starts a load balancer that may open `files` files, with two ports, and returns its process and their addresses.
pub(crate) fn start_with_limit(files: usize, config: &Value, stderr: Stdio) -> (Process, SocketAddr, String) {
    let (inner, file) = command(&config.to_string());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {files}; exec \"$@\"")).arg("sh").arg(inner.get_program());
    command.args(inner.get_args()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().expect("the binary starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut line).expect("the binary speaks");
    let start: Value = serde_json::from_str(&line).expect("the first line is JSON");
    let url = |key: &str| start[key].as_str().expect("start line has both URLs").to_owned();
    let address = url("url").trim_start_matches("http://").parse().expect("the URL has an address");
    (Process { child, _file: file }, address, url("admin"))
}

/// A load balancer; it stops when this is dropped.
pub(crate) struct Process {
    pub(crate) child: std::process::Child,
    _file: tempfile::NamedTempFile,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The config of a load balancer whose admin API has a port of its own.
pub(crate) fn two_ports(backends: &[&Backend], more: Value) -> Value {
    let mut config = config("round-robin", backends, more);
    config["listen"] = "127.0.0.1:0".into();
    config["admin_listen"] = "127.0.0.1:0".into();
    config
}
