//! A small blocking HTTP client and topologies for the tests.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use lb_core::topology::Topology;
use mock_backends::{Config, Mocks};
use serde_json::{Value, json};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Names and values, in the order in which they came.
type Headers = Vec<(String, String)>;

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
        let own = headers.starts_with("host:") || headers.contains("\nhost:");
        let host = if own { "" } else { "host: localhost\r\n" };
        let kind = match body.is_empty() || headers.contains("content-type:") {
            true => "",
            false => "content-type: application/json\r\n",
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}content-length: {length}\r\n{kind}{headers}\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())
    }

    /// Returns the content type and the text of a reply that is not JSON.
    pub(crate) fn text(&mut self, path: &str) -> io::Result<(String, String)> {
        self.send("GET", path, "", "")?;
        let (_, headers, body) = self.raw()?;
        let kind = headers.into_iter().find(|(name, _)| name == "content-type");
        let text = String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok((kind.map(|(_, kind)| kind).unwrap_or_default(), text))
    }

    /// Sends a form and returns the status, the headers and the text of the page.
    pub(crate) fn page(
        &mut self,
        method: &str,
        path: &str,
        cookies: &str,
        form: &str,
    ) -> io::Result<(u16, Headers, String)> {
        let form_type = "content-type: application/x-www-form-urlencoded\r\n";
        self.send(method, path, &format!("{form_type}cookie: {cookies}\r\n"), form)?;
        let (status, headers, body) = self.raw()?;
        Ok((status, headers, String::from_utf8_lossy(&body).into_owned()))
    }

    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        let (status, headers, body) = self.raw()?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        Ok(Reply { status, headers, body })
    }

    /// Returns the status, the headers and the body of a reply.
    fn raw(&mut self) -> io::Result<(u16, Headers, Vec<u8>)> {
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
        Ok((status, headers, body))
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
