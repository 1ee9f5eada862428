//! The peers of the comparisons: clients on core 0, whose CPU time is that of their processes, and nginx on core 1.

#![allow(dead_code, reason = "each benchmark uses some of the peers")]

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Users, or connections, of the comparisons.
pub(crate) const CONNECTIONS: u32 = 32;

/// One client in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
    pub(crate) user_us: f64,
}

pub(crate) fn verdict(rule: &str, holds: bool) {
    println!("{} {rule}", if holds { "yes:" } else { "NO: " });
}

/// Returns whether a program is installed.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

pub(crate) fn wrk(url: &str, seconds: u64) -> Result<Figures> {
    let duration = format!("-d{seconds}s");
    let connections = format!("-c{CONNECTIONS}");
    let (text, cpu) = pinned(Command::new("wrk").args(["-t1", &connections, &duration, url]))?;
    // "  1234567 requests in 5.00s, 12.34MB read"
    let line = text.lines().find(|line| line.contains(" requests in ")).context("wrk told nothing")?;
    let mut words = line.split_whitespace();
    let requests: f64 = words.next().context("no count")?.parse()?;
    let took: f64 = words.nth(2).context("no time")?.trim_end_matches("s,").parse()?;
    Ok(cpu.over(requests, took))
}

pub(crate) fn with_oha(oha: &str, url: &str, seconds: u64) -> Result<Figures> {
    let (connections, duration) = (CONNECTIONS.to_string(), format!("{seconds}s"));
    let options =
        ["--no-tui", "--output-format", "json", "-c", &connections, "-z", &duration, "--insecure", url];
    let (text, cpu) = pinned(Command::new(oha).args(options).env("TOKIO_WORKER_THREADS", "1"))?;
    let report: Value = serde_json::from_str(&text)?;
    let summary = |name: &str| report["summary"][name].as_f64().context("oha told nothing");
    let (rate, took) = (summary("requestsPerSec")?, summary("total")?);
    Ok(cpu.over(rate * took, took))
}

/// Runs h2load with this many connections, and as many streams at once on each.
pub(crate) fn h2load(url: &str, seconds: u64, connections: u32, streams: u32) -> Result<Figures> {
    let options = [format!("-c{connections}"), format!("-m{streams}"), format!("-D{seconds}")];
    let (text, cpu) = pinned(Command::new("h2load").arg("-t1").args(&options).arg(url))?;
    // "requests: 123 total, 123 started, 123 done, 123 succeeded, 0 failed, 0 errored, 0 timeout"
    let line = text.lines().find(|line| line.starts_with("requests: ")).context("h2load told nothing")?;
    let of = |word: &str| -> Result<f64> {
        let part = line.trim_start_matches("requests: ").split(", ").find(|part| part.ends_with(word));
        let number =
            part.and_then(|part| part.split(' ').next()).with_context(|| format!("no count of {word}"))?;
        Ok(number.parse()?)
    };
    ensure!(of("failed")? == 0.0 && of("errored")? == 0.0, "h2load: {line}");
    Ok(cpu.over(of("succeeded")?, seconds as f64))
}

/// This binary again, as a client in a process of its own.
pub(crate) fn this_binary(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--child").args(args);
    Ok(command)
}

/// CPU time in seconds.
pub(crate) struct Cpu {
    user: f64,
    system: f64,
}

impl Cpu {
    pub(crate) fn over(&self, requests: f64, seconds: f64) -> Figures {
        Figures {
            rate: requests / seconds,
            cpu_us: (self.user + self.system) * 1e6 / requests,
            user_us: self.user * 1e6 / requests,
        }
    }

    /// Of all children of this process that have ended (`proc(5)`: cutime and cstime of `stat`).
    fn of_children() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let (_, fields) = stat.rsplit_once(") ").context("an odd /proc/self/stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // Fields 16 and 17, counted from 1; the third one comes right after the name.
        let seconds = |number: usize| -> Result<f64> {
            Ok(fields[number - 3].parse::<f64>()? / rustix::param::clock_ticks_per_second() as f64)
        };
        Ok(Self { user: seconds(16)?, system: seconds(17)? })
    }
}

/// Runs a client on core 0 to its end; gives its output and its CPU time.
pub(crate) fn pinned(command: &mut Command) -> Result<(String, Cpu)> {
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            taskset.env(name, value);
        }
    }
    let before = Cpu::of_children()?;
    let output = taskset.stderr(Stdio::inherit()).output().context("run a client under taskset")?;
    let after = Cpu::of_children()?;
    ensure!(output.status.success(), "{:?} failed", command.get_program());
    let cpu = Cpu { user: after.user - before.user, system: after.system - before.system };
    Ok((String::from_utf8(output.stdout)?, cpu))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// The server, on core 1, with all its files in a folder of its own: HTTP/1.1 and HTTP/2, each with and without TLS.
pub(crate) struct Nginx {
    process: Child,
    ports: [u16; 4],
    _folder: tempfile::TempDir,
}

impl Nginx {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().display();
        let certificate = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        std::fs::write(folder.path().join("cert.pem"), certificate.cert.pem())?;
        std::fs::write(folder.path().join("key.pem"), certificate.signing_key.serialize_pem())?;
        // All are bound at once, so that no two are the same.
        let free: Vec<TcpListener> =
            (0..4).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let mut ports = [0; 4];
        for (port, listener) in ports.iter_mut().zip(&free) {
            *port = listener.local_addr()?.port();
        }
        drop(free);
        let servers: String = ports
            .iter()
            .zip(["", "ssl", "http2", "ssl http2"])
            .map(|(port, protocols)| {
                format!(
                    "server {{ listen 127.0.0.1:{port} {protocols} backlog=8192; location / {{ return 200; }} }}\n"
                )
            })
            .collect();
        let config = format!(
            "daemon off; worker_processes 1; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 16384; }}
             http {{
                 access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
                 fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;
                 scgi_temp_path {path}/scgi;
                 ssl_certificate {path}/cert.pem; ssl_certificate_key {path}/key.pem;
                 {servers}
             }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config)?;
        let process = Command::new("taskset")
            .args(["-c", "1", "nginx", "-c"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .context("start nginx (apt install nginx)")?;
        let server = Self { process, ports, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", ports[0])).is_err() {
            ensure!(Instant::now() < deadline, "nginx does not answer on port {}", ports[0]);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// HTTP/1.1 without TLS.
    pub(crate) fn http1(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// HTTP/1.1 over TLS.
    pub(crate) fn https1(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports[1])
    }

    /// HTTP/2 without TLS.
    pub(crate) fn http2(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[2])
    }

    /// HTTP/2 over TLS.
    pub(crate) fn https2(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports[3])
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it ends its worker too; killed, it would leave it behind.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}
