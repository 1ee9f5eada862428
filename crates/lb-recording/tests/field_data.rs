//! What logs of real servers hold beside requests, and how recordings come compressed and in pieces.

use flate2::Compression;
use flate2::write::GzEncoder;
use lb_recording::{Entries, Play, ReadOptions, Recording, Spread, load_all, read};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

fn line(client: &str, second: u32, request: &str, status: u16) -> String {
    format!("{client} - - [10/Oct/2024:13:55:{second:02} +0000] \"{request}\" {status} 512 \"-\" \"app/1\"\n")
}

fn get(second: u32, path: &str) -> String {
    line("10.0.0.9", second, &format!("GET {path} HTTP/1.1"), 200)
}

fn recording(text: &str) -> Recording {
    read("log", text.as_bytes(), ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(bytes: &[u8]) -> String {
    read("log", bytes, ReadOptions::default()).map(|_| ()).expect_err("it must be refused").to_string()
}

fn paths(trace: &Recording) -> Vec<String> {
    trace.requests.iter().map(|request| request.path.to_owned()).collect()
}

#[test]
fn one_path_with_two_methods_is_two_kinds() {
    let trace = recording(&(get(36, "/cart") + &line("10.0.0.9", 37, "POST /cart HTTP/1.1", 201)));
    assert_eq!(
        trace.requests.iter().map(|request| request.action.to_owned()).collect::<Vec<_>>(),
        ["GET /cart", "POST /cart"]
    );
}

#[test]
fn lines_that_hold_no_request_are_counted_and_the_first_is_shown() {
    let text = get(36, "/a")
        + &line("10.0.0.9", 37, "-", 408)
        + &line("10.0.0.9", 37, r"\x16\x03\x01\x00\xEE", 400)
        + &line("127.0.0.1", 37, "OPTIONS * HTTP/1.0", 200)
        + &get(38, "/b");
    let trace = recording(&text);
    assert_eq!(
        (paths(&trace), trace.notes),
        (
            vec!["/a".to_owned(), "/b".to_owned()],
            vec!["3 of 5 lines hold no request (first: line 2, `-`)".to_owned()]
        )
    );
    let mostly = format!("{}not a line\nneither is this\nnor this\n{}", get(36, "/a"), "");
    let error = refused(mostly.as_bytes());
    assert!(error.contains("line 2: is not a line of an access log"), "{error}");
    let connect = recording(&(get(36, "/a") + &line("10.0.0.9", 37, "CONNECT h:443 HTTP/1.1", 405)));
    assert_eq!(
        connect.notes,
        ["1 of 2 lines has a method that cannot be replayed (first: line 2, `CONNECT`)"]
    );
}

#[test]
fn rows_out_of_order_are_sorted_and_it_is_said_how_many_and_how_far() {
    let trace = recording(&(get(36, "/a") + &get(38, "/b") + &get(37, "/slow") + &get(37, "/slow2")));
    assert_eq!(paths(&trace), ["/a", "/slow", "/slow2", "/b"], "rows of one time keep their order");
    assert_eq!(
        trace.notes,
        ["2 rows are earlier than one before them, by up to 1 s, so the rows are sorted by time"]
    );
    let first = recording(&(get(38, "/b") + &get(36, "/a")));
    let times: Vec<f64> = first.requests.times().map(|at| at.as_secs_f64()).collect();
    assert_eq!((paths(&first), times), (vec!["/a".to_owned(), "/b".to_owned()], vec![0.0, 2.0]));
}

#[test]
fn a_cut_off_last_line_is_left_out_with_a_note() {
    for end in ["host.exam\n", "host.exam"] {
        let trace = recording(&format!("{}{}{end}", get(36, "/a"), get(37, "/b")));
        assert_eq!(
            (trace.requests.len(), trace.notes),
            (2, vec!["the last line is cut off and left out (line 3, `host.exam`)".to_owned()])
        );
    }
    let targets = "{\"method\":\"GET\",\"url\":\"http://h/a\",\"timestamp\":1}\n{\"method\":\"GET\",\"ur";
    let trace = recording(targets);
    assert!(trace.notes[0].starts_with("the last line is cut off"), "{:?}", trace.notes);
}

#[test]
fn escapes_are_undone_and_what_may_not_be_sent_is_encoded() {
    let text = get(36, r"/caf\xC3\xA9?q=\x22a\x22") + &get(37, "/s?q=<b>") + &get(38, r"/back\\slash");
    assert_eq!(paths(&recording(&text)), ["/caf%C3%A9?q=%22a%22", "/s?q=%3Cb%3E", "/back%5Cslash"]);
    let mut bytes = get(36, "/a").into_bytes();
    bytes.extend(get(37, "/caf@").bytes().map(|byte| if byte == b'@' { 0xe9 } else { byte }));
    let trace = read("log", &bytes, ReadOptions::default()).expect("one byte does not refuse a log");
    assert_eq!(paths(&trace), ["/a", "/caf%E9"]);
    assert_eq!(
        trace.notes,
        ["1 of 2 lines holds bytes that are not UTF-8, which are sent percent-encoded (first: line 2)"]
    );
}

#[test]
fn more_than_a_thousand_kinds_are_all_sent_and_the_rarest_share_a_row() {
    let mut text = String::new();
    for number in 0..1_005_u32 {
        let letters = |number: u32| char::from(b'a' + (number % 26) as u8);
        let name = [letters(number), letters(number / 26), letters(number / 676)].iter().collect::<String>();
        text += &get(number / 20, &format!("/img/photo-{name}.jpg"));
    }
    text += &get(59, "/img/photo-aaa.jpg");
    let trace = recording(&text);
    let kinds: std::collections::BTreeSet<&str> =
        trace.requests.iter().map(|request| request.action).collect();
    assert_eq!((trace.requests.len(), kinds.len()), (1_006, 1_000));
    assert!(kinds.contains("GET other") && kinds.contains("GET /img/photo-aaa.jpg"));
    assert_eq!(
        trace.notes,
        ["the rarest 6 kinds of requests (6 requests) share the rows `other`; `--path-pattern` groups paths"]
    );
}

#[test]
fn the_client_and_the_status_are_kept() {
    let text = line("203.0.113.50", 36, "GET /a HTTP/1.1", 200)
        + &line("pc.example", 37, "GET /old HTTP/1.1", 404)
        + &line("pc.example", 38, "GET /slow HTTP/1.1", 499);
    let trace = recording(&text);
    let clients: Vec<Option<&str>> = trace.requests.iter().map(|request| request.client).collect();
    assert_eq!((clients[0], clients[1]), (Some("203.0.113.50"), clients[2]));
    assert!(
        clients[1].is_some_and(|client| client.starts_with("10.")),
        "a name becomes an address of its own"
    );
    let expected: Vec<&[u16]> = trace.requests.iter().map(|request| request.expected).collect();
    assert!(
        expected[1].contains(&404) && expected[1].contains(&200),
        "the status of then counts as a success now"
    );
    assert_eq!(
        (expected[0], expected[2]),
        (&[][..], &[][..]),
        "a client that went away says nothing about the reply"
    );
}

#[test]
fn whole_seconds_are_spread_unless_they_hold_one_request_each() {
    let text = get(36, "/a") + &get(36, "/b") + &get(36, "/c") + &get(36, "/d") + &get(38, "/e");
    let at = |play: Play| -> (Vec<f64>, Option<String>) {
        let (replay, note) = recording(&text).play(play);
        (replay.times().map(|at| at.as_secs_f64()).collect(), note)
    };
    let (even, note) = at(Play::default());
    assert_eq!(even, [0.0, 0.25, 0.5, 0.75, 2.0]);
    assert!(note.expect("it is said").contains("spread evenly"));
    assert_eq!(at(Play { spread: Spread::None, ..Play::default() }).0, [0.0, 0.0, 0.0, 0.0, 2.0]);
    let (random, _) = at(Play { spread: Spread::Poisson, ..Play::default() });
    assert!(random.is_sorted() && random[3] < 1.0 && random[0] > 0.0 && random[4] >= 2.0, "{random:?}");
    assert_eq!(random, at(Play { spread: Spread::Poisson, ..Play::default() }).0, "the seed decides");
    let (fast, _) = at(Play { speed: 2.0, ..Play::default() });
    assert_eq!(fast, [0.0, 0.125, 0.25, 0.375, 1.0]);
    let apart = "{\"method\":\"GET\",\"url\":\"/a\",\"timestamp\":\"2024-10-10T13:55:36.1Z\"}\n{\"method\":\"GET\",\"url\":\"/b\",\"timestamp\":\"2024-10-10T13:55:37.1Z\"}\n";
    let apart = recording(apart);
    assert_eq!((apart.whole_seconds, apart.play(Play::default()).1), (false, None));
}

#[test]
fn requests_without_times_come_at_a_rate_and_may_be_repeated() {
    let text = "{\"method\":\"GET\",\"url\":\"http://h/a\"}\n{\"method\":\"GET\",\"url\":\"http://h/b\"}\n";
    assert!(refused(text.as_bytes()).contains("no row has a timestamp; give a rate"));
    let options = || ReadOptions { rate: Some(50.0), ..ReadOptions::default() };
    let mut trace = read("t", text.as_bytes(), options()).expect("a rate is enough");
    assert_eq!(trace.requests.times().map(|at| at.as_secs_f64()).collect::<Vec<_>>(), [0.0, 0.02]);
    trace.cycle(50.0, lb_core::Span::from_millis(90));
    assert_eq!(paths(&trace), ["/a", "/b", "/a", "/b", "/a"]);
    let timed =
        read("t", (get(36, "/a") + &get(36, "/b")).as_bytes(), options()).expect("times give way to a rate");
    assert_eq!(timed.notes, ["its times give way to 50 requests per second"]);
}

#[test]
fn compressed_files_are_read_by_their_content() {
    let text = get(36, "/a") + &get(38, "/b");
    let gz = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("memory takes it");
        encoder.finish().expect("it ends")
    };
    let expected = ["/a", "/b"];
    assert_eq!(paths(&read("t", &gz(&text), ReadOptions::default()).expect("gzip")), expected);
    let members = [gz(&get(36, "/a")), gz(&get(38, "/b"))].concat();
    assert_eq!(paths(&read("t", &members, ReadOptions::default()).expect("two members")), expected);
    let zstd =
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let frames = [zstd.clone(), zstd].concat();
    assert_eq!(read("t", &frames, ReadOptions::default()).expect("two frames").requests.len(), 4);
    assert!(refused(b"BZh9xxxx").contains("compressed by bzip2; use `bzcat FILE | bench --replay -`"));
    let broken = [&gz(&text)[..20], &[0xff; 40]].concat();
    assert!(refused(&broken).contains("damaged"));
}

#[test]
fn a_file_that_grows_without_end_is_given_up() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let block = vec![b'x'; 1 << 20];
    (0..300).for_each(|_| encoder.write_all(&block).expect("memory takes it"));
    let bomb = encoder.finish().expect("it ends");
    assert!(bomb.len() < 1 << 20);
    let error = refused(&bomb);
    assert!(error.contains("is not in a known format") || error.contains("longer than"), "{error}");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(get(36, "/a").as_bytes()).expect("memory takes it");
    let mut lines = String::new();
    (0..10_000).for_each(|_| writeln!(lines).expect("a string takes it"));
    (0..10_000).for_each(|_| encoder.write_all(lines.as_bytes()).expect("memory takes it"));
    let error = refused(&encoder.finish().expect("it ends"));
    assert!(error.contains("more than 250 times its size"), "{error}");
}

