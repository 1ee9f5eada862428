//! Holds the service times that a client measures against the model's, in real time.
//!
//! Eight backends with more workers than requests, so that nothing queues; 1,000 requests a second in
//! total, as a Poisson stream with a fixed seed, on keep-alive connections. Each request carries a
//! key, so the model's service time of each single request is known, and sampling error plays no
//! part: mean and p99 of what was measured must be within 3 % of mean and p99 of what was drawn.
//!
//! Run on a quiet machine: `cargo bench -p mock-backends --bench service_time [-- SECONDS]`.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use lb_clock::{Alarm, Clock};
use lb_core::backend::demand;
use lb_core::headers::REQUEST_KEY;
use lb_core::service_time::ServiceTime;
use lb_core::topology::Topology;
use lb_core::{Seed, Span, Time};
use mock_backends::{Config, Mocks};
use rand::{Rng as _, RngExt as _};
use serde_json::json;
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

const BACKENDS: usize = 8;
const RATE: f64 = 1_000.0;
const SEED: Seed = Seed(20_251);
/// Largest deviation that is still good.
const LIMIT: f64 = 0.03;
/// Requests of the first part of a second open the connections and are not counted.
const WARM_UP: Span = Span::from_millis(500);

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    // `cargo bench` adds an argument of its own.
    let seconds = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    match compare_all(seconds.unwrap_or(20)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: a deviation is beyond {} %", LIMIT * 100.0);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare_all(seconds: u64) -> Result<bool, Failure> {
    let late = runtime()?.block_on(alarm_lateness())?;
    println!("the alarm rings late by, ms: p50 {:.3}, p99 {:.3}", late.p50, late.p99);
    println!("{BACKENDS} backends, {RATE} requests/s in total, {seconds} s each, ms:");
    println!(
        "{:<12} {:>8} {:>9} {:>9} {:>7} {:>9} {:>9} {:>7} {:>12} {:>12}",
        "service time", "requests", "mean", "model", "off", "p99", "model", "off", "added p50", "added p99"
    );
    let mut good = true;
    for (name, service_time) in [
        ("constant", ServiceTime::Constant { mean_ms: 10.0 }),
        ("exponential", ServiceTime::Exponential { mean_ms: 10.0 }),
        ("log-normal", ServiceTime::LogNormal { mean_ms: 10.0, sigma: 1.0 }),
    ] {
        let pairs = measure(service_time, Span::from_secs(seconds))?;
        let measured = Figures::of(pairs.iter().map(|pair| pair.measured));
        let model = Figures::of(pairs.iter().map(|pair| pair.model));
        let added = Figures::of(pairs.iter().map(|pair| pair.measured - pair.model));
        let off = |measured: f64, model: f64| measured / model - 1.0;
        let (mean, p99) = (off(measured.mean, model.mean), off(measured.p99, model.p99));
        println!(
            "{name:<12} {:>8} {:>9.3} {:>9.3} {:>6.2}% {:>9.3} {:>9.3} {:>6.2}% {:>12.3} {:>12.3}",
            pairs.len(),
            measured.mean,
            model.mean,
            mean * 100.0,
            measured.p99,
            model.p99,
            p99 * 100.0,
            added.p50,
            added.p99,
        );
        good &= mean.abs() <= LIMIT && p99.abs() <= LIMIT;
    }
    Ok(good)
}

fn runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

/// How late an alarm rings that is set a millisecond ahead, in milliseconds: the machine's share of
/// what is added to a service time.
async fn alarm_lateness() -> std::io::Result<Figures> {
    let clock = Clock::start();
    let alarm = Alarm::new(clock)?;
    let mut late = Vec::new();
    for _ in 0..1_000 {
        let at = clock.now() + Span::from_millis(1);
        alarm.set(at)?;
        alarm.ring().await?;
        late.push(clock.now().since(at).as_millis_f64());
    }
    Ok(Figures::of(late.into_iter()))
}

/// One request, in milliseconds.
struct Pair {
    measured: f64,
    model: f64,
}

struct Figures {
    mean: f64,
    p50: f64,
    p99: f64,
}

impl Figures {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let quantile = |q: f64| values[((values.len() as f64 * q) as usize).min(values.len() - 1)];
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Self { mean, p50: quantile(0.5), p99: quantile(0.99) }
    }
}

/// Sends the stream of requests to fresh backends.
fn measure(service_time: ServiceTime, duration: Span) -> Result<Vec<Pair>, Failure> {
    let backends: Vec<_> =
        (0..BACKENDS).map(|number| json!({ "id": format!("b{number}"), "workers": 1_000 })).collect();
    let topology: Topology = serde_json::from_value(json!({
        "name": "service-time",
        "pools": [{ "name": "all", "backends": backends }],
        "service_time": service_time,
    }))?;
    let mocks = Mocks::start(Config::new(topology))?;
    let addresses = mocks.announcement().backends.iter();
    let pools: Vec<Rc<Pool>> = addresses.map(|backend| Rc::new(Pool::new(&backend.url))).collect();
    runtime()?.block_on(send_all(&pools, service_time, duration))
}

async fn send_all(
    pools: &[Rc<Pool>],
    service_time: ServiceTime,
    duration: Span,
) -> Result<Vec<Pair>, Failure> {
    let clock = Clock::start();
    let alarm = Alarm::new(clock)?;
    let mut rng = SEED.stream(&[]);
    let mut at = Time::ZERO;
    let mut running = Vec::new();
    for number in 0.. {
        at += Span::from_secs_f64(-(1.0 - rng.random::<f64>()).ln() / RATE);
        if at > Time::ZERO + duration {
            break;
        }
        let key = rng.next_u64();
        let pool = Rc::clone(&pools[number % pools.len()]);
        alarm.set(at)?;
        alarm.ring().await?;
        let request = tokio::task::spawn_local(async move {
            let span = pool.request(clock, key).await.map_err(|error| error.to_string());
            span.map(|span| (span, key))
        });
        if at > Time::ZERO + WARM_UP {
            running.push(request);
        }
    }
    let mut pairs = Vec::with_capacity(running.len());
    for request in running {
        let (span, key) = request.await??;
        let (measured, model) = (span.as_millis_f64(), demand(&service_time, key).as_millis_f64());
        pairs.push(Pair { measured, model });
    }
    Ok(pairs)
}

/// The idle connections to one backend.
struct Pool {
    address: String,
    idle: RefCell<Vec<SendRequest<Empty<Bytes>>>>,
}

impl Pool {
    fn new(url: &str) -> Self {
        let address = url.trim_start_matches("http://").to_owned();
        Self { address, idle: RefCell::default() }
    }

    async fn connection(&self) -> Result<SendRequest<Empty<Bytes>>, Failure> {
        if let Some(idle) = self.idle.borrow_mut().pop() {
            return Ok(idle);
        }
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    /// Sends one request and returns the time from sending it to the end of its reply.
    async fn request(&self, clock: Clock, key: u64) -> Result<Span, Failure> {
        let mut connection = self.connection().await?;
        connection.ready().await?;
        let request = http::Request::get("/api/inventory/product/PHONE-001")
            .header("host", "bench")
            .header(REQUEST_KEY, format!("{key:016x}"))
            .body(Empty::new())?;
        let sent = clock.now();
        let reply = connection.send_request(request).await?;
        let status = reply.status();
        reply.into_body().collect().await?;
        let span = clock.now().since(sent);
        if status != http::StatusCode::OK {
            return Err(format!("unexpected status {status}").into());
        }
        self.idle.borrow_mut().push(connection);
        Ok(span)
    }
}
