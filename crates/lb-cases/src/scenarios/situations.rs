//! The situations A to I as cases: the bundled topologies with their loads. Some also come with requests that tell their
//! size.

use super::Case;
use lb_core::service_time::ServiceTime;
use lb_core::topology::{Route, Topology};
use lb_core::{Seed, Span};
use simulator::{Bursts, HealthChecks, OpenLoad, Options, Reports, Telling};

/// One-way delay of a hop: 250 µs, as in a data centre.
const DELAY: Span = Span::from_micros(250);

/// Number of requests per case.
const REQUESTS: u64 = 60_000;

/// What requests tell in the sized situations: sizes keep their variance, of which 81 % is told, as with the limits of the
/// journey `telling_get` on the bundled topologies.
const TELLING: Telling = Telling { share: 0.8064, sigma: 1.0, noise: 0, word: None };

/// Load and topology of a situation.
struct Drive {
    letter: char,
    /// Short description of what makes the situation hard, for reports.
    about: &'static str,
    text: &'static str,
    /// Utilisation, as a fraction of the capacity.
    utilisation: f64,
    /// Capacity of the pool in requests per second.
    capacity: f64,
    bursts: bool,
    balancers: u16,
    /// The topology whose requests tell their size, if there is one.
    sized: Option<&'static str>,
}

const fn drive(letter: char, about: &'static str, text: &'static str, utilisation: f64) -> Drive {
    Drive { letter, about, text, utilisation, capacity: 3_200.0, bursts: false, balancers: 1, sized: None }
}

macro_rules! topology {
    ($letter:literal) => {
        include_str!(concat!("../../../../configs/topologies/situation-", $letter, ".json"))
    };
}

static DRIVES: [Drive; 9] = [
    drive('a', "equal backends at 90 %", topology!("a"), 0.9),
    Drive { sized: Some(topology!("b-sized")), ..drive('b', "speeds 1:2:4:8 at 80 %", topology!("b"), 0.8) },
    drive('c', "one backend ten times slower at times", topology!("c"), 0.7),
    Drive {
        bursts: true,
        sized: Some(topology!("d-sized")),
        ..drive('d', "bursts on unequal backends", topology!("d"), 0.6)
    },
    drive('e', "one backend fails fast at times", topology!("e"), 0.6),
    Drive {
        bursts: true,
        sized: Some(topology!("f-sized")),
        ..drive('f', "unequal, bursts, slow and failing", topology!("f"), 0.6)
    },
    Drive {
        balancers: 4,
        sized: Some(topology!("g-sized")),
        ..drive('g', "B behind four load balancers", topology!("g"), 0.8)
    },
    Drive {
        sized: Some(topology!("h-sized")),
        ..drive('h', "B with shared processors, ten times slower at times", topology!("h"), 0.7)
    },
    Drive { capacity: 12_800.0, ..drive('i', "32 backends, speeds 1:2:4:8", topology!("i"), 0.8) },
];

/// Returns all nine situations, in order.
pub fn situations() -> Vec<Case> {
    DRIVES.iter().map(|drive| case(drive, drive.text)).collect()
}

/// Returns the situation with this letter, `a` to `i`.
pub fn situation(letter: char) -> Option<Case> {
    let drive = DRIVES.iter().find(|drive| drive.letter == letter.to_ascii_lowercase())?;
    Some(case(drive, drive.text))
}

/// Returns the situations B, D, F, G and H with requests that tell 81 % of the variance of their log sizes by the number
/// `query.limit`. Mean and variance of sizes, rates, bursts and faults are those of the plain situations.
pub fn sized_situations() -> Vec<Case> {
    let sized = |drive: &Drive| {
        let mut telling = case(drive, drive.sized?);
        telling.load.telling = Some(TELLING);
        Some(telling)
    };
    DRIVES.iter().filter_map(sized).collect()
}

/// Returns the sized situation with this letter, `b`, `d`, `f`, `g` or `h`.
pub fn sized_situation(letter: char) -> Option<Case> {
    let name = format!("situation-{}-sized", letter.to_ascii_lowercase());
    sized_situations().into_iter().find(|case| case.name == name)
}

/// Returns a short description of the situation with this name, such as `situation-a` or `situation-b-sized`, or `None`
/// for other names.
pub fn about_situation(name: &str) -> Option<&'static str> {
    let letter = name.strip_prefix("situation-")?;
    let letter = letter.strip_suffix("-sized").unwrap_or(letter);
    DRIVES.iter().find(|drive| letter.chars().eq([drive.letter])).map(|drive| drive.about)
}

/// Returns situation B with routes that determine most of the size of a request: the means of four routes are
/// spread like a log-normal distribution with sigma 0.9, and sizes within each route have sigma 0.45. The
/// overall spread of sizes is unchanged.
pub fn routed_situation() -> Case {
    let mut case = situation('b').expect("there is a B");
    case.name = "situation-b-routes".to_owned();
    let mean_ms = case.topology.service_time.mean_ms();
    // Means of the quarters of a log-normal distribution with sigma 0.9 and mean 1.
    let quarters = [0.201, 0.482, 0.898, 2.419];
    case.topology.routes = quarters
        .iter()
        .enumerate()
        .map(|(number, size)| Route {
            method: None,
            service: None,
            path: format!("/size-{number}"),
            service_time: ServiceTime::LogNormal { mean_ms: mean_ms * size, sigma: 0.45 },
            cost: None,
        })
        .collect();
    case.load.routes = vec![1.0; quarters.len()];
    case.with_luck(0)
}

fn case(drive: &Drive, topology: &str) -> Case {
    let topology: Topology = serde_json::from_str(topology).expect("the bundled topologies are valid");
    let bursts = Bursts { factor: 1.6, mean_length: Span::from_millis(500) };
    let load = OpenLoad {
        rate: drive.capacity * drive.utilisation,
        bursts: drive.bursts.then_some(bursts),
        routes: Vec::new(),
        requests: REQUESTS,
        request_timeout: Span::from_secs(2),
        seed: Seed(0),
        telling: None,
    };
    let options = Options {
        balancers: drive.balancers,
        network_delay: DELAY,
        health: HealthChecks::default(),
        seed: Seed(0),
        luck: 0,
        reports: Reports::None,
    };
    Case { name: topology.name.clone(), topology, load, options, service_ms: 10.0 }.with_luck(0)
}
