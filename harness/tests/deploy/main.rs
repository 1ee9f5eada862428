//! What `deploy/` holds: checked by other implementations of each format, and run.
//!
//! `check.py` beside this file reads the Containerfile, the composition, the Kubernetes resources and the workflows;
//! broken copies must be refused. `play.py` runs them, without a container engine: `assemble.sh` makes the root folder of
//! the image, and each container is a sandbox with that root. What it takes is set up by `cargo xtask test`: Python
//! packages, whose interpreter `BENCH_PYTHON` names, and bubblewrap. Without them those tests are reported as ignored,
//! which the standard test harness could not decide at run time; where `BENCH_REQUIRE_LOAD_BALANCERS` is set, they run and
//! fail.

use libtest_mimic::{Arguments, Failed, Trial};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::{Arc, OnceLock};

/// Names the interpreter that has the packages.
const PYTHON: &str = "BENCH_PYTHON";

/// Set where nothing may be missing.
const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// Tests at once. Each has several processes of its own.
const AT_ONCE: usize = 2;

/// A network of its own, with nothing but a loopback interface.
const ALONE: [&str; 5] = ["--unshare-net", "--die-with-parent", "--dev-bind", "/", "/"];

/// Root keeps its capabilities there, to make user 1000 of sandboxes user 1000 of this machine.
const AS_ROOT: [&str; 2] = ["--cap-add", "ALL"];

const CHECKS: [(&str, &str); 4] = [
    ("hadolint_and_shellcheck_have_nothing_to_say_about_the_image", "container"),
    ("docker_compose_accepts_the_services_and_none_has_a_privilege", "compose"),
    ("kubernetes_accepts_every_overlay_and_no_pod_has_a_privilege", "kubernetes"),
    ("github_accepts_the_workflows_and_zizmor_has_nothing_to_say", "workflows"),
];

const PLAYS: [(&str, &str); 6] = [
    ("the_image_sends_load_without_a_privilege_within_its_limits_and_ends_on_sigterm", "image"),
    ("the_load_test_of_the_composition_waits_for_healthy_services_and_keeps_its_results", "composition"),
    ("the_page_of_the_composition_wants_a_password", "page"),
    ("the_load_of_the_pods_waits_for_the_frontend_and_ends_on_sigterm", "pods"),
    ("the_nightly_job_keeps_results_that_can_be_compared", "night"),
    ("the_steps_of_the_workflows_run_and_their_gates_decide", "steps"),
];

/// A check, a file of `deploy/`, what is replaced in it, by what, and what the check must say then.
const BREAKS: [(&str, &str, &str, &str, &str); 16] = [
    ("container", "container/Containerfile", "USER 1000:1000", "USER 0:0", "USER"),
    ("container", "container/Containerfile", "rust:1.95.0-slim-bookworm", "rust:latest", "DL3007"),
    ("container", "container/Containerfile", "FROM scratch", "FROM debian:12-slim", "base"),
    (
        "container",
        "container/assemble.sh",
        "install -m 755 \"$program\"",
        "install -m 755 $program",
        "SC2086",
    ),
    ("compose", "compose/compose.yaml", "cap_drop: [ALL]", "cap_drop: [NET_RAW]", "capabilities"),
    ("compose", "compose/compose.yaml", "127.0.0.1:8089:8089", "8089:8089", "published"),
    ("compose", "compose/compose.yaml", "mem_limit: 512m", "memory_limit: 512m", "memory_limit"),
    (
        "kubernetes",
        "kubernetes/overlays/continuous/deployment.yaml",
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
        "may do",
    ),
    ("kubernetes", "kubernetes/overlays/continuous/deployment.yaml", "cpu: 300m", "cpu: 200m", "300m"),
    (
        "kubernetes",
        "kubernetes/overlays/continuous/deployment.yaml",
        "restartPolicy:",
        "restartsPolicy:",
        "restartsPolicy",
    ),
    (
        "kubernetes",
        "kubernetes/overlays/nightly/kustomization.yaml",
        "cron-job.yaml",
        "cron.yaml",
        "cron.yaml",
    ),
    (
        "kubernetes",
        "kubernetes/overlays/nightly/cron-job.yaml",
        "name: load-settings",
        "name: settings",
        "settings",
    ),
    ("workflows", "github/load-test.yml", "runs-on:", "run-on:", "run-on"),
    ("workflows", "github/image.yml", " # v6.0.2", "", "pinned"),
    (
        "workflows",
        "github/image.yml",
        "run: deploy/kubernetes/set-image.sh \"$IMAGE\"",
        "run: deploy/kubernetes/set-image.sh \"${{ github.head_ref }}\"",
        "template-injection",
    ),
    ("workflows", "github/image.yml", "sleep 300", "sleep 30", "five minutes"),
];

