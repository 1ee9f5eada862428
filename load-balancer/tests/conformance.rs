//! HTTP/1.1 as a client may speak it, and as it may not: a list of requests, whole and in pieces, and the statuses
//! that they get.

mod common;

use common::{Backend, Balancer, Client};
use serde_json::json;
use std::io::Read;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

const OK: &[u16] = &[200];
const BAD: &[u16] = &[400];

/// A request in the pieces in which it is sent, and the statuses of its reply.
type Case = (&'static str, &'static [&'static str], &'static [u16]);

/// Requests that are answered, after which the connection serves another one.
const ANSWERED: &[Case] = &[
    ("a simple request", &["GET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a method in pieces", &["G", "ET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a path in pieces, 1", &["GET ", "/proxy/svc/ HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a path in pieces, 2", &["GET /proxy/svc/hel", "lo HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a path in pieces, 3", &["GET /proxy/svc/hello ", "HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a version in pieces", &["GET /proxy/svc/ HTT", "P/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a request line in pieces", &["GET /proxy/svc/ HTTP/1.1", "\r\nHost: example.com\r\n\r\n"], OK),
    ("a line end in pieces", &["GET /proxy/svc/ HTTP/1.1\r", "\nHost: example.com\r\n\r\n"], OK),
    ("the name of a field in pieces", &["GET /proxy/svc/ HTTP/1.1\r\nHos", "t: example.com\r\n\r\n"], OK),
    ("a colon in a piece of its own", &["GET /proxy/svc/ HTTP/1.1\r\nHost", ":", " example.com\r\n\r\n"], OK),
    ("the value of a field in pieces", &["GET /proxy/svc/ HTTP/1.1\r\nHost: exam", "ple.com\r\n\r\n"], OK),
    ("the end of a field in pieces", &["GET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r", "\n\r\n"], OK),
    ("the end of the head in pieces", &["GET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\n", "\r", "\n"], OK),
    (
        "many pieces",
        &["GET /pro", "xy/svc/ HT", "TP/1.", "1\r\nHo", "st: e", "x\r\nX-", "Y: z", "\r\n\r\n"],
        OK,
    ),
    ("an empty line before the request", &["\r\nGET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    (
        "a tab before a value, and an empty value",
        &["GET /proxy/svc/ HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n"],
        OK,
    ),
    ("a value of blanks", &["GET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\nX-Empty:   \t \r\n\r\n"], OK),
    ("a value without a blank before it", &["GET /proxy/svc/ HTTP/1.1\r\nHost:example.com\r\n\r\n"], OK),
    (
        "a value with bytes beyond ASCII",
        &["GET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\nX-Name: Jürgen\r\n\r\n"],
        OK,
    ),
    (
        "all characters of a name",
        &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~09aZ: x\r\n\r\n"],
        OK,
    ),
    ("an unknown method", &["BREW /proxy/svc/pot HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a query", &["GET /proxy/svc/?a=b&c=d?e HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("a percent-encoded path", &["GET /proxy/svc/%20%zz HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    ("an absolute URL", &["GET http://example.com/proxy/svc/ HTTP/1.1\r\nHost: example.com\r\n\r\n"], OK),
    (
        "an absolute URL with a port",
        &["GET http://example.com:80/proxy/svc/ HTTP/1.1\r\nHost: example.com:80\r\n\r\n"],
        OK,
    ),
    ("a host with a port", &["GET /proxy/svc/ HTTP/1.1\r\nHost: example.com:8080\r\n\r\n"], OK),
    ("an IPv6 host", &["GET /proxy/svc/ HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"], OK),
    ("all of the server", &["OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n"], &[204]),
    ("a length of 0", &["POST /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n"], OK),
    ("a body", &["POST /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello"], OK),
    (
        "a body with GET",
        &["GET /proxy/svc/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello"],
        OK,
    ),
    (
        "a body in pieces",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "he", "llo"],
        OK,
    ),
    (
        "chunks",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ],
        OK,
    ),
    (
        "chunks in pieces",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5",
            "\r",
            "\nhel",
            "lo\r",
            "\n0\r\n",
            "\r\n",
        ],
        OK,
    ),
    (
        "chunks with extensions",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n",
        ],
        OK,
    ),
    (
        "chunks with trailers",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSum: 1\r\n\r\n",
        ],
        OK,
    ),
    (
        "an empty chunked body",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        OK,
    ),
    (
        "a coding in capitals",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n"],
        OK,
    ),
    (
        "an expectation without a body",
        &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"],
        OK,
    ),
    ("an unknown expectation", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n"], OK),
    (
        "an upgrade that is not done",
        &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"],
        OK,
    ),
    ("HTTP/1.0 that is kept", &["GET /proxy/svc/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"], OK),
];

/// Requests that are answered, after which the connection ends.
const ANSWERED_LAST: &[Case] = &[
    ("close", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"], OK),
    ("close among others", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n"], OK),
    ("HTTP/1.0", &["GET /proxy/svc/ HTTP/1.0\r\n\r\n"], OK),
    ("HTTP/1.0 with a host", &["GET /proxy/svc/ HTTP/1.0\r\nHost: h\r\n\r\n"], OK),
];

/// Requests that are refused, after which the connection ends.
const REFUSED: &[Case] = &[
    ("no host", &["GET /proxy/svc/ HTTP/1.1\r\n\r\n"], BAD),
    ("two hosts", &["GET /proxy/svc/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"], BAD),
    ("the same host twice", &["GET /proxy/svc/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"], BAD),
    ("an empty host", &["GET /proxy/svc/ HTTP/1.1\r\nHost:\r\n\r\n"], BAD),
    ("two hosts in one field", &["GET /proxy/svc/ HTTP/1.1\r\nHost: a, b\r\n\r\n"], BAD),
    ("a host with a path", &["GET /proxy/svc/ HTTP/1.1\r\nHost: a/b\r\n\r\n"], BAD),
    ("a host with a user", &["GET /proxy/svc/ HTTP/1.1\r\nHost: u@a\r\n\r\n"], BAD),
    ("a host with a port that is none", &["GET /proxy/svc/ HTTP/1.1\r\nHost: a:b\r\n\r\n"], BAD),
    ("two hosts in HTTP/1.0", &["GET /proxy/svc/ HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"], BAD),
    ("an invalid host in HTTP/1.0", &["GET /proxy/svc/ HTTP/1.0\r\nHost: a b\r\n\r\n"], BAD),
    ("a URL and another host", &["GET http://a/proxy/svc/ HTTP/1.1\r\nHost: b\r\n\r\n"], BAD),
    ("a tunnel", &["CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"], &[405]),
    ("no version", &["GET /proxy/svc/\r\n\r\n"], &[400, 505]),
    ("no version but a blank", &["GET /proxy/svc/ \r\nHost: h\r\n\r\n"], &[400, 505]),
    ("a version of the future", &["GET /proxy/svc/ HTTP/9.9\r\nHost: h\r\n\r\n"], &[505]),
    ("HTTP/1.2", &["GET /proxy/svc/ HTTP/1.2\r\nHost: h\r\n\r\n"], &[505]),
    ("HTTP/2 without its preface", &["PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"], &[505]),
    ("a version in small letters", &["GET /proxy/svc/ http/1.1\r\nHost: h\r\n\r\n"], &[400, 505]),
    ("a version with more digits", &["GET /proxy/svc/ HTTP/1.10\r\nHost: h\r\n\r\n"], &[400, 505]),
    ("a word before the request", &["Extra GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n\r\n"], &[400, 505]),
    ("a blank before the request", &[" GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n\r\n"], BAD),
    ("two blanks in the request line", &["GET  /proxy/svc/ HTTP/1.1\r\nHost: h\r\n\r\n"], BAD),
    ("a tab in the request line", &["GET\t/proxy/svc/ HTTP/1.1\r\nHost: h\r\n\r\n"], BAD),
    ("a path with a blank", &["GET /proxy/svc/a b HTTP/1.1\r\nHost: h\r\n\r\n"], &[400, 505]),
    ("a path with a fragment", &["GET /proxy/svc/#a HTTP/1.1\r\nHost: h\r\n\r\n"], BAD),
    ("a path with bytes beyond ASCII", &["GET /proxy/svc/ä HTTP/1.1\r\nHost: h\r\n\r\n"], BAD),
    ("a path without a slash", &["GET proxy/svc/ HTTP/1.1\r\nHost: h\r\n\r\n"], BAD),
    ("a star with GET", &["GET * HTTP/1.1\r\nHost: h\r\n\r\n"], BAD),
    ("a blank before a colon", &["GET /proxy/svc/ HTTP/1.1\r\nHost : h\r\n\r\n"], BAD),
    ("a field without a colon", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n"], BAD),
    ("a field without a name", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"], BAD),
    ("a name with a bracket", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nX-[]: x\r\n\r\n"], BAD),
    ("a name with a byte beyond ASCII", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nX-ä: x\r\n\r\n"], BAD),
    ("a blank before the first field", &["GET /proxy/svc/ HTTP/1.1\r\n Host: h\r\n\r\n"], BAD),
    ("a folded field", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"], BAD),
    ("a control character", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nX: a\x07b\r\n\r\n"], BAD),
    ("a NUL", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"], BAD),
    ("a CR alone in a value", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"], BAD),
    ("a CR alone in place of a line end", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n\rX: a\r\n\r\n"], BAD),
    ("a LF alone after the request line", &["GET /proxy/svc/ HTTP/1.1\nHost: h\r\n\r\n"], BAD),
    ("a LF alone after a field", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\n\r\n"], BAD),
    ("a LF alone at the end of the head", &["GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n\n"], BAD),
    (
        "a length with a sign",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello"],
        BAD,
    ),
    ("a negative length", &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello"], BAD),
    (
        "a negative length that overflows",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: -123456789123456789123456789\r\n\r\n"],
        BAD,
    ),
    (
        "a length that overflows",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n"],
        BAD,
    ),
    (
        "a length that is no number",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: abc\r\n\r\n"],
        BAD,
    ),
    (
        "a hexadecimal length",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\nhello"],
        BAD,
    ),
    ("an empty length", &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"], BAD),
    (
        "two lengths",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
        BAD,
    ),
    (
        "a list of lengths",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello"],
        BAD,
    ),
    (
        "a length and a coding",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
        BAD,
    ),
    (
        "a coding and a length",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        ],
        BAD,
    ),
    (
        "a coding in HTTP/1.0",
        &["POST /proxy/svc/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        BAD,
    ),
    (
        "chunked twice",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"],
        BAD,
    ),
    ("another coding", &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"], &[501]),
    (
        "another coding below chunked",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
        &[501],
    ),
    (
        "chunked that is not final",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"],
        &[501],
    ),
    (
        "a chunk whose size is no number",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n"],
        BAD,
    ),
    (
        "a chunk with a sign",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n"],
        BAD,
    ),
    (
        "a chunk whose size overflows",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n",
        ],
        BAD,
    ),
    (
        "a chunk that is too long",
        &[
            "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
        ],
        BAD,
    ),
    (
        "a chunk that ends with LF alone",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n"],
        BAD,
    ),
    (
        "a size that ends with LF alone",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"],
        BAD,
    ),
    (
        "trailers that are no fields",
        &["POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n\r\n"],
        BAD,
    ),
    ("nonsense", &["\x16\x03\x01\x02\r\n\r\n"], BAD),
];

fn start() -> (Backend, Balancer) {
    let backend = Backend::start(|_, stream| common::reply(stream, 200, "", b"here"));
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    (backend, balancer)
}

/// Sends the pieces one by one, each as a segment of its own.
fn send(client: &mut Client, pieces: &[&str]) {
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            thread::sleep(Duration::from_millis(5));
        }
        client.write(piece);
    }
}

fn status(client: &mut Client, name: &str) -> u16 {
    client.read().unwrap_or_else(|| panic!("{name}: there is a reply")).status
}

fn assert_ended(mut client: Client, name: &str) {
    let mut rest = Vec::new();
    assert_eq!(client.stream.read_to_end(&mut rest).ok(), Some(0), "{name}: the connection ends");
}

#[test]
fn requests_that_follow_the_rfc_are_answered() {
    let (_backend, balancer) = start();
    for (name, pieces, statuses) in ANSWERED {
        let mut client = Client::connect(balancer.address());
        send(&mut client, pieces);
        let status = status(&mut client, name);
        assert!(statuses.contains(&status), "{name}: {status} is not in {statuses:?}");
        assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200, "{name}: another request follows");
    }
    for (name, pieces, statuses) in ANSWERED_LAST {
        let mut client = Client::connect(balancer.address());
        send(&mut client, pieces);
        let status = status(&mut client, name);
        assert!(statuses.contains(&status), "{name}: {status} is not in {statuses:?}");
        assert_ended(client, name);
    }
}

#[test]
fn requests_that_violate_the_rfc_are_refused_and_reach_no_backend() {
    let (_backend, balancer) = start();
    for (name, pieces, statuses) in REFUSED {
        let mut client = Client::connect(balancer.address());
        send(&mut client, pieces);
        let reply = client.read().unwrap_or_else(|| panic!("{name}: there is a reply"));
        assert!(statuses.contains(&reply.status), "{name}: {} is not in {statuses:?}", reply.status);
        assert!(reply.json()["error"].is_string(), "{name}: it says what is wrong");
        assert_eq!(reply.field("x-backend"), None, "{name}: no backend has answered");
        assert_ended(client, name);
    }
    assert_eq!(balancer.in_flight(), 0);
    assert_eq!(balancer.backend("b0")["errors"], 0, "no backend is to blame");
}

#[test]
fn a_head_has_limits() {
    let (_backend, balancer) = start();
    let fields = |count| "X-Y: z\r\n".repeat(count);
    let ask = |text: &str| {
        let mut client = Client::connect(balancer.address());
        client.write(text);
        client.read().map(|reply| reply.status)
    };
    let head = |fields: &str| format!("GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    assert_eq!(ask(&head(&fields(99))), Some(200), "a hundred fields with the host");
    assert_eq!(ask(&head(&fields(100))), Some(431), "one more");
    assert_eq!(ask(&head(&format!("X: {}\r\n", "y".repeat(60_000)))), Some(200), "a long field");
    assert_eq!(ask(&head(&format!("X: {}\r\n", "y".repeat(70_000)))), Some(431), "too long a field");
    assert_eq!(ask(&format!("GET /{}", "y".repeat(70_000))), Some(414), "too long a path");
}

#[test]
fn a_client_that_ends_its_side_gets_its_replies() {
    let backend = Backend::start(|request, stream| {
        thread::sleep(Duration::from_millis(250));
        common::reply(stream, 200, "", request.path.as_bytes())
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let requests = [
        "GET /proxy/svc/1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /proxy/svc/2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "POST /proxy/svc/3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    let mut all = Client::connect(balancer.address());
    for (number, request) in requests.iter().enumerate() {
        let mut client = Client::connect(balancer.address());
        client.write(request);
        client.stream.shutdown(Shutdown::Write).expect("the connection is open");
        let reply = client.read().unwrap_or_else(|| panic!("{request:?} gets its reply"));
        assert_eq!((reply.status, reply.text()), (200, format!("/{}", number + 1)));
        assert_ended(client, request);
        all.write(request);
    }
    all.stream.shutdown(Shutdown::Write).expect("the connection is open");
    for number in 1..=requests.len() {
        let reply = all.read().expect("requests that were sent together get their replies");
        assert_eq!(reply.text(), format!("/{number}"), "in their order");
    }
    assert_ended(all, "after the last one");
    let cut = "POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel";
    let mut client = Client::connect(balancer.address());
    client.write(cut);
    client.stream.shutdown(Shutdown::Write).expect("the connection is open");
    assert!(client.read().is_none(), "half a request gets none");
}

#[test]
fn replies_have_a_date_and_say_what_becomes_of_the_connection() {
    let dated = Backend::start(|request, stream| {
        let date = if request.path == "/dated" { "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" } else { "" };
        common::reply(stream, 200, date, b"x")
    });
    let balancer = Balancer::with_backends("round-robin", &[&dated], json!({}));
    let mut client = Client::connect(balancer.address());
    let reply = client.ask("GET", "/proxy/svc/", "", b"");
    let date = reply.field("date").expect("a reply has a date");
    assert!(date.len() == 29 && date.ends_with(" GMT") && !date.contains("1970"), "{date}");
    assert_eq!(reply.field("connection"), None, "HTTP/1.1 goes on without saying so");
    let reply = client.ask("GET", "/proxy/svc/dated", "", b"");
    assert_eq!(
        reply.field("date").as_deref(),
        Some("Sun, 06 Nov 1994 08:49:37 GMT"),
        "the backend's is kept"
    );
    client.write("GET /proxy/svc/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let reply = client.read().expect("a reply");
    assert_eq!(reply.field("connection").as_deref(), Some("keep-alive"), "HTTP/1.0 needs to be told");
    let reply = client.ask("GET", "/proxy/svc/", "Connection: close\r\n", b"");
    assert_eq!(reply.field("connection").as_deref(), Some("close"));
}

#[test]
fn replies_that_violate_the_rfc_become_502_and_are_the_backends_fault() {
    const REPLIES: &[(&str, &str)] = &[
        ("another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        (
            "another coding below chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        ("chunked that is not final", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
        ("chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        ("chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na"),
        ("a switch that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ("a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
        ("a blank before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
    ];
    for (number, (name, text)) in REPLIES.iter().enumerate() {
        let backend =
            Backend::start(move |_, stream| std::io::Write::write_all(stream, text.as_bytes()).is_ok());
        let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
        let reply = common::get(&balancer.proxy("/"));
        assert_eq!(reply.status, 502, "{name}");
        assert_eq!(balancer.backend("b0")["errors"], 1, "{name} ({number}): it is the backend's error");
    }
}
