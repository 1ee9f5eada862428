//! What one proxied request costs, beside HAProxy and nginx in the same run, and what the learned policy and
//! traces add to that.
//!
//! `cargo bench -p load-balancer --bench proxy [-- --rounds N --seconds S --only NAME,NAME --binary FILE]`
//!
//! Contenders: `haproxy`, `nginx`, `ours` (round-robin), `ours-measured` (the same with a session of
//! `/api/benchmark` under way, as `bench` has it), `ours-2` and `ours-measured-2` (with two data threads),
//! `ours-private-2` (measured, two data threads with private views), `rl` (the policy that comes with `bench`),
//! `ours-traced` and `rl-traced` (every decision written as Parquet, by a thread on the same core), and with
//! `--binary` also `other` and `other-measured`: the same as `ours` and `ours-measured` with another build of the
//! load balancer. `haproxy-tls` and `ours-tls` are for clients that speak TLS 1.3, with the same cipher and the same
//! P-256 key, over connections that are kept. Ratios are to the first that runs (`--only haproxy-tls,ours-tls` compares
//! these two); those of the other build are paired round by round.
//!
//! Core 0 has the load balancer under test and nothing else; core 1 has the client (wrk) and a
//! trivial nginx on four ports. Two data threads have both cores, because only threads that run at the same time
//! can get into each other's way: compare their contenders with each other, not with the rest. The contenders take turns within each round, so that a machine that
//! is busy for a while is busy for all of them. Requests/s depends on what else runs; CPU time per
//! request (user and system, from `/proc/PID/stat`) depends on it less, and is the figure to watch. On a machine
//! that others use at the same time, the best round is the one that was disturbed least.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const BACKENDS: usize = 4;
const CONNECTIONS: usize = 32;
/// Where the load balancer under test runs, and where everything else does.
const CORES: [&str; 2] = ["0", "1"];
/// Ticks a second in `/proc/PID/stat`: fixed on Linux for all that user space sees.
const TICKS: f64 = 100.0;

struct Options {
    rounds: usize,
    seconds: u64,
    only: Option<String>,
    /// Another build of the load balancer.
    binary: Option<String>,
}

