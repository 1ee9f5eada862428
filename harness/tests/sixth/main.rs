//! A load balancer is one folder and one entry in a table: a sixth, invented one is found by its name, found on
//! the machine, given its configuration and connected to, by the code that knows the five real ones.

mod plumb;

use harness::testbed::TestbedError;
use harness::testbed::real::{Installed, files, template};
use lb_admin_client::program::Launch;
use lb_admin_client::{Kind, KnownBackend, RealOptions, Switching, connect};
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const TURNS: Algorithm = Algorithm::plain(Rule::RoundRobin);
const COIN: Algorithm = Algorithm::plain(Rule::P2c);
const LEAST: Algorithm = Algorithm::plain(Rule::LeastConnections);

/// The table with one entry more.
fn table() -> Vec<Kind> {
    Kind::ALL.iter().copied().chain([Kind::new(plumb::PROGRAM)]).collect()
}

fn sixth() -> Kind {
    Kind::find(&table(), "Plumb").expect("the table names it, in any case of letters")
}

/// A shell script in the place of the program. Its answer to `--check` is the file `answer`, if there is one.
fn script(dir: &Path, version: &str) -> PathBuf {
    let path = dir.join("plumb");
    let lines = format!(
        "case \"$1\" in\n--version) echo 'plumb version {version} of spring' ;;\n\
         --check) test -e answer && cat answer >&2 && exit 1; exit 0 ;;\n*) exit 9 ;;\nesac"
    );
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    path
}

fn backends() -> Vec<KnownBackend> {
    let backend = |number: u16| KnownBackend {
        id: format!("b{number}"),
        pool: "main".to_owned(),
        services: Vec::new(),
        address: format!("127.0.0.1:{}", 9000 + number),
        weight: f64::from(number),
    };
    vec![backend(1), backend(2)]
}

fn launch<'a>(dir: &'a Path, config: &'a Path, backends: &'a [KnownBackend]) -> Launch<'a> {
    Launch {
        dir,
        config,
        listen: "127.0.0.1:8080".parse().expect("an address"),
        admin: "127.0.0.1:8081".parse().expect("an address"),
        threads: 3,
        switching: Switching::Selector,
        algorithms: &[COIN, TURNS],
        backends,
        access_log: None,
        logs_requests: false,
    }
}

#[test]
fn its_name_its_algorithms_and_its_switchings_are_those_of_its_entry() {
    let kind = sixth();
    assert_eq!(kind.to_string(), "plumb");
    assert_eq!(Kind::find(Kind::ALL, "plumb"), None, "the table of the product does not have it");
    assert_eq!(kind.algorithms().collect::<Vec<_>>(), [TURNS, COIN]);
    assert_eq!((kind.native(COIN), kind.native(LEAST)), (Some("coin"), None));
    assert_eq!(
        kind.lacks(LEAST),
        "plumb has no least-connections; coin comes nearest; it has round-robin, p2c",
        "what it lacks is said with what comes nearest"
    );
    assert!(kind.offers(Switching::Selector) && !kind.offers(Switching::Config));
    assert_eq!(kind.admin_flag, "the path of its control socket");
}

#[test]
fn its_program_is_found_with_its_version_and_refused_when_it_is_too_old() {
    let dir = tempfile::tempdir().expect("a folder");
    let program = script(dir.path(), "2.4.7");
    let installed = Installed::find(sixth(), Some(&program)).expect("it is there");
    assert_eq!(installed.to_string(), format!("plumb 2.4.7 ({})", program.display()));

    let program = script(dir.path(), "2.0.9");
    let error = Installed::find(sixth(), Some(&program)).expect_err("it is too old").to_string();
    for part in ["plumb 2.0.9", "2.1.0 or newer", "apt-get install plumb", "--program"] {
        assert!(error.contains(part), "the message holds `{part}`: {error}");
    }
    let error = Installed::find(sixth(), None).expect_err("PATH does not have it").to_string();
    assert!(error.contains("failed to find the program `plumb` on PATH"), "{error}");
}

#[test]
fn its_configuration_is_filled_written_with_what_lies_beside_it_and_checked() {
    let dir = tempfile::tempdir().expect("a folder");
    let kind = sixth();
    let installed = Installed::find(kind, Some(&script(dir.path(), "2.4.7"))).expect("it is there");
    let config = dir.path().join(kind.config_file);
    let backends = backends();
    let launch = launch(dir.path(), &config, &backends);

    let filled = template::render(kind, &launch, &[]).expect("the template uses what there is");
    files::write(&installed, &launch, &filled).expect("the folder is ours");
    assert_eq!(
        fs::read_to_string(&config).expect("it is written"),
        "# Plumb selector in .\nlisten 127.0.0.1:8080 threads 3\ncontrol plumb.sock\nfirst p2c\npool main *\n  \
         b1 127.0.0.1:9001 50\n  b2 127.0.0.1:9002 100\nbalance p2c = coin\nbalance round-robin = turns\n"
    );
    assert_eq!(fs::read_to_string(dir.path().join("state/first")).expect("it is written"), "p2c\n");
    fs::write(dir.path().join("lines/old"), "").expect("the folder is made");
    files::write(&installed, &launch, &filled).expect("the folder is ours");
    assert!(!dir.path().join("lines/old").exists(), "an empty folder is emptied for each start");

    files::check(&installed, &launch).expect("the program takes it");
    fs::write(dir.path().join("answer"), "notice: reading\nerror: line 3: control\n")
        .expect("the folder is ours");
    let error = files::check(&installed, &launch).expect_err("the program rejects it");
    assert!(matches!(error, TestbedError::Rejected { .. }), "{error:?}");
    let error = error.to_string();
    assert!(
        error.contains("plumb rejects the configuration") && error.contains("error: line 3: control"),
        "{error}"
    );
    assert!(!error.contains("notice"), "only lines that tell why are shown: {error}");

    assert_eq!((kind.run)(&launch)[0], "--run");
    assert_eq!((kind.environment)(&launch), [("PLUMB_THREADS", "3".into())]);
}

#[tokio::test]
async fn its_adapter_is_connected_by_way_of_the_table() {
    let options = RealOptions { backends: backends(), ..RealOptions::new("/run/plumb.sock") };
    let admin = connect(sixth(), &options).await.expect("it answers");
    admin.switch(&COIN).await.expect("it has p2c");
    assert_eq!(admin.current().await.expect("it answers").algorithm, Some(COIN));
    let snapshot = admin.snapshot().await.expect("it counts");
    assert_eq!(snapshot.backends.iter().map(|backend| backend.id.as_str()).collect::<Vec<_>>(), ["b1", "b2"]);
}
