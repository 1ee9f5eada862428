//! A PostgreSQL server of Debian's package, as a child of the test, with a folder, a socket and a port of its own.
//!
//! On its socket it trusts everybody; on its port it wants a password, and offers TLS. It does not run as root: where the
//! tests do, it is given to `nobody`.

use postgres::{Client, NoTls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The user and group `nobody` of Debian.
const NOBODY: u32 = 65_534;

pub(crate) const PASSWORD: &str = "open-sesame";

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    databases: AtomicU32,
}

/// Finds the folder of PostgreSQL's programs, which Debian does not put on PATH; that of the highest version.
pub(crate) fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    installed.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        std::cmp::Reverse(version.and_then(|version| version.parse::<u32>().ok()))
    });
    let has_all = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
    std::env::split_paths(&path).chain(installed).find(has_all)
}

impl Server {
    /// Makes a cluster and starts its server.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let give = |path: &Path| {
            if rustix::process::geteuid().is_root() {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
            }
        };
        give(folder.path());
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("a file");
        give(&password);
        for name in certificates(folder.path()) {
            give(&folder.path().join(name));
        }
        let data = folder.path().join("data");
        let made = command("initdb", folder.path())
            .args(["--username=bench", "--auth-local=trust", "--auth-host=scram-sha-256"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg(format!("--pwfile={}", password.display()))
            .arg(&data)
            .output()
            .expect("initdb can be started");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        // Another program may take the port between the look and the start.
        for _ in 0..5 {
            let port = free_port();
            let mut child = command("postgres", folder.path())
                .arg("-D")
                .arg(&data)
                .arg("-k")
                .arg(folder.path())
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "ssl=on"])
                .arg("-c")
                .arg(format!("ssl_cert_file={}", folder.path().join("server.pem").display()))
                .arg("-c")
                .arg(format!("ssl_key_file={}", folder.path().join("server.key").display()))
                .arg("-p")
                .arg(port.to_string())
                .stderr(std::fs::File::create(folder.path().join("log")).expect("a log"))
                .spawn()
                .expect("postgres can be started");
            let url = on_socket(folder.path(), port, "postgres");
            for _ in 0..300 {
                if Client::connect(&url, NoTls).is_ok() {
                    return Self { child, folder, port, databases: AtomicU32::new(0) };
                }
                if child.try_wait().expect("a child").is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL did not start: {log}");
    }

    /// Makes an empty database and returns its URL, on the socket.
    pub(crate) fn database(&self) -> String {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let url = on_socket(self.folder.path(), self.port, "postgres");
        let mut client = Client::connect(&url, NoTls).expect("it listens");
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a name that is free");
        on_socket(self.folder.path(), self.port, &name)
    }

    /// The certificate of the authority that signed the server's.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_socket(folder: &Path, port: u16, database: &str) -> String {
    format!("postgres://bench@/{database}?host={}&port={port}", folder.display())
}

/// Returns a command of PostgreSQL's, which refuses to run as root.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs().expect("PostgreSQL is installed").join(program));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Writes an authority and a certificate for the server's address, and returns the names of the files.
fn certificates(folder: &Path) -> [&'static str; 3] {
    let key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(authority, key);
    let own_key = KeyPair::generate().expect("a key");
    let own = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).expect("two names");
    let own = own.signed_by(&own_key, &issuer).expect("a certificate");
    let files =
        [("ca.pem", certificate.pem()), ("server.pem", own.pem()), ("server.key", own_key.serialize_pem())];
    files.map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its owner may");
        name
    })
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
