//! How many instructions the load balancer executes per proxied request, as `valgrind --tool=callgrind` counts
//! them. Unlike times, counts hardly differ from run to run, even on a busy machine.
//!
//! `cargo bench -p load-balancer --bench instructions [-- --requests N --binary FILE]`
//!
//! One client sends N requests over one connection, one after the other, through a load balancer with one data
//! thread to a backend in this process. Two runs with different numbers of requests are told apart, so that
//! start and end of the process cancel out. `--binary` counts another build, such as one of an older commit.
//! Contenders: `plain`; `measured`, with a session of `/api/benchmark` under way, as `bench` uses it;
//! `measured-private`, the same with `"views": "per-thread"`; and three for what is read of requests that say
//! something: `query`, round-robin, under which nothing is read; `query-off`, the same with `hints.off`; and
//! `query-predicted`, `least-predicted-work`, which reads it and learns from it.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Requests of the shorter run: enough for connections and tables to be there.
const FIRST: u64 = 500;

const REPLY: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nhello, world\n";

struct Options {
    requests: u64,
    binary: PathBuf,
}

/// What differs between contenders.
struct Contender {
    name: &'static str,
    measured: bool,
    views: &'static str,
    algorithm: &'static str,
    /// Whether nothing is read of requests, whatever the algorithm.
    deaf: bool,
    target: &'static str,
}

const PLAIN: Contender = Contender {
    name: "plain",
    measured: false,
    views: "shared",
    algorithm: "round-robin",
    deaf: false,
    target: "/proxy/bench/hello",
};
const QUERY: Contender =
    Contender { name: "query", target: "/proxy/bench/hello/17?limit=500&sort=price", ..PLAIN };

const CONTENDERS: [Contender; 6] = [
    PLAIN,
    Contender { name: "measured", measured: true, ..PLAIN },
    Contender { name: "measured-private", measured: true, views: "per-thread", ..PLAIN },
    QUERY,
    Contender { name: "query-off", deaf: true, ..QUERY },
    Contender { name: "query-predicted", algorithm: "least-predicted-work", ..QUERY },
];

/// A process that is killed when the bench ends, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench -p load-balancer --bench instructions`");
        return ExitCode::SUCCESS;
    }
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options { requests: 5_000, binary: env!("CARGO_BIN_EXE_load-balancer").into() };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--requests" => options.requests = value.parse()?,
            "--binary" => options.binary = value.into(),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = start_backend()?;
    println!("{:<18} {:>22}", "name", "instructions/request");
    for contender in CONTENDERS {
        let count = |requests| count(options, folder.path(), backend, &contender, requests);
        let (few, many) = (count(FIRST)?, count(FIRST + options.requests)?);
        let per_request = many.saturating_sub(few) as f64 / options.requests as f64;
        println!("{:<18} {per_request:>22.0}", contender.name);
    }
    Ok(())
}

/// Instructions of a whole process that served `requests` requests.
fn count(
    options: &Options,
    folder: &Path,
    backend: SocketAddr,
    contender: &Contender,
    requests: u64,
) -> Result<u64> {
    let mut config = serde_json::json!({
        "listen": "127.0.0.1:0",
        "threads": 1,
        "algorithm": contender.algorithm,
        "views": contender.views,
        "pools": [{
            "name": "bench",
            "services": ["bench"],
            "backends": [{ "id": "b0", "url": format!("http://{backend}") }],
        }],
        "health": { "enabled": false },
    });
    if contender.deaf {
        config["hints"] = serde_json::json!({ "off": true });
    }
    let (file, counts) = (folder.join("config.json"), folder.join("callgrind.out"));
    fs::write(&file, config.to_string())?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", counts.display()));
    command.arg(&options.binary).arg("--config").arg(&file).arg("--exit-with-parent");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = command.spawn().map_err(|error| {
        format!("cannot start valgrind: {error}; install it with `apt-get install valgrind`")
    })?;
    let mut process = Process(child);
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
    let started: serde_json::Value = serde_json::from_str(&line)?;
    let address = started["url"].as_str().and_then(|url| url.strip_prefix("http://")).ok_or("no address")?;
    let mut client = Client::connect(address.parse()?)?;
    if contender.measured {
        client.ask("POST", "/api/benchmark/start")?;
    }
    for _ in 0..requests {
        client.ask("GET", contender.target)?;
    }
    drop(client);
    // The end of its standard input ends it.
    drop(process.0.stdin.take());
    if !process.0.wait()?.success() {
        return Err("the load balancer did not stop in good order".into());
    }
    let text = fs::read_to_string(&counts)?;
    let summary =
        text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    Ok(summary.ok_or("callgrind counted nothing")?.trim().parse()?)
}

/// A client with one connection.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one request and reads its reply, which must be a success with a length.
    fn ask(&mut self, method: &str, path: &str) -> Result<()> {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(format!("{method} {path} was answered by {line}").into());
        }
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        self.stream.read_exact(&mut vec![0; length])?;
        Ok(())
    }
}

/// A backend that answers every request in the same way, on threads of this process.
fn start_backend() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            stream.write_all(REPLY)?;
        }
    }
}
