//! Tests of valid and invalid replies, whole and in pieces.

use super::*;
use crate::backends::BackendNumbers;
use crate::reply::{MAX_KEPT, Notes};
use lb_core::headers;
use proptest::prelude::*;
use std::sync::Arc;

/// Feeds `pieces`, then the end of the connection if `closed`; returns the reply and the kept body.
fn read(pieces: &[&[u8]], is_head: bool, closed: bool) -> Result<Option<(Reply, Vec<u8>)>, NotHttp> {
    let mut decoder = Decoder::default();
    let mut body = Vec::new();
    let mut backends = BackendNumbers::new(&["b-1".to_owned()], Arc::default());
    for piece in pieces {
        let algorithm = Some([&b"rr"[..], b"round-robin"]);
        let backend_header = headers::BACKEND.as_bytes();
        let mut notes = Notes::default();
        let (keep, notes, backends) = (Some(&mut body), &mut notes, &mut backends);
        let mut expect = Expect {
            is_head,
            body: keep,
            notes,
            wanted: &[],
            backend_header,
            backends,
            algorithm,
            observed: None,
        };
        if let Some(reply) = decoder.feed(piece, &mut expect)? {
            return Ok(Some((reply, body)));
        }
    }
    if closed { decoder.end().map(|reply| Some((reply, body))) } else { Ok(None) }
}

fn reply(status: u16, bytes: u64, keep_alive: bool) -> Reply {
    Reply { status, bytes, keep_alive, ..Reply::default() }
}

/// Replies that are complete without the end of the connection: their text, the parsed reply, the body.
fn complete() -> Vec<(&'static str, Reply, &'static str)> {
    let from = |backend, reply| Reply { backend: Some(backend), ..reply };
    vec![
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", reply(200, 0, true), ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", reply(200, 5, true), "hello"),
        (
            "HTTP/1.1 503 Busy\r\nX-Backend: b-1\r\ncontent-length: 2\r\n\r\nno",
            from(0, reply(503, 2, true)),
            "no",
        ),
        (
            "HTTP/1.1 200 OK\r\nx-backend: stranger\r\ncontent-length: 0\r\n\r\n",
            from(1, reply(200, 0, true)),
            "",
        ),
        (
            "HTTP/1.1 200 OK\r\nX-LB-Algorithm: round-robin\r\ncontent-length: 0\r\n\r\n",
            Reply { names_algorithm: Some(true), ..reply(200, 0, true) },
            "",
        ),
        (
            "HTTP/1.1 200 OK\r\nx-lb-algorithm: round-robin+ejection\r\ncontent-length: 0\r\n\r\n",
            Reply { names_algorithm: Some(false), ..reply(200, 0, true) },
            "",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", reply(204, 0, true), ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", reply(304, 0, true), ""),
        ("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", reply(200, 1, false), "x"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", reply(200, 1, false), "x"),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", reply(200, 1, true), "x"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
            reply(201, 2, true),
            "ok",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10;a=b\r\n, chunked world!\r\n0\r\n\r\n",
            reply(200, 21, true),
            "hello, chunked world!",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n1 \r\nx\r\n000\r\nTrailer: a\r\nOther: b\r\n\r\n",
            reply(200, 1, false),
            "x",
        ),
    ]
}

#[test]
fn replies_end_where_their_framing_says() {
    for (text, expected, body) in complete() {
        let read = read(&[text.as_bytes()], false, false);
        assert_eq!(read, Ok(Some((expected, body.as_bytes().to_vec()))), "{text}");
    }
}

#[test]
fn a_head_request_has_no_body_whatever_the_headers_say() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    assert_eq!(read(&[text], true, false), Ok(Some((reply(200, 0, true), Vec::new()))));
}

#[test]
fn a_body_without_length_lasts_as_long_as_the_connection() {
    let text = b"HTTP/1.1 200 OK\r\n\r\nall of it";
    assert_eq!(read(&[text], false, false), Ok(None), "the body could continue");
    let whole = Ok(Some((reply(200, 9, false), b"all of it".to_vec())));
    assert_eq!(read(&[text], false, true), whole, "the body ends with the connection");
}

