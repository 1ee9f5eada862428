//! A Prometheus server of Debian's package, as a child of the test with a port and a folder of its own.

use crate::common::{Bench, free_port, pair, refused};
use crate::{SHORT, scraped, series};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Finds the program on PATH.
pub(crate) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|program| program.is_file())
}

/// A server that reads its own metrics every second, and ends with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts it, and waits until it has read itself twice, so that there are rates.
    fn start(bench: &Bench) -> Self {
        let port = free_port();
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: own\n  static_configs: [{{ targets: ['127.0.0.1:{port}'] }}]\n"
        );
        let file = bench.path("prometheus.yml");
        std::fs::write(&file, config).expect("a config");
        let child = Command::new(program().expect("Prometheus is on PATH"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", bench.path("storage").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Prometheus can be started");
        let server = Self { child, port };
        for _ in 0..300 {
            let query = "/api/v1/query?query=rate(process_cpu_seconds_total%5B10s%5D)";
            if server.get(query).is_some_and(|answer| answer.contains("\"value\"")) {
                return server;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("Prometheus has read itself within 30 s");
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn queries() {
    let bench = Bench::new();
    let server = Server::start(&bench);
    let url = server.url();
    let cpu = format!("cpu={url}?query=rate(process_cpu_seconds_total{{job=\"own\"}}[10s])");
    let memory = format!("{url}?query=process_resident_memory_bytes%20%2F%201e6");
    let states = format!("requests={url}/?query=sum by (code) (prometheus_http_requests_total)");
    let (summary, _) = scraped(&bench, &[&cpu, &memory, &states], &["--topology", &pair(&bench)]);
    assert!(series(&summary, "cpu")["samples"].as_u64() >= Some(2), "{}", series(&summary, "cpu"));
    assert!(series(&summary, "process_resident_memory_bytes / 1e6")["mean"].as_f64() > Some(1.0));
    let resources = summary["scenarios"][0]["algorithms"][0]["resources"].as_array().expect("a list");
    let requests = resources.iter().filter(|one| one["target"] == "requests").count();
    assert!(requests >= 1, "a result has as many series as it has elements: {resources:?}");

    for (query, part) in [
        ("rate(a[1m]", "Prometheus refused the query"),
        ("up[1m]", "the result of the query is a range of values; ask for an instant vector"),
        ("\"text\"", "is a text"),
    ] {
        let target = format!("{url}?query={query}");
        refused(&bench, &[&SHORT[..], &["--scrape", &target]].concat(), 3, &[part, "failed to scrape"]);
    }
    // A page is not an answer to a query, and a server without the API says so by its status.
    refused(
        &bench,
        &[&SHORT[..], &["--scrape", &format!("{url}/graph?query=up")]].concat(),
        3,
        &["failed to scrape"],
    );
}

pub(crate) fn page() {
    let bench = Bench::new();
    let server = Server::start(&bench);
    let go = format!("threads={}/metrics#go_goroutines", server.url());
    let own = format!("prom={}", server.url());
    let (summary, _) = scraped(&bench, &[&own, &go], &["--topology", &pair(&bench)]);
    assert!(series(&summary, "prom memory")["mean"].as_f64() > Some(1e6));
    assert_eq!(series(&summary, "prom cpu")["unit"], "cores");
    assert!(series(&summary, "threads")["mean"].as_f64() > Some(1.0));
}
