//! Connections over real sockets: what a client gets that is late, silent, or one too many.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use lb_listen::{Door, End, Limits, Overdue, Seats, read, serve};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);
/// Soon over.
const SHORT: Duration = Duration::from_millis(50);

fn patient() -> Limits {
    Limits { head: LONG, body: LONG, write: LONG, idle: LONG, ..Limits::default() }
}

/// Answers with the length of the body.
async fn measure(request: Request<Incoming>, limits: Limits) -> Result<Response<Full<Bytes>>, Infallible> {
    let read = read(request.into_body(), 1 << 20, limits.body).await;
    let (status, text) = match read {
        Ok(body) => (200, body.len().to_string()),
        Err(error) => (error.status(), error.to_string()),
    };
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    Ok(reply)
}

/// Plays `client` against a server with these limits. Returns what the client returned, and why the connection
/// ended.
async fn play<T>(limits: Limits, client: impl AsyncFnOnce(TcpStream) -> T) -> (T, End) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        let seat = Seats::new(1).take().expect("a seat");
        serve(stream, &limits, &seat, pending(), |request| measure(request, limits)).await.why
    };
    let client = async { client(TcpStream::connect(address).await.expect("the server listens")).await };
    let (why, returned) = tokio::join!(server, client);
    (returned, why)
}

/// Sends `text`, and reads to the end of the connection.
async fn told(mut stream: TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.expect("the server reads");
    let mut all = String::new();
    stream.read_to_string(&mut all).await.expect("the server closes the connection in order");
    all
}

#[tokio::test]
async fn half_a_head_gets_408_when_its_time_is_over() {
    for text in ["G", "GET / HTTP/1.1\r\nhost: localhost\r\n", "POST / HTTP/1.1\r\ncontent-le"] {
        let limits = Limits { head: SHORT, ..patient() };
        let (reply, why) = play(limits, async |stream| told(stream, text).await).await;
        assert!(reply.starts_with("HTTP/1.1 408 "), "{text:?}: {reply}");
        assert!(reply.ends_with(r#"{"error":"the head of the request is late"}"#), "the whole body: {reply}");
        assert!(matches!(why, End::Overdue(Overdue::Head)), "{text:?}: {why:?}");
    }
}

#[tokio::test]
async fn the_time_for_a_head_begins_anew_with_each_request() {
    let limits = Limits { head: SHORT, ..patient() };
    let one = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (replies, why) = play(limits, async |mut stream| {
        stream.write_all(one.as_bytes()).await.expect("the server reads");
        let mut reply = [0; 15];
        stream.read_exact(&mut reply).await.expect("a reply");
        told(stream, &one[..20]).await
    })
    .await;
    assert!(replies.contains("HTTP/1.1 408 "), "the second head is late: {replies}");
    assert!(matches!(why, End::Overdue(Overdue::Head)), "{why:?}");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_without_a_reply() {
    for text in ["", "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let limits = Limits { idle: SHORT, ..patient() };
        let (reply, why) = play(limits, async |stream| told(stream, text).await).await;
        assert_eq!(reply.matches("HTTP/1.1").count(), usize::from(!text.is_empty()), "{reply}");
        assert!(matches!(why, End::Overdue(Overdue::Idle)), "{text:?}: {why:?}");
    }
}

#[tokio::test]
async fn a_body_without_progress_gets_408() {
    let limits = Limits { body: SHORT, idle: SHORT, ..patient() };
    let text = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n12";
    let (reply, _) = play(limits, async |stream| told(stream, text).await).await;
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
}

#[tokio::test]
async fn a_head_that_is_too_long_gets_431() {
    let limits = Limits { head_bytes: 8192, ..patient() };
    let text = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(9000));
    let (reply, why) = play(limits, async |mut stream| {
        // The server may close before it has read all of it.
        let _ = stream.write_all(text.as_bytes()).await;
        let mut begin = [0; 13];
        stream.read_exact(&mut begin).await.expect("a reply");
        String::from_utf8_lossy(&begin).into_owned()
    })
    .await;
    assert_eq!(reply, "HTTP/1.1 431 ");
    assert!(matches!(why, End::Failed(_)), "{why:?}");
}

#[tokio::test]
async fn a_reply_that_precedes_the_end_of_its_request_is_not_lost() {
    // More than the buffers of both sockets hold, so the client still writes when the reply is there.
    let text = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", 32 << 20);
    let body = vec![b'x'; 32 << 20];
    let (reply, why) = play(patient(), async |mut stream| {
        stream.write_all(text.as_bytes()).await.expect("the server reads the head");
        stream.write_all(&body).await.expect("the server reads what it does not need");
        told(stream, "").await
    })
    .await;
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
    assert!(matches!(why, End::Closed), "{why:?}");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_reply_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let limits = Limits { write: SHORT, ..patient() };
    // More than the buffers of both sockets hold.
    let long = Bytes::from(vec![b'x'; 64 << 20]);
    let server = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        let seat = Seats::new(1).take().expect("a seat");
        let answer = |_| std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(long.clone()))));
        serve(stream, &limits, &seat, pending(), answer).await.why
    };
    let mut client = TcpStream::connect(address).await.expect("the server listens");
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("the server reads");
    let why = server.await;
    assert!(matches!(why, End::Overdue(Overdue::Write)), "{why:?}");
}

#[tokio::test]
async fn a_newcomer_gets_the_seat_of_the_connection_that_is_idle_for_longest() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let seats = Seats::new(2);
    let mut door = Door::new("the test", listener, seats.clone(), 0);
    let server = async {
        tokio::task::LocalSet::new()
            .run_until(async {
                loop {
                    let newcomer = door.accept().await;
                    tokio::task::spawn_local(async move {
                        let limits = patient();
                        newcomer.serve(&limits, |request| measure(request, limits)).await
                    });
                }
            })
            .await
    };
    let client = async {
        let mut strangers = Vec::new();
        for _ in 0..20 {
            strangers.push(TcpStream::connect(address).await.expect("the server listens"));
        }
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let reply = told(stream, "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
        let mut gone = 0;
        for stranger in &mut strangers[..18] {
            gone += stranger.read(&mut [0; 1]).await.expect("it is closed in order") + 1;
        }
        assert_eq!(gone, 18, "the first ones made room");
        seats.taken()
    };
    tokio::select! {
        () = server => unreachable!("it serves for ever"),
        taken = client => assert!(taken <= 2, "{taken} seats are taken"),
    }
}
