//! A small blocking HTTP client and topologies for the tests.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use lb_core::topology::Topology;
use mock_backends::{Config, Mocks};
use serde_json::{Value, json};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A reply, read in full.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// One keep-alive connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects to an address such as `http://127.0.0.1:4000`.
    pub(crate) fn connect(url: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address(url))?;
        // Far beyond every answer here: only a broken test waits for so long.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())
    }

    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        let status = self.line()?.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Reply { status, headers, body: serde_json::from_slice(&body)? })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    pub(crate) fn call(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Reply> {
        self.send(method, path, headers, body)?;
        self.receive()
    }
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().expect("announced addresses are socket addresses")
}

/// One request on a connection of its own.
pub(crate) fn call(url: &str, method: &str, path: &str, body: &str) -> Reply {
    let mut client = Client::connect(url).expect("the server listens");
    client.call(method, path, "", body).expect("the server replies")
}

pub(crate) fn get(url: &str, path: &str) -> Reply {
    call(url, "GET", path, "")
}

pub(crate) fn post(url: &str, path: &str, body: &str) -> Reply {
    call(url, "POST", path, body)
}

/// Two backends, one worker and one waiting place each. Requests take a tenth of a millisecond, but
/// a minute on `/api/inventory/all`.
pub(crate) fn topology() -> Value {
    json!({
        "name": "test",
        "pools": [{ "name": "main", "backends": [
            { "id": "b1", "workers": 1, "queue_cap": 1 },
            { "id": "b2", "workers": 1, "queue_cap": 1, "weight": 2.0 },
        ]}],
        "routes": [{
            "path": "/api/inventory/all",
            "service_time": { "distribution": "constant", "mean_ms": 60_000.0 },
        }],
        "service_time": { "distribution": "constant", "mean_ms": 0.1 },
    })
}

pub(crate) fn start() -> Mocks {
    let topology: Topology = serde_json::from_value(topology()).expect("the topology is valid");
    Mocks::start(Config::new(topology)).expect("free ports can be had")
}

/// The path that takes a minute.
pub(crate) const SLOW: &str = "/api/inventory/all";
/// A path that takes no time.
pub(crate) const FAST: &str = "/api/inventory/product/PHONE-001";

/// The state of a backend as the control API shows it.
pub(crate) fn state(mocks: &Mocks, id: &str) -> Value {
    let reply = get(&mocks.announcement().control, "/backends").body;
    let mut backends = reply["backends"].as_array().expect("a list").iter();
    backends.find(|backend| backend["id"] == id).cloned().expect("the backend is listed")
}

/// Waits until the state of a backend is as wished.
pub(crate) fn wait_for(mocks: &Mocks, id: &str, what: &str, wish: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2_000 {
        let state = state(mocks, id);
        if wish(&state) {
            return state;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{id} must come to this: {what}; it is {}", state(mocks, id));
}