/// A process that is killed when the bench ends, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Contender {
    name: &'static str,
    process: Process,
    url: String,
    rates: Vec<f64>,
    costs: Vec<f64>,
    /// The part of `costs` that the thread has that writes traces.
    writing: Vec<f64>,
    /// Median and 99th percentile of latency in milliseconds.
    latencies: [Vec<f64>; 2],
}

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench -p load-balancer --bench proxy`");
        return ExitCode::SUCCESS;
    }
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options { rounds: 3, seconds: 5, only: None, binary: None };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--rounds" => options.rounds = value.parse()?,
            "--seconds" => options.seconds = value.parse()?,
            "--only" => options.only = Some(value),
            "--binary" => options.binary = Some(value),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    check_tools()?;
    let folder = tempfile::tempdir()?;
    write_certificate(folder.path())?;
    let backends = free_ports(BACKENDS)?;
    let _upstream = start_upstream(folder.path(), &backends)?;
    wait_for(&backends)?;
    let mut contenders = Vec::new();
    type Start<'a> = &'a dyn Fn(&Path, u16, &[u16]) -> Result<Process>;
    let other = Ours { binary: options.binary.as_deref().unwrap_or_default(), ..Ours::PLAIN };
    let starts: [(&str, Start); 14] = [
        ("haproxy", &start_haproxy),
        ("nginx", &start_nginx),
        ("ours", &|folder, port, backends| start_ours(folder, port, backends, &Ours::PLAIN)),
        ("ours-measured", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { measured: true, ..Ours::PLAIN })
        }),
        ("ours-2", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { threads: 2, ..Ours::PLAIN })
        }),
        ("ours-measured-2", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { threads: 2, measured: true, ..Ours::PLAIN })
        }),
        ("ours-private-2", &|folder, port, backends| {
            let ours = Ours { threads: 2, measured: true, views: "per-thread", ..Ours::PLAIN };
            start_ours(folder, port, backends, &ours)
        }),
        ("rl", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { algorithm: "rl", ..Ours::PLAIN })
        }),
        ("ours-traced", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { traced: true, ..Ours::PLAIN })
        }),
        ("rl-traced", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { algorithm: "rl", traced: true, ..Ours::PLAIN })
        }),
        ("haproxy-tls", &|folder, port, backends| start_haproxy_with(folder, port, backends, true)),
        ("ours-tls", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { tls: true, ..Ours::PLAIN })
        }),
        ("other", &|folder, port, backends| start_ours(folder, port, backends, &other)),
        ("other-measured", &|folder, port, backends| {
            start_ours(folder, port, backends, &Ours { measured: true, ..other })
        }),
    ];
    let wanted = |name: &str| match (&options.only, name.starts_with("other")) {
        (Some(only), _) => only.split(',').any(|it| it == name),
        (None, is_other) => !is_other || options.binary.is_some(),
    };
    for (name, start) in starts {
        if !wanted(name) {
            continue;
        }
        let port = free_ports(1)?[0];
        let process = start(folder.path(), port, &backends)?;
        wait_for(&[port])?;
        let scheme = if name.ends_with("-tls") { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{port}/proxy/bench/hello");
        let (rates, costs, writing, latencies) = Default::default();
        contenders.push(Contender { name, process, url, rates, costs, writing, latencies });
    }
    for contender in &mut contenders {
        measure(contender, 1)?;
        contender.rates.clear();
        contender.costs.clear();
        contender.writing.clear();
        contender.latencies = Default::default();
    }
    println!("{:>5}  {:<15} {}", "round", "name", Figures::HEAD);
    for round in 1..=options.rounds {
        for contender in &mut contenders {
            measure(contender, options.seconds)?;
            let figures = contender.figures(|values| values[round - 1]);
            println!("{round:>5}  {:<15} {figures}", contender.name);
        }
    }
    summarise(&contenders);
    for (name, other) in [("ours", "other"), ("ours-measured", "other-measured")] {
        let costs = |name: &str| contenders.iter().find(|it| it.name == name).map(|it| it.costs.as_slice());
        if let (Some(these), Some(others)) = (costs(name), costs(other)) {
            let mut ratios: Vec<f64> = these.iter().zip(others).map(|(this, other)| this / other).collect();
            ratios.sort_by(f64::total_cmp);
            println!(
                "{name} / {other}: {:.3}x the CPU per request, round by round ({:.3} to {:.3})",
                median(&ratios),
                ratios[0],
                ratios[ratios.len() - 1],
            );
        }
    }
    Ok(())
}

/// What one round, or several, came to.
struct Figures {
    rate: f64,
    cost: f64,
    writing: f64,
    p50: f64,
    p99: f64,
}

impl Figures {
    const HEAD: &str = "requests/s  CPU us/request  of it traces   p50 ms   p99 ms";
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, cost, writing, p50, p99 } = self;
        write!(f, "{rate:>10.0} {cost:>15.2} {writing:>13.2} {p50:>8.3} {p99:>8.3}")
    }
}

impl Contender {
    fn figures(&self, of: impl Fn(&[f64]) -> f64) -> Figures {
        let [p50, p99] = self.latencies.each_ref().map(|values| of(values));
        Figures { rate: of(&self.rates), cost: of(&self.costs), writing: of(&self.writing), p50, p99 }
    }

    /// The figures of the round with the least CPU per request.
    fn best(&self) -> Figures {
        let rounds = 0..self.costs.len();
        let best = rounds.min_by(|a, b| self.costs[*a].total_cmp(&self.costs[*b])).unwrap_or_default();
        self.figures(|values| values[best])
    }
}

/// How the rounds of a contender become one line.
type Summary = fn(&Contender) -> Figures;

fn summarise(contenders: &[Contender]) {
    let lines: [(&str, Summary); 2] =
        [("medians", |contender| contender.figures(median)), ("least disturbed rounds", Contender::best)];
    for (what, figures) in lines {
        println!("\n{what}");
        let first = figures(&contenders[0]);
        for contender in contenders {
            let these = figures(contender);
            println!(
                "       {:<15} {these}   {:.3}x the requests/s, {:.3}x the CPU per request of {}",
                contender.name,
                these.rate / first.rate,
                these.cost / first.cost,
                contenders[0].name,
            );
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// One burst of wrk against one contender.
fn measure(contender: &mut Contender, seconds: u64) -> Result<()> {
    let pid = contender.process.0.id();
    let stat = format!("/proc/{pid}/stat");
    let before = (cpu_seconds(&stat)?, writing_seconds(pid)?);
    let output = pinned(CORES[1], "wrk")
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "--latency", &contender.url])
        .stdout(Stdio::piped())
        .output()?;
    let (cpu, writing) = (cpu_seconds(&stat)? - before.0, writing_seconds(pid)? - before.1);
    let text = String::from_utf8(output.stdout)?;
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("{} failed requests:\n{text}", contender.name).into());
    }
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .ok_or_else(|| format!("wrk said nothing usable:\n{text}"))?
        .0
        .parse::<f64>()?;
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .ok_or("wrk gave no rate")?
        .trim()
        .parse::<f64>()?;
    for (name, values) in ["50%", "99%"].iter().zip(&mut contender.latencies) {
        let latency = text.lines().find_map(|line| line.trim().strip_prefix(name));
        values.push(millis(latency.ok_or("wrk gave no latency")?.trim())?);
    }
    contender.rates.push(rate);
    contender.costs.push(cpu * 1e6 / requests);
    contender.writing.push(writing * 1e6 / requests);
    Ok(())
}

/// A time as wrk writes it: `812.00us`, `1.25ms`, `1.02s`.
fn millis(text: &str) -> Result<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let read = |(unit, factor): (&str, f64)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor);
    units.into_iter().find_map(read).ok_or_else(|| format!("`{text}` is not a time").into())
}

/// The same of the thread of a process that writes traces; 0 if it has none.
fn writing_seconds(pid: u32) -> Result<f64> {
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let folder = thread?.path();
        if fs::read_to_string(folder.join("comm"))?.trim() == "traces" {
            return cpu_seconds(&folder.join("stat").to_string_lossy());
        }
    }
    Ok(0.0)
}

/// User and system time of a process or a thread.
fn cpu_seconds(stat: &str) -> Result<f64> {
    let stat = fs::read_to_string(stat)?;
    // The second field, the name, may hold blanks; everything after its bracket is numbers.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = (ticks(11).ok_or("no user time")?, ticks(12).ok_or("no system time")?);
    Ok((user + system) / TICKS)
}

fn check_tools() -> Result<()> {
    let tools = [("wrk", "wrk"), ("nginx", "nginx"), ("haproxy", "haproxy"), ("taskset", "util-linux")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let missing: Vec<_> = tools
        .iter()
        .filter(|(tool, _)| !folders.iter().any(|folder| folder.join(tool).is_file()))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("tools are missing; install them with `apt-get install {}`", missing.join(" ")).into())
}

fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    Ok(listeners.iter().map(|it| it.local_addr().map(|it| it.port())).collect::<std::io::Result<_>>()?)
}

fn wait_for(ports: &[u16]) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(10);
    for port in ports {
        while TcpStream::connect(("127.0.0.1", *port)).is_err() {
            if Instant::now() > limit {
                return Err(format!("nothing listens on port {port}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn pinned(core: &str, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core, program]).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn start(mut command: Command) -> Result<Process> {
    // taskset replaces itself by the program, so its id is the program's.
    Ok(Process(command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?))
}

fn nginx(folder: &Path, name: &str, core: &str, http: &str) -> Result<Process> {
    let prefix = folder.join(name);
    fs::create_dir_all(prefix.join("logs"))?;
    let config = format!(
        "worker_processes 1; master_process off; daemon off; pid nginx.pid;\n\
         error_log logs/error.log crit;\n\
         events {{ worker_connections 2048; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n\
         client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n\
         {http} }}\n"
    );
    let file = prefix.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = pinned(core, "nginx");
    command.arg("-p").arg(&prefix).arg("-c").arg(&file);
    command.args(["-e", "logs/error.log"]);
    start(command)
}

fn start_upstream(folder: &Path, ports: &[u16]) -> Result<Process> {
    let mut listen = String::new();
    for port in ports {
        write!(listen, "listen 127.0.0.1:{port} backlog=1024; ")?;
    }
    let server = format!(
        "server {{ {listen} location / {{ default_type text/plain; return 200 \"hello, world\\n\"; }} }}"
    );
    nginx(folder, "upstream", CORES[1], &server)
}

fn start_nginx(folder: &Path, port: u16, backends: &[u16]) -> Result<Process> {
    let servers: String = backends.iter().fold(String::new(), |mut text, backend| {
        let _ = write!(text, "server 127.0.0.1:{backend}; ");
        text
    });
    let http = format!(
        "upstream all {{ {servers} keepalive 64; keepalive_requests 1000000000; }}\n\
         server {{ listen 127.0.0.1:{port} backlog=1024;\n\
         location / {{ proxy_pass http://all; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }}"
    );
    nginx(folder, "proxy", CORES[0], &http)
}

/// Writes a certificate and its key as both load balancers read them.
fn write_certificate(folder: &Path) -> Result<()> {
    let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    fs::write(folder.join("cert.pem"), &certificate)?;
    fs::write(folder.join("key.pem"), &key)?;
    fs::write(folder.join("both.pem"), format!("{certificate}{key}"))?;
    Ok(())
}

fn start_haproxy(folder: &Path, port: u16, backends: &[u16]) -> Result<Process> {
    start_haproxy_with(folder, port, backends, false)
}

fn start_haproxy_with(folder: &Path, port: u16, backends: &[u16], tls: bool) -> Result<Process> {
    // The cipher that rustls prefers.
    let secure = match tls {
        true => format!(
            " ssl crt {} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_256_GCM_SHA384",
            folder.join("both.pem").display()
        ),
        false => String::new(),
    };
    let mut config = format!(
        "global\n  nbthread 1\n  maxconn 2000\n\
         defaults\n  mode http\n  option http-keep-alive\n  http-reuse always\n\
         \x20 timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n\
         frontend in\n  bind 127.0.0.1:{port}{secure}\n  default_backend all\n\
         backend all\n  balance roundrobin\n"
    );
    for (i, backend) in backends.iter().enumerate() {
        writeln!(config, "  server s{i} 127.0.0.1:{backend}")?;
    }
    let file = folder.join(format!("haproxy-{port}.cfg"));
    fs::write(&file, config)?;
    let mut command = pinned(CORES[0], "haproxy");
    command.arg("-db").arg("-f").arg(&file);
    start(command)
}

/// How a load balancer of ours is started.
#[derive(Clone, Copy)]
struct Ours<'a> {
    binary: &'a str,
    algorithm: &'static str,
    threads: usize,
    views: &'static str,
    /// Whether a session of `/api/benchmark` is active.
    measured: bool,
    traced: bool,
    tls: bool,
}

impl Ours<'_> {
    const PLAIN: Self = Self {
        binary: env!("CARGO_BIN_EXE_load-balancer"),
        algorithm: "round-robin",
        threads: 1,
        views: "shared",
        measured: false,
        traced: false,
        tls: false,
    };
}

fn start_ours(folder: &Path, port: u16, backends: &[u16], ours: &Ours) -> Result<Process> {
    let backends: Vec<_> = backends
        .iter()
        .enumerate()
        .map(|(i, port)| {
            serde_json::json!({ "id": format!("b{i}"), "url": format!("http://127.0.0.1:{port}") })
        })
        .collect();
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/policies/default.safetensors");
    let mut config = serde_json::json!({
        "listen": format!("127.0.0.1:{port}"),
        "threads": ours.threads,
        "views": ours.views,
        "algorithm": ours.algorithm,
        "policy_file": policy,
        "pools": [{ "name": "bench", "services": ["bench"], "backends": backends }],
        "health": { "path": "/" },
    });
    if ours.tls {
        config["tls"] = serde_json::json!({ "certificate": "cert.pem", "key": "key.pem" });
    }
    if ours.traced {
        config["traces"] = serde_json::json!({ "folder": folder.join("traces") });
    }
    let file = folder.join(format!("ours-{port}.json"));
    fs::write(&file, serde_json::to_string_pretty(&config)?)?;
    let cores = if ours.threads > 1 { CORES.join(",") } else { CORES[0].to_owned() };
    let mut command = pinned(&cores, ours.binary);
    command.arg("--config").arg(&file);
    let process = start(command)?;
    if ours.measured {
        wait_for(&[port])?;
        start_measurement(port)?;
    }
    Ok(process)
}

/// Starts a session of `/api/benchmark`, which lasts as long as the process.
fn start_measurement(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream
        .write_all(b"POST /api/benchmark/start HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    match reply.starts_with("HTTP/1.1 200") {
        true => Ok(()),
        false => Err(format!("no measurement was started: {reply}").into()),
    }
}