#[test]
fn rotated_files_are_one_recording_in_order_of_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let files = [
        file("new", &(get(38, "/c") + &get(40, "/e"))),
        file("old", &(get(36, "/a") + &get(37, "/b") + &get(39, "/d"))),
    ];
    let order = ["/a", "/b", "/c", "/d", "/e"];
    assert_eq!(paths(&load_all(&files, ReadOptions::default()).expect("two files")), order);
    let entries = Entries::open(&files, ReadOptions::default()).expect("two files");
    assert_eq!(entries.map(|entry| entry.target).collect::<Vec<_>>(), order);
}

#[test]
fn a_window_sorts_what_comes_late_and_clamps_what_comes_later_still() {
    let mut text: String = (0..9_000_u32)
        .map(|n| format!("{{\"method\":\"GET\",\"url\":\"/{n}\",\"timestamp\":{}}}\n", 1_000 + n))
        .collect();
    text += "{\"method\":\"GET\",\"url\":\"/late\",\"timestamp\":9000}\n{\"method\":\"GET\",\"url\":\"/too-late\",\"timestamp\":1000}\n";
    let mut entries = Entries::read("t", text.as_bytes(), ReadOptions::default()).expect("targets");
    let times: Vec<i128> = entries.by_ref().map(|entry| entry.at.expect("a time")).collect();
    assert!(times.is_sorted(), "whatever the file does");
    assert_eq!(entries.notes().len(), 2);
    assert!(entries.notes()[1].starts_with("1 rows are more than 8192 rows late"), "{:?}", entries.notes());
}
