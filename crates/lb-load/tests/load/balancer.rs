//! HAProxy as a balancer of connections (layer 4).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running HAProxy that passes on connections without looking into them.
pub(crate) struct Layer4 {
    process: Child,
    port: u16,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Layer4 {
    /// Starts it in front of servers: name, port, and whether the server gets connections from the start.
    pub(crate) fn start(servers: &[(&str, u16, bool)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("admin.sock");
        let port =
            TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("a socket").port();
        let servers: String = servers
            .iter()
            .map(|(name, port, enabled)| {
                let disabled = if *enabled { "" } else { " disabled" };
                format!("    server {name} 127.0.0.1:{port}{disabled}\n")
            })
            .collect();
        let config = format!(
            "global\n    stats socket {} mode 600 level admin\n\
             defaults\n    mode tcp\n    timeout connect 10s\n    timeout client 120s\n    timeout server 120s\n\
             listen main\n    bind 127.0.0.1:{port}\n    balance roundrobin\n{servers}",
            socket.display()
        );
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, config).expect("a writable folder");
        let process = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("HAProxy is installed");
        let balancer = Self { process, port, socket, _folder: folder };
        for _ in 0..1_000 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return balancer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("HAProxy does not listen on port {port}");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets a server have connections.
    pub(crate) fn enable(&self, server: &str) {
        let mut socket = UnixStream::connect(&self.socket).expect("HAProxy has an admin socket");
        writeln!(socket, "set server main/{server} state ready").expect("it listens");
        let mut reply = String::new();
        socket.read_to_string(&mut reply).expect("it answers");
        assert_eq!(reply.trim(), "", "it does what it is told");
    }
}

impl Drop for Layer4 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
