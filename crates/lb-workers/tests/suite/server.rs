//! A NATS server of Debian's package as a child of the test, with a folder and a port of its own.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The program.
const PROGRAM: &str = "nats-server";

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    flags: Vec<String>,
    /// Such as `nats://127.0.0.1:20000`.
    pub(crate) url: String,
}

/// Returns whether the program is installed.
pub(crate) fn is_there() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file())
}

impl Server {
    /// Starts a server that keeps objects.
    pub(crate) fn start() -> Self {
        Self::start_with(&["-js"])
    }

    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Another program may take the port between the look and the start.
        for _ in 0..5 {
            let port = free_port();
            let mut child = spawn(folder.path(), port, flags);
            for _ in 0..200 {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    let (url, flags) =
                        (format!("nats://127.0.0.1:{port}"), flags.iter().map(ToString::to_string));
                    return Self { child, folder, port, flags: flags.collect(), url };
                }
                if child.try_wait().expect("a child").is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("nats-server did not start");
    }

    /// Starts the server again where it was, with what it kept.
    pub(crate) fn restart(&mut self) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        self.child = spawn(self.folder.path(), self.port, &flags);
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

fn spawn(folder: &Path, port: u16, flags: &[&str]) -> Child {
    Command::new(PROGRAM)
        .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
        .arg(folder)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server can be started")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds a port on which nothing listens, below the range from which the system gives ports to those that ask for any.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u32 = 12_000;
    static ASKED: AtomicU32 = AtomicU32::new(0);
    (0..COUNT)
        .map(|_| std::process::id().wrapping_mul(41).wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed)))
        .map(|place| FIRST + (place % COUNT) as u16)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of thousands of ports is free")
}
