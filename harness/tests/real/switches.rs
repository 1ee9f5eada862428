//! Switches while requests are under way: what a switch must not do to clients.

use crate::client::Connection;
use crate::least_loaded;
use crate::stage::{Stage, algorithm};
use lb_admin_client::{Kind, LoadBalancerAdmin, Switching, Verdict, VerifyOptions};
use lb_core::Algorithm;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::Duration;

const SWITCHES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);
/// Connections that are used over and over.
const LOOPS: usize = 4;
/// Held for longer than an idle machine needs for all switches.
const SLOW: &str = "/api/hold?ms=3000";
/// Comes in parts meanwhile.
const STREAM: &str = "/api/hold?ms=3000&chunks=15";

fn both(kind: Kind) -> [Algorithm; 2] {
    [algorithm("round-robin"), algorithm(least_loaded(kind))]
}

/// Among groups of backends.
pub(crate) fn by_selector(kind: Kind) {
    lose_nothing(kind, Switching::Selector);
}

/// Envoy's clusters with another policy each time.
pub(crate) fn of_clusters(kind: Kind) {
    lose_nothing(kind, Switching::Config);
}

/// Slow requests, a stream and connections in use live through every switch, and the next request on an old
/// connection is under the new algorithm.
fn lose_nothing(kind: Kind, switching: Switching) {
    let stage = Stage::new();
    let real = stage.start(kind, &both(kind), switching);
    let url = real.base_url.as_str();
    assert!(!real.admin.capabilities().switch_breaks_idle_connections, "{kind} says that it breaks nothing");

    let done = AtomicBool::new(false);
    let (switched, clients) = scope(|scope| {
        let slow = |path: &'static str, lines: usize| -> Client<'_> {
            let mut connection = Connection::open(url);
            scope.spawn(move || {
                let reply = connection.get_ok(path)?;
                let came = reply.body.lines().count();
                (came == lines).then_some(1).ok_or_else(|| format!("{path}: {came} of {lines} lines came"))
            })
        };
        let mut clients = vec![slow(SLOW, 1), slow(SLOW, 1), slow(STREAM, 15)];
        for _ in 0..LOOPS {
            let mut connection = Connection::open(url);
            let done = &done;
            clients.push(scope.spawn(move || {
                let mut replies = 0;
                while !done.load(Ordering::Relaxed) {
                    connection.get_ok("/api/hold?ms=5")?;
                    replies += 1;
                }
                Ok(replies)
            }));
        }
        let switched = switch_over_and_over(&stage, &*real.admin, url, kind, switching);
        done.store(true, Ordering::Relaxed);
        let replies = |client: Client<'_>| client.join().expect("a client does not panic");
        (switched, clients.into_iter().map(replies).collect::<Vec<_>>())
    });

    assert_eq!(
        switched,
        Ok(()),
        "{kind}: each switch is in force with the next request on an old connection"
    );
    for (number, client) in clients.iter().enumerate() {
        let replies = client.as_ref();
        assert!(
            replies.is_ok_and(|replies| *replies > 0),
            "{kind}: no request fails and no connection ends by a switch (client {number}): {client:?}"
        );
    }
    stage.end(Some(real));
}

/// How many replies one client had, or what went wrong.
type Client<'a> = ScopedJoinHandle<'a, Result<usize, String>>;

fn switch_over_and_over(
    stage: &Stage,
    admin: &dyn LoadBalancerAdmin,
    url: &str,
    kind: Kind,
    switching: Switching,
) -> Result<(), String> {
    let mut old = Connection::open(url);
    old.get_ok("/api/hold?ms=0")?;
    let [first, second] = both(kind);
    for number in 0..SWITCHES {
        let algorithm = if number % 2 == 0 { second } else { first };
        stage.runtime.block_on(admin.switch(&algorithm)).map_err(|error| error.to_string())?;
        let reply = old.get_ok("/api/hold?ms=0")?;
        // Clusters that are changed as a whole name nothing.
        let named = reply.header("x-lb-algorithm");
        if switching == Switching::Selector && named != Some(&*algorithm.to_string()) {
            return Err(format!("after switch {number} to {algorithm} a reply names {named:?}"));
        }
        sleep(PAUSE);
    }
    Ok(())
}

/// Those whose configuration can be changed are switched by it, too, and say what that costs.
pub(crate) fn by_configuration(kind: Kind) {
    let stage = Stage::new();
    let real = stage.start(kind, &both(kind), Switching::Config);
    assert_eq!(
        real.admin.capabilities().switch_breaks_idle_connections,
        kind.name() != "envoy",
        "{kind} says what a new configuration does to idle connections"
    );
    let options = VerifyOptions::new(&real.base_url, "").expect("an address");
    let [first, second] = both(kind);
    for algorithm in [second, first, second] {
        let evidence = stage.runtime.block_on(async {
            real.admin.switch(&algorithm).await?;
            real.admin.verify(&algorithm, &options).await
        });
        let evidence = evidence.unwrap_or_else(|error| panic!("{kind} switches to {algorithm}: {error}"));
        let expected = if kind.name() == "nginx" { Verdict::Consistent } else { Verdict::Confirmed };
        assert_eq!(evidence.control_plane.verdict, expected, "{kind}: {}", evidence.control_plane.detail);
        let header = if kind.name() == "envoy" { Verdict::NotTested } else { Verdict::Confirmed };
        assert_eq!(evidence.header.verdict, header, "{kind}: {}", evidence.header.detail);
        // A busy machine may leave it open.
        let behaviour = &evidence.behaviour;
        assert!(
            matches!(behaviour.verdict, Verdict::Confirmed | Verdict::NotTested),
            "{kind} behaves like {algorithm}: {behaviour:?}"
        );
    }
    stage.end(Some(real));
}
