//! Requests that hide another request: hundreds of gadgets, each of which some recipient understands differently from
//! another. The backend behind the load balancer is strict. It must never see the hidden request, nor anything that
//! is not exactly HTTP/1.1.

mod common;

use common::{Backend, Balancer, Client};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The least number of gadgets that must be tried.
const LEAST: usize = 300;

/// The request that must not get through, as a client would send it and as a backend would see it.
const HIDDEN: &str = "GET /proxy/svc/hidden HTTP/1.1\r\nHost: h\r\n\r\n";

/// A name for failures, and the bytes.
type Gadget = (String, Vec<u8>);

fn gadget(name: impl Into<String>, text: impl AsRef<[u8]>) -> Gadget {
    (name.into(), text.as_ref().to_vec())
}

/// The hidden request as the data of a chunk.
fn chunk_of_hidden() -> String {
    format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len())
}

/// A head with these fields.
fn post(fields: &[&[u8]]) -> Vec<u8> {
    let mut head = b"POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\n".to_vec();
    for field in fields {
        head.extend_from_slice(field);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Ways to spell a transfer coding that some recipient takes for `chunked`, or does not.
const CODINGS: &[&[u8]] = &[
    b"chunked",
    b"Chunked",
    b"CHUNKED",
    b"cHuNkEd",
    b" chunked",
    b"\tchunked",
    b"chunked ",
    b"chunked\t",
    b"xchunked",
    b"chunkedx",
    b"chunk",
    b"\"chunked\"",
    b"'chunked'",
    b"chunked;",
    b"chunked;q=0.5",
    b"chunked, identity",
    b"identity, chunked",
    b"identity",
    b"gzip, chunked",
    b"chunked, gzip",
    b"chunked, chunked",
    b",chunked",
    b"chunked,",
    b",,chunked",
    b"chunked identity",
    b"identity chunked",
    b"\x0bchunked",
    b"\x0cchunked",
    b"\x00chunked",
    b"chunked\x00",
    b"\x7fchunked",
    b"\xa0chunked",
    b"\xffchunked",
    b"chunked\xff",
    b"chunked\x0b",
    b"chunked\x0c",
    b"chunked\x08",
    b"\x01chunked",
    b"chunked\r",
    b"\rchunked",
    b"\nchunked",
    b"\n chunked",
    b"\r\n chunked",
    b"\r\n\tchunked",
    b"chun\r\n ked",
    b"chunked\r\n ",
    b"%63hunked",
    b"chunked/1",
    b"chunked=1",
    b"",
    b"0",
    b"true",
    b"cow",
    b"chunked\nX: y",
    b"chunked\rX: y",
    b"x\r\n\r\nchunked",
];

/// Ways to spell `Transfer-Encoding:` that some recipient takes for it, or does not.
const CODING_NAMES: &[&[u8]] = &[
    b"Transfer-Encoding :",
    b"Transfer-Encoding\t:",
    b" Transfer-Encoding:",
    b"\tTransfer-Encoding:",
    b"Transfer_Encoding:",
    b"Transfer Encoding:",
    b"Transfer-Encoding\x00:",
    b"\x00Transfer-Encoding:",
    b"X: y\nTransfer-Encoding:",
    b"X: y\rTransfer-Encoding:",
    b"X: y\r\n Transfer-Encoding:",
    b"X: y\r\n\tTransfer-Encoding:",
    b"Transfer-Encoding::",
    b"Transfer-Encoding;:",
    b"\"Transfer-Encoding\":",
    b"Transfer-Encoding\x0b:",
    b"Transfer-Encoding\xa0:",
    b"Transfer-\xc3\x89ncoding:",
    b"Transfer-Encoding\r\n :",
    b"Transfer-Encoding\r\n:",
    b":Transfer-Encoding:",
    b"Transfer-Encoding",
    b"Transfer-Encoding\r:",
    b"Transfer-Encoding\n:",
    b"Content-Encoding:",
    b"TE:",
    b"X-Transfer-Encoding:",
    b"Transfer-Encoding-X:",
    b"Transfer--Encoding:",
    b"Transfer.Encoding:",
];

/// Ways to give a length that some recipient reads as another one.
const LENGTHS: &[&[u8]] = &[
    b"+LEN",
    b"-LEN",
    b" LEN x",
    b"LEN,",
    b"LEN, LEN",
    b"LEN,LEN",
    b"LEN LEN",
    b"LEN;",
    b"LEN;x",
    b"LEN.0",
    b"LENe0",
    b"0xLEN",
    b"LENx",
    b"\"LEN\"",
    b"'LEN'",
    b"\x0bLEN",
    b"\x0cLEN",
    b"LEN\x00",
    b"\x00LEN",
    b"LEN\xa0",
    b"\r\n LEN",
    b"LEN\r\n 0",
    b"LEN\r",
    b"\rLEN",
    b"LEN\n",
    b"\nLEN",
    b"1_0",
    b"0LENh",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"4294967296x",
    b"-0",
    b"+0",
    b"0x0",
    b"",
    b"NaN",
    b"0, LEN",
    b"LEN, 0",
    b"0\r\nContent-Length: LEN",
    b"LEN\r\nContent-Length: 0",
    b"LEN\r\nContent-Length: LEN",
    b"0\r\ncontent-length : LEN",
    b"LEN\r\n Content-Length: 0",
    b"0\nContent-Length: LEN",
    b"0\rContent-Length: LEN",
];

/// Framings of a chunked body, before which stands a sound head. `HIDDEN` stands for the hidden request and `SIZE`
/// for its length.
const CHUNKS: &[&str] = &[
    "0\n\nHIDDEN",
    "0\r\n\nHIDDEN",
    "0\n\r\nHIDDEN",
    "0\r\r\nHIDDEN",
    "0\rX\r\n\r\nHIDDEN",
    "0 x\r\n\r\nHIDDEN",
    " 0\r\n\r\nHIDDEN",
    "\t0\r\n\r\nHIDDEN",
    "+0\r\n\r\nHIDDEN",
    "-0\r\n\r\nHIDDEN",
    "-1\r\n\r\nHIDDEN",
    "0x0\r\n\r\nHIDDEN",
    "0X0\r\n\r\nHIDDEN",
    "0h\r\n\r\nHIDDEN",
    "0_0\r\n\r\nHIDDEN",
    "0.0\r\n\r\nHIDDEN",
    "\r\n0\r\n\r\nHIDDEN",
    "\n0\r\n\r\nHIDDEN",
    "\r\n\r\nHIDDEN",
    ";x\r\n\r\nHIDDEN",
    "x\r\n\r\nHIDDEN",
    "10000000000000000\r\n\r\nHIDDEN",
    "ffffffffffffffff\r\nHIDDEN",
    "fffffffffffffffff0\r\n\r\nHIDDEN",
    "100000000000000000000000000000000\r\n\r\nHIDDEN",
    "-ffffffffffffffff\r\n\r\nHIDDEN",
    "3\r\nabcdef\r\n0\r\n\r\nHIDDEN",
    "3\r\nabc0\r\n\r\nHIDDEN",
    "3\r\nabc\n0\r\n\r\nHIDDEN",
    "3\r\nabc\r0\r\n\r\nHIDDEN",
    "3\nabc\r\n0\r\n\r\nHIDDEN",
    "3\rabc\r\n0\r\n\r\nHIDDEN",
    "3\r\nabc\r\r\n0\r\n\r\nHIDDEN",
    "3\r\nabcXX0\r\n\r\nHIDDEN",
    "3;\nabc\r\n0\r\n\r\nHIDDEN",
    "3;a\nabc\r\n0\r\n\r\nHIDDEN",
    "3;a\rabc\r\n0\r\n\r\nHIDDEN",
    "3;a=\"\n\"\r\nabc\r\n0\r\n\r\nHIDDEN",
    "3;\0\r\nabc\r\n0\r\n\r\nHIDDEN",
    "3\0\r\nabc\r\n0\r\n\r\nHIDDEN",
    "3 ;a\x7f\r\nabc\r\n0\r\n\r\nHIDDEN",
    "3 a\r\nabc\r\n0\r\n\r\nHIDDEN",
    "3,3\r\nabc\r\n0\r\n\r\nHIDDEN",
    "3\x0b\r\nabc\r\n0\r\n\r\nHIDDEN",
    "0\r\nX : y\r\n\r\nHIDDEN",
    "0\r\n X: y\r\n\r\nHIDDEN",
    "0\r\nX: y\n\r\nHIDDEN",
    "0\r\nX: y\r\n\nHIDDEN",
    "0\r\nX: y\n\nHIDDEN",
    "0\r\nX: a\r\n b\r\n\r\nHIDDEN",
    "0\r\nnonsense\r\n\r\nHIDDEN",
    "0\r\n: x\r\n\r\nHIDDEN",
    "0\r\nX: a\0\r\n\r\nHIDDEN",
    "0\r\nX: a\rb\r\n\r\nHIDDEN",
    "0\r\nXHIDDEN",
    "0\r\n\rHIDDEN",
    "SIZE\nHIDDEN\r\n0\r\n\r\n",
    "SIZE;\nHIDDEN\r\n0\r\n\r\n",
    "SIZE\r\nHIDDEN\n0\r\n\r\n",
    "0SIZEx\r\nHIDDEN\r\n0\r\n\r\n",
];

/// Request lines that some recipient splits in another way.
const LINES: &[&str] = &[
    "POST /proxy/svc/open HTTP/1.1\nHost: h",
    "POST /proxy/svc/open HTTP/1.1\rHost: h",
    "POST /proxy/svc/open HTTP/1.1 \r\nHost: h",
    "POST /proxy/svc/open HTTP/1.1\t\r\nHost: h",
    "POST  /proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/open  HTTP/1.1\r\nHost: h",
    "POST\t/proxy/svc/open\tHTTP/1.1\r\nHost: h",
    "POST\x0b/proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/open\x0bHTTP/1.1\r\nHost: h",
    " POST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "\tPOST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "\nPOST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "\rPOST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "\0POST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/open HTTP/1.1\r\n Host: h",
    "POST /proxy/svc/open\r\nHost: h",
    "POST /proxy/svc/open HTTP\r\nHost: h",
    "POST /proxy/svc/open HTTP/1\r\nHost: h",
    "POST /proxy/svc/open HTTP/1.\r\nHost: h",
    "POST /proxy/svc/open HTTP/1.2\r\nHost: h",
    "POST /proxy/svc/open HTTP/1.10\r\nHost: h",
    "POST /proxy/svc/open HTTP/01.1\r\nHost: h",
    "POST /proxy/svc/open HTTP/0.9\r\nHost: h",
    "POST /proxy/svc/open HTTP/2.0\r\nHost: h",
    "POST /proxy/svc/open HTTP/+1.1\r\nHost: h",
    "POST /proxy/svc/open http/1.1\r\nHost: h",
    "POST /proxy/svc/open HTTP/1.1/HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/open XHTTP/1.1\r\nHost: h",
    "POST /proxy/svc/a b HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/a HTTP/1.1 HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/a\0b HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/a\x7fb HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/a#b HTTP/1.1\r\nHost: h",
    "POST /proxy/svc/\u{e4} HTTP/1.1\r\nHost: h",
    "POST proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST ?proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST * HTTP/1.1\r\nHost: h",
    "POST h:80 HTTP/1.1\r\nHost: h",
    "CONNECT h:80 HTTP/1.1\r\nHost: h",
    "CONNECT /proxy/svc/open HTTP/1.1\r\nHost: h",
    "P\0ST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "PO ST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "PO@ST /proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST http://h@evil/proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST http://evil/proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST http://h:1/proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST http:///proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST http:/proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST https://h/proxy/svc/open HTTP/1.1\r\nHost: h",
    "POST //h/proxy/svc/open HTTP/1.1",
    "POST /proxy/svc/open HTTP/1.1",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\nHost: h",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\nhost: evil",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h, evil",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h evil",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h/evil",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\n evil",
    "POST /proxy/svc/open HTTP/1.1\r\nHost : h",
    "POST /proxy/svc/open HTTP/1.1\r\nHost:",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h:x",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\0",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\nX: y",
    "POST /proxy/svc/open HTTP/1.1\r\nX: y\r\n\nHost: h",
    "POST /proxy/svc/open HTTP/1.1\r\nX: y\n\r\nHost: h",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\nX\0: y",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\nX: y\0z",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\nX: y\rz",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\nX: y\x08",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\nno colon",
    "POST /proxy/svc/open HTTP/1.1\r\nHost: h\r\n: y",
];

/// All gadgets. None of them, read strictly, contains a second request: the hidden one is a part of a body, or
/// follows something that must be refused.
fn gadgets() -> Vec<Gadget> {
    let mut all = Vec::new();
    let show = |text: &[u8]| text.escape_ascii().to_string();
    let length = |count: usize| format!("Content-Length: {count}").into_bytes();
    for coding in CODINGS {
        let field = [b"Transfer-Encoding: ", *coding].concat();
        // The length covers the hidden request; the coding, if it counts, ends before it.
        let body = format!("0\r\n\r\n{HIDDEN}");
        for (order, fields) in [
            ("after the length", [&length(body.len())[..], &field]),
            ("before the length", [&field, &length(body.len())[..]]),
        ] {
            let text = [&post(&fields)[..], body.as_bytes()].concat();
            all.push(gadget(format!("coding `{}` {order}", show(coding)), text));
        }
        // The coding covers the hidden request; the length, if it counts, ends before it.
        let body = chunk_of_hidden();
        let text = [&post(&[&length(4), &field])[..], body.as_bytes()].concat();
        all.push(gadget(format!("coding `{}` over a short length", show(coding)), text));
        let text = [&post(&[&field])[..], body.as_bytes()].concat();
        all.push(gadget(format!("coding `{}` alone", show(coding)), &text));
        let text =
            String::from_utf8_lossy(&text).replace("HTTP/1.1\r\nHost: h\r\nTr", "HTTP/1.0\r\nHost: h\r\nTr");
        all.push(gadget(format!("coding `{}` in HTTP/1.0", show(coding)), text));
        let text = [&post(&[b"Transfer-Encoding: chunked", &field])[..], body.as_bytes()].concat();
        all.push(gadget(format!("coding `{}` after chunked", show(coding)), text));
    }
    for name in CODING_NAMES {
        let field = [*name, b" chunked"].concat();
        let body = format!("0\r\n\r\n{HIDDEN}");
        let text = [&post(&[&length(body.len()), &field])[..], body.as_bytes()].concat();
        all.push(gadget(format!("name `{}` with a length", show(name)), text));
        let text = [&post(&[&field])[..], chunk_of_hidden().as_bytes()].concat();
        all.push(gadget(format!("name `{}` alone", show(name)), text));
    }
    for spelling in LENGTHS {
        let spelt = String::from_utf8_lossy(spelling).replace("LEN", &HIDDEN.len().to_string());
        // Bytes beyond ASCII were replaced by others beyond ASCII, which are as invalid.
        let field = format!("Content-Length: {spelt}");
        let text = [&post(&[field.as_bytes()])[..], HIDDEN.as_bytes()].concat();
        all.push(gadget(format!("length `{}`", show(spelling)), text));
        let text =
            [&post(&[field.as_bytes(), b"Transfer-Encoding: chunked"])[..], b"0\r\n\r\n", HIDDEN.as_bytes()];
        all.push(gadget(format!("length `{}` with chunked", show(spelling)), text.concat()));
    }
    for body in CHUNKS {
        let body = body.replace("SIZE", &format!("{:x}", HIDDEN.len())).replace("HIDDEN", HIDDEN);
        let text = [&post(&[b"Transfer-Encoding: chunked"])[..], body.as_bytes()].concat();
        all.push(gadget(format!("chunks `{}`", show(&body.as_bytes()[..body.len().min(12)])), text));
    }
    for line in LINES {
        let text = format!("{line}\r\nContent-Length: {}\r\n\r\n{HIDDEN}", HIDDEN.len());
        all.push(gadget(format!("line `{}`", show(line.as_bytes())), text));
    }
    // Trailers that a recipient could merge into the head, where they would make another request of the body.
    for trailer in [
        "Content-Length: 0",
        "Transfer-Encoding: identity",
        "Host: evil",
        "X-Forwarded-For: 6.6.6.6",
        "X-Service: evil",
        "Connection: close",
        "Trailer: x",
        "Authorization: x",
        "X-Request-Key: 0",
    ] {
        let body = format!("{:x}\r\n{HIDDEN}\r\n0\r\n{trailer}\r\n\r\n", HIDDEN.len());
        let text = [&post(&[b"Transfer-Encoding: chunked"])[..], body.as_bytes()].concat();
        all.push(gadget(format!("trailer `{trailer}`"), text));
    }
    // Bodies where some recipient expects none.
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "BREW", "get"] {
        for field in [
            "",
            "Expect: 100-continue\r\n",
            "Connection: Content-Length\r\n",
            "Connection: Host, X-Service\r\n",
        ] {
            let text = format!(
                "{method} /proxy/svc/open HTTP/1.1\r\nHost: h\r\n{field}Content-Length: {}\r\n\r\n{HIDDEN}",
                HIDDEN.len()
            );
            all.push(gadget(format!("{method} with a body and `{}`", field.trim_end()), text));
        }
    }
    all
}

/// What a strict backend has seen.
#[derive(Default)]
struct Seen {
    requests: usize,
    /// Requests that no client has sent as such.
    hidden: Vec<String>,
    /// What was not exactly HTTP/1.1, and how it began.
    malformed: Vec<String>,
}

/// Starts a backend that accepts nothing but exact HTTP/1.1, and answers with the path.
fn strict_backend() -> (SocketAddr, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let all = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let seen = Arc::clone(&all);
            thread::spawn(move || serve_strictly(stream, &seen));
        }
    });
    (address, seen)
}

