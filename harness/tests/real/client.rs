//! A client that hides nothing: HTTP/1.1 on one connection, never opened anew, never tried twice.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Generous: replies that are held take seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that has to live as long as its test.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// A reply that came whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Connects to the host of a URL.
    pub(crate) fn open(url: &str) -> Self {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.set_nodelay(true).expect("no delay");
        Self { stream: BufReader::new(stream) }
    }

    /// One request. Whatever is no whole reply on a connection that goes on is an error.
    pub(crate) fn get(&mut self, path: &str) -> Result<Reply, String> {
        let failed = |error: std::io::Error| format!("GET {path}: {error}");
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).map_err(failed)?;
        let status = self.line().map_err(failed)?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("GET {path}: the connection was closed"))?;
        let mut reply = Reply { status, headers: Vec::new(), body: String::new() };
        loop {
            let line = self.line().map_err(failed)?;
            let Some((name, value)) = line.split_once(':') else { break };
            reply.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let body = self.body(&reply).map_err(failed)?;
        reply.body = String::from_utf8_lossy(&body).into_owned();
        match reply.header("connection") {
            Some(said) if said.eq_ignore_ascii_case("close") => {
                Err(format!("GET {path}: the connection is about to be closed"))
            }
            _ => Ok(reply),
        }
    }

    /// As [`get`](Self::get), and the status has to be 200.
    pub(crate) fn get_ok(&mut self, path: &str) -> Result<Reply, String> {
        match self.get(path)? {
            reply if reply.status == 200 => Ok(reply),
            reply => Err(format!("GET {path}: {} {}", reply.status, reply.body)),
        }
    }

    fn body(&mut self, reply: &Reply) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if let Some(length) = reply.header("content-length").and_then(|length| length.parse().ok()) {
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
            return Ok(body);
        }
        // In chunks, which end with an empty one.
        loop {
            let size = self.line()?;
            let size = usize::from_str_radix(&size, 16).map_err(std::io::Error::other)?;
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