#[test]
fn bytes_that_nobody_asked_for_end_the_connection() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n";
    let read = read(&[text], false, false);
    assert_eq!(read, Ok(Some((reply(200, 1, false), b"x".to_vec()))));
}

#[test]
fn what_is_not_http_is_refused() {
    let bad = [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
    ];
    for text in bad {
        assert_eq!(read(&[text.as_bytes()], false, false), Err(NotHttp), "{text}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
    assert_eq!(read(&[endless.as_bytes()], false, false), Err(NotHttp), "the length of a head is limited");
    let fields = |count| format!("HTTP/1.1 204 No Content\r\n{}\r\n", "x: y\r\n".repeat(count));
    let read = |text: String| read(&[text.as_bytes()], false, false);
    assert!(read(fields(MOST_FIELDS)).is_ok(), "a head may have a hundred fields");
    assert_eq!(read(fields(MOST_FIELDS + 1)), Err(NotHttp), "but not more");
}

/// Replies, and what every reader of this project must make of them.
#[derive(serde::Deserialize)]
struct Case {
    reply: String,
    is_head: bool,
    /// Whether the connection ends after it.
    closed: bool,
    /// `refused`, `incomplete`, or status, body and what becomes of the connection.
    result: String,
}

#[test]
fn replies_are_read_as_the_load_balancer_reads_them() {
    let cases = include_str!("../../../../../lb-core/tests/framing/replies.json");
    let cases: Vec<Case> = serde_json::from_str(cases).expect("the cases are JSON");
    assert!(cases.len() > 70, "{} cases", cases.len());
    let result = |case: &Case, pieces: &[&[u8]]| match read(pieces, case.is_head, case.closed) {
        Err(NotHttp) => "refused".to_owned(),
        Ok(None) => "incomplete".to_owned(),
        Ok(Some((reply, body))) => {
            let connection = if reply.keep_alive { "kept" } else { "closed" };
            format!("{} `{}` {connection}", reply.status, String::from_utf8_lossy(&body))
        }
    };
    for case in &cases {
        let text = case.reply.as_bytes();
        assert_eq!(result(case, &[text]), case.result, "{:?}", case.reply);
        let bytes: Vec<_> = text.chunks(1).collect();
        // Bytes after the end are then not seen any more.
        let without_connection = |result: &str| result.rsplit_once("` ").map_or(result, |it| it.0).to_owned();
        let result = result(case, &bytes);
        assert_eq!(without_connection(&result), without_connection(&case.result), "{:?}", case.reply);
    }
}

#[test]
fn a_connection_that_ends_early_is_no_reply() {
    let cut = ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"];
    for text in cut {
        assert_eq!(read(&[text.as_bytes()], false, true), Err(NotHttp), "`{text}` is not complete");
    }
}

#[test]
fn a_body_too_long_to_keep_is_still_counted() {
    let length = MAX_KEPT + 1;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let body = vec![b'x'; length];
    let (reply, kept) =
        read(&[head.as_bytes(), &body], false, false).expect("it is HTTP").expect("it is complete");
    assert_eq!((reply.bytes, kept.len()), (length as u64, 0), "memory stays bounded");
}

proptest! {
    #[test]
    fn a_reply_reads_the_same_however_it_is_cut(
        which in 0..complete().len(),
        mut cuts in prop::collection::vec(0..200usize, 0..8),
    ) {
        let (text, expected, body) = complete().swap_remove(which);
        let text = text.as_bytes();
        cuts.retain(|cut| *cut < text.len());
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut begin = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            pieces.push(&text[begin..cut]);
            begin = cut;
        }
        prop_assert_eq!(read(&pieces, false, false), Ok(Some((expected, body.as_bytes().to_vec()))));
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_panic(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
        head in 0..4usize,
    ) {
        let heads = ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"];
        let mut all = vec![heads[head].as_bytes()];
        all.extend(pieces.iter().map(Vec::as_slice));
        // Any result is fine, as long as the decoder does not panic.
        if let Ok(Some((reply, kept))) = read(&all, false, true) {
            prop_assert_eq!(reply.bytes, kept.len() as u64, "every counted byte is kept");
        }
    }
}