fn serve_strictly(mut stream: TcpStream, seen: &Mutex<Seen>) {
    let _ = stream.set_nodelay(true);
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match exact(&input) {
            Ok(Some((length, path))) => {
                input.drain(..length);
                let mut seen = seen.lock().expect("nobody panicked");
                seen.requests += 1;
                if path.contains("hidden") {
                    seen.hidden.push(path.clone());
                }
                drop(seen);
                let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len());
                if stream.write_all(reply.as_bytes()).is_err() {
                    return;
                }
            }
            Ok(None) => match stream.read(&mut buffer) {
                // What breaks off is no request, and not a malformed one either.
                Ok(0) | Err(_) => return,
                Ok(count) => input.extend_from_slice(&buffer[..count]),
            },
            Err(fault) => {
                let text = format!("{fault}: {}", input.escape_ascii());
                seen.lock().expect("nobody panicked").malformed.push(text);
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic() && !b"/@?#\\\"<>^`{|}".contains(&it))
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(it))
}

/// Reads a request that is exactly as the RFC has it: its length and its path, or none while it is incomplete.
fn exact(input: &[u8]) -> Result<Option<(usize, String)>, &'static str> {
    let Some(end) = input.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(None) };
    let head = &input[..end];
    if head.windows(2).any(|pair| (pair[0] == b'\r') != (pair[1] == b'\n')) {
        return Err("a CR or LF alone");
    }
    let head = std::str::from_utf8(head).map_err(|_| "bytes beyond UTF-8")?;
    let mut lines = head.split("\r\n");
    let words: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, path, "HTTP/1.1"] = words[..] else { return Err("the request line") };
    if !is_token(method.as_bytes()) || !path.starts_with('/') || !path.bytes().all(|it| it.is_ascii_graphic())
    {
        return Err("the request line");
    }
    let (mut hosts, mut services, mut length, mut chunked) = (0, 0, None, false);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a field without a colon")?;
        if !is_token(name.as_bytes()) {
            return Err("the name of a field");
        }
        if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err("the value of a field");
        }
        match (name.to_ascii_lowercase().as_str(), value.trim_matches([' ', '\t'])) {
            // The client's, but only one that every recipient understands in the same way.
            ("host", value) if is_host(value) => hosts += 1,
            ("host", _) => return Err("the host"),
            ("x-service", "svc") => services += 1,
            ("x-service", _) => return Err("the service"),
            ("x-forwarded-for", "127.0.0.1") => {}
            ("x-forwarded-for", _) => return Err("the forwarded address"),
            ("content-length", value) if length.is_none() && value.bytes().all(|it| it.is_ascii_digit()) => {
                length = Some(value.parse::<usize>().map_err(|_| "the length")?);
            }
            ("content-length", _) => return Err("the length"),
            ("transfer-encoding", "chunked") if !chunked => chunked = true,
            ("transfer-encoding" | "te" | "connection" | "upgrade" | "expect" | "trailer", _) => {
                return Err("a field for another hop");
            }
            _ => {}
        }
    }
    if hosts != 1 || services != 1 || (chunked && length.is_some()) {
        return Err("host, service or framing");
    }
    let body = end + 4;
    let length = if chunked { exact_chunks(&input[body..])? } else { Some(length.unwrap_or(0)) };
    Ok(length.filter(|length| input.len() >= body + length).map(|length| (body + length, path.to_owned())))
}