fn main() -> ExitCode {
    let stage = Arc::new(Stage::new());
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let trials = trials(&stage);
    drop(stage);
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(stage: &Arc<Stage>) -> Vec<Trial> {
    let required = std::env::var_os(REQUIRED).is_some();
    let python = required || std::env::var_os(PYTHON).is_some();
    let sandbox = required || has_sandbox();
    if !python || !sandbox {
        eprintln!(
            "tests marked [python] or [bwrap] are ignored where {PYTHON} names no interpreter, or bubblewrap can make no \
             sandbox; `cargo xtask test --install` sets both up"
        );
    }
    let trial = |name: &str, kind, ignored, test: Box<dyn FnOnce(&Stage) + Send>| {
        let stage = Arc::clone(stage);
        let run = move || -> Result<(), Failed> {
            test(&stage);
            Ok(())
        };
        Trial::test(name, run).with_kind(kind).with_ignored_flag(ignored)
    };
    let mut trials = vec![trial(
        "a_root_is_only_made_of_a_program_and_in_a_new_folder",
        "image",
        false,
        Box::new(refused_roots),
    )];
    trials
        .extend(CHECKS.map(|(name, check)| {
            trial(name, "python", !python, Box::new(move |stage| stage.accepts(check)))
        }));
    trials.push(trial("what_is_wrong_is_not_accepted", "python", !python, Box::new(refused_files)));
    trials.extend(PLAYS.map(|(name, play)| {
        trial(name, "bwrap", !(python && sandbox), Box::new(move |stage| stage.plays(play)))
    }));
    trials
}

/// Runs what follows in a network of its own.
fn alone() -> Command {
    let mut command = Command::new("bwrap");
    command.args(ALONE);
    if rustix::process::geteuid().is_root() {
        command.args(AS_ROOT);
    }
    command.arg("--");
    command
}

/// Whether bubblewrap is installed and can make a network of its own.
fn has_sandbox() -> bool {
    alone()
        .arg("true")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The folder of all tests, with the root of the image once a test needs it.
struct Stage {
    folder: tempfile::TempDir,
    image: OnceLock<PathBuf>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Sandboxes run as another user.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .expect("our own folder");
        Self { folder, image: OnceLock::new() }
    }

    /// Returns the root folder of the image of this build.
    fn image(&self) -> &Path {
        self.image.get_or_init(|| {
            let image = self.folder.path().join("root-of-image");
            let output = assemble(&[env!("CARGO_BIN_EXE_bench").as_ref(), image.as_os_str()]);
            assert!(output.status.success(), "assemble.sh makes a root: {}", said(&output));
            image
        })
    }

    /// Returns a new folder.
    fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).expect("a folder of its own for each test");
        folder
    }

    /// Asserts that `check.py` accepts `deploy/`.
    fn accepts(&self, name: &str) {
        let output = check(name, root(), &self.scratch(name));
        assert!(
            output.status.success(),
            "`check.py {name}` must accept what deploy/ holds: {}",
            said(&output)
        );
    }

    /// Runs a play in a network of its own.
    fn plays(&self, name: &str) {
        let scratch = self.scratch(name);
        let mut command = alone();
        command.arg(python()).args(["-B", "harness/tests/deploy/play.py", name]);
        command.arg(root()).arg(&scratch).arg(self.image());
        let output = finish(&mut command);
        assert!(output.status.success(), "`play.py {name}`: {}", said(&output));
        assert!(!output.stdout.is_empty(), "it says what it saw");
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the harness lies in the repository")
}

fn python() -> std::ffi::OsString {
    std::env::var_os(PYTHON)
        .unwrap_or_else(|| panic!("{PYTHON} names an interpreter; `cargo xtask test` sets it"))
}

fn finish(command: &mut Command) -> Output {
    command.current_dir(root()).stdin(Stdio::null()).output().expect("the program can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn check(name: &str, root: &Path, scratch: &Path) -> Output {
    let mut command = Command::new(python());
    finish(command.args(["-B", "harness/tests/deploy/check.py", name]).arg(root).arg(scratch))
}

fn assemble(arguments: &[&OsStr]) -> Output {
    finish(Command::new(root().join("deploy/container/assemble.sh")).args(arguments))
}

fn refused_roots(stage: &Stage) {
    let scratch = stage.scratch("roots");
    std::fs::write(scratch.join("old"), "").expect("a file can be written");
    let program = Path::new(env!("CARGO_BIN_EXE_bench")).as_os_str();
    let (missing, new) = (scratch.join("missing"), scratch.join("new"));
    let cases: [(&[&OsStr], &str); 3] = [
        (&[program], "two arguments are needed"),
        (&[missing.as_os_str(), new.as_os_str()], "there is no program"),
        (&[program, scratch.as_os_str()], "is not empty"),
    ];
    for (arguments, says) in cases {
        let output = assemble(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{arguments:?} must say {says:?}: {}", said(&output));
    }
    assert_eq!(std::fs::read_dir(&scratch).expect("a folder").count(), 1, "nothing was written");
}

fn refused_files(stage: &Stage) {
    let scratch = stage.scratch("scratch-of-broken");
    for (index, (name, file, old, new, says)) in BREAKS.into_iter().enumerate() {
        let broken = stage.scratch(&format!("broken-{index}"));
        let copied = finish(Command::new("cp").arg("--archive").arg(root().join("deploy")).arg(&broken));
        assert!(copied.status.success(), "{}", said(&copied));
        let path = broken.join("deploy").join(file);
        let text = std::fs::read_to_string(&path).expect("a file of deploy/");
        assert!(text.contains(old), "{file} holds {old:?}, to be broken");
        std::fs::write(&path, text.replace(old, new)).expect("a file can be written");
        let output = check(name, &broken, &scratch);
        assert!(
            !output.status.success() && said(&output).contains(says),
            "`check.py {name}` must refuse {file} with {new:?} for {old:?}, and say {says:?}: {}",
            said(&output)
        );
    }
}
