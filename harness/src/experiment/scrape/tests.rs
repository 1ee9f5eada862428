//! Targets that answer, lie, hang and go away.

use super::*;
use lb_config::{Scrape, ScrapePlace, ScrapeWhat};
use lb_core::secret::Secret;
use lb_results::{ResourceRecord, ScrapedTarget};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Answers each request with what `answer` returns for its number; `None` hangs. Returns the address and the number of
/// requests so far.
async fn target(answer: impl Fn(usize) -> Option<Vec<u8>> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/metrics", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        let mut hanging = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 2048];
            let _ = stream.read(&mut head).await;
            match answer(counted.fetch_add(1, Ordering::SeqCst)) {
                Some(bytes) => {
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                }
                None => hanging.push(stream),
            }
        }
    });
    (url, count)
}

fn answer(status: &str, body: &str) -> Option<Vec<u8>> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    Some([head.as_bytes(), body.as_bytes()].concat())
}

fn scrape(name: &str, url: &str) -> Scrape {
    let what = ScrapeWhat::Series { of: "jobs".parse().expect("a selector"), by: Vec::new(), rate: None };
    Scrape { name: Some(name.to_owned()), place: ScrapePlace::Url(Secret::new(url)), what }
}

fn of<'a>(record: &'a ResourceRecord, name: &str) -> &'a ScrapedTarget {
    record.targets.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name} is there"))
}

#[tokio::test]
async fn a_target_that_hangs_or_lies_disturbs_no_other_and_is_told() {
    let (good, count) = target(|_| answer("200 OK", "jobs 3\n")).await;
    let (liar, _) = target(|_| answer("200 OK", "<html>jobs 3</html>")).await;
    let (hanging, _) = target(|_| None).await;
    let (gone, _) = target(|number| answer(if number == 0 { "200 OK" } else { "503 -" }, "jobs 1\n")).await;
    let targets = [("good", &good), ("liar", &liar), ("hanging", &hanging), ("gone", &gone)];
    let scrapes = targets.map(|(name, url)| scrape(name, url));
    let interval = Span::from_millis(100);
    let sampler = Sampler::start(endpoints_of_urls(&scrapes), interval, Span::from_secs(60), Instant::now());
    for _ in 0..2_000 {
        if count.load(Ordering::SeqCst) >= 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let record = sampler.stop().await;
    let series = &of(&record, "good").series;
    assert_eq!(series.len(), 1, "{record:?}");
    assert!(!series[0].samples.is_empty() && series[0].samples.iter().all(|[_, value]| *value == 3.0));
    assert!(series[0].samples.is_sorted_by(|one, other| one[0] < other[0]), "in order of time: {series:?}");
    for (name, part) in [
        ("liar", "failed: the answer is a web page (HTML), not metrics"),
        ("hanging", "did not end within 80 ms"),
        ("gone", "were answered with status 503"),
    ] {
        let troubles = &of(&record, name).troubles;
        assert!(troubles.iter().any(|one| one.what == part && one.readings > 0), "{name}: {troubles:?}");
    }
    assert!(of(&record, "hanging").series.is_empty());
}

#[tokio::test]
async fn a_target_that_cannot_be_read_is_an_error_at_the_start() {
    let interval = Span::from_secs(10);
    let long = "jobs 3\n".repeat(700_000);
    let packed = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\nxx".to_vec();
    for (reply, part) in [
        (answer("404 Not Found", "no"), "readings were answered with status 404"),
        (answer("200 OK", &long), "longer than 4 MiB"),
        (answer("200 OK", "hello, world\n"), "not in the text format of Prometheus"),
        (answer("200 OK", ""), "has no metrics"),
        (answer("302 Found", ""), "status 302"),
        (Some(packed), "compressed"),
        (Some(b"garbage\r\n\r\n".to_vec()), "got no answer"),
    ] {
        let (url, _) = target(move |_| reply.clone()).await;
        let error = check(&endpoints_of_urls(&[scrape("queue", &url)]), interval).await.expect_err(part);
        let message = error.to_string();
        assert!(message.contains(part), "{message}");
        assert!(message.starts_with(&format!("failed to scrape `queue` at `{url}`: ")), "{message}");
        assert!(message.ends_with("leave this target out of --scrape or `bench.scrape`"), "{message}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let error = check(&endpoints_of_urls(&[scrape("queue", &format!("http://{nobody}/"))]), interval).await;
    assert!(error.expect_err("nobody listens").to_string().contains("refused"));
}

#[tokio::test]
async fn a_series_that_is_not_there_yet_is_noted_with_a_suggestion() {
    let interval = Span::from_secs(10);
    let (url, _) = target(|_| answer("200 OK", "job 3\nother 4\n")).await;
    let notes = check(&endpoints_of_urls(&[scrape("queue", &url)]), interval).await.expect("it can be read");
    assert_eq!(notes, [format!("scrape: `queue` is not at {url} yet (did you mean `job`?)")]);

    let well_known = Scrape { name: None, what: ScrapeWhat::WellKnown, ..scrape("", &url) };
    let error = check(&endpoints_of_urls(&[well_known]), interval).await.expect_err("nothing is known");
    let message = error.to_string();
    assert!(
        message.contains("none of the well-known metrics but `job`, `other`; choose one, as in"),
        "{message}"
    );
}

#[tokio::test]
async fn a_query_is_sent_as_it_is_and_what_prometheus_says_of_it_is_passed_on() {
    let refusal = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unclosed"}"#;
    let (url, _) = target(|_| answer("400 Bad Request", refusal)).await;
    let query = Scrape { what: ScrapeWhat::Query("rate(a[1m]".to_owned()), ..scrape("cpu", &url) };
    let error = check(&endpoints_of_urls(&[query]), Span::from_secs(10)).await.expect_err("it is refused");
    assert!(error.to_string().contains("Prometheus refused the query: 1:5: parse error"), "{error}");
}