/// Returns the length of a chunked body without extensions and with harmless trailers, if it is complete.
fn exact_chunks(input: &[u8]) -> Result<Option<usize>, &'static str> {
    let mut at = 0;
    loop {
        let rest = &input[at..];
        let Some(end) = rest.windows(2).position(|it| it == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&rest[..end]).map_err(|_| "the size of a chunk")?;
        if size.is_empty() || !size.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err("the size of a chunk");
        }
        let size = usize::from_str_radix(size, 16).map_err(|_| "the size of a chunk")?;
        at += end + 2;
        if size == 0 {
            return match input[at..].get(..2) {
                None => Ok(None),
                Some(b"\r\n") => Ok(Some(at + 2)),
                Some(_) => Err("trailers, none of which may cross"),
            };
        }
        match input.get(at + size..at + size + 2) {
            None => return Ok(None),
            Some(b"\r\n") => at += size + 2,
            Some(_) => return Err("the end of a chunk"),
        }
    }
}

/// Sends a gadget, ends the client's side, and returns everything that comes back.
fn send(address: SocketAddr, gadget: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(address);
    // The load balancer may refuse the rest.
    let _ = client.stream.write_all(gadget);
    let _ = client.stream.shutdown(Shutdown::Write);
    let mut replies = Vec::new();
    // A reset ends it as well.
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = client.stream.read(&mut buffer) {
        replies.extend_from_slice(&buffer[..count]);
    }
    replies
}

fn start() -> (Balancer, Arc<Mutex<Seen>>) {
    let (backend, seen) = strict_backend();
    let pools = json!([{ "name": "p", "services": ["svc"],
                         "backends": [{ "id": "b0", "url": format!("http://{backend}") }] }]);
    (Balancer::with_backends("round-robin", &[], json!({ "pools": pools })), seen)
}

#[test]
fn no_gadget_smuggles_a_request_or_brings_a_malformed_one_to_a_backend() {
    let (balancer, seen) = start();
    let gadgets = gadgets();
    assert!(gadgets.len() >= LEAST, "{} gadgets are too few", gadgets.len());
    let mut victim = Client::connect(balancer.address());
    let (mut refused, mut forwarded) = (0, 0);
    for (number, (name, text)) in gadgets.iter().enumerate() {
        let before = seen.lock().expect("nobody panicked").requests;
        let replies = send(balancer.address(), text);
        let replies = String::from_utf8_lossy(&replies);
        assert!(replies.matches("HTTP/1.1 2").count() <= 1, "{name}: one request, one reply: {replies}");
        let after = seen.lock().expect("nobody panicked");
        assert!(after.hidden.is_empty(), "{name}: a hidden request got through");
        assert!(after.malformed.is_empty(), "{name}: {:?}", after.malformed);
        match after.requests - before {
            0 => refused += 1,
            1 => forwarded += 1,
            more => panic!("{name}: one request became {more}"),
        }
        drop(after);
        let path = format!("/victim-{number}");
        let reply = victim.ask("GET", &format!("/proxy/svc{path}"), "", b"");
        assert_eq!((reply.status, reply.text()), (200, path), "{name}: another client gets its own reply");
    }
    assert!(refused > LEAST / 2, "{refused} were refused");
    assert!(forwarded > 20, "{forwarded} were harmless, which shows that the backend can be reached");
    assert_eq!(balancer.in_flight(), 0);
    assert_eq!(balancer.backend("b0")["errors"], 0, "no backend is to blame");
}

#[test]
fn the_strict_backend_would_notice() {
    let sound = "POST /a HTTP/1.1\r\nhost: 127.0.0.1:1\r\nx-service: svc\r\n";
    let whole = |rest: &str| exact(format!("{sound}{rest}").as_bytes()).map(|it| it.map(|it| it.1));
    assert_eq!(whole("content-length: 2\r\n\r\nok"), Ok(Some("/a".to_owned())));
    assert_eq!(whole("transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), Ok(Some("/a".to_owned())));
    assert_eq!(whole("content-length: 2\r\n\r\no"), Ok(None));
    for rest in [
        "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
        "content-length: +2\r\n\r\nok",
        "transfer-encoding: xchunked\r\n\r\n",
        "x : y\r\n\r\n",
        "x: y\nz: a\r\n\r\n",
        "host: 127.0.0.1:2\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n0\r\nhost: x\r\n\r\n",
    ] {
        assert!(whole(rest).is_err(), "{rest:?}");
    }
    let (balancer, seen) = start();
    let reply = common::get(&balancer.proxy("/hidden"));
    assert_eq!(reply.status, 200);
    assert_eq!(
        seen.lock().expect("nobody panicked").hidden,
        ["/hidden"],
        "it sees a request that gets through"
    );
}

#[test]
fn forwarding_and_framing_fields_of_trailers_end_here_in_both_directions() {
    const TRAILERS: &str =
        "Content-Length: 9\r\nHost: evil\r\nX-Forwarded-For: 6.6.6.6\r\nX-Backend: evil\r\nSum: 1\r\n";
    let backend = Backend::start(|request, stream| {
        let head = request.head.to_lowercase();
        assert!(!head.contains("evil") && !head.contains("6.6.6.6"), "nothing of it is in the head: {head}");
        let text =
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{TRAILERS}\r\n");
        stream.write_all(text.as_bytes()).is_ok()
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let head =
        "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let replies = send(balancer.address(), format!("{head}2\r\nok\r\n0\r\n{TRAILERS}\r\n").as_bytes());
    let text = String::from_utf8_lossy(&replies);
    assert!(text.ends_with("\r\n2\r\nok\r\n0\r\nSum: 1\r\n\r\n"), "only what is harmless crosses: {text}");
    let snapshot: Value = balancer.backend("b0");
    assert_eq!(snapshot["errors"], 0);
}
