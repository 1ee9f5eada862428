//! `bench ui`: serves the page on which runs are started, watched, steered and compared.

use super::history_program::{DEFAULT_HISTORY, HISTORY};
use super::shared::{block_on, print};
use super::ui_args::UiArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::ui::choices;
use anyhow::{Context as _, anyhow};
use lb_core::plain;
use lb_io::complain;
use lb_web::{Access, Bound, Options, Program, StartError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

/// The variable that holds a token.
const TOKEN: &str = "BENCH_WEB_TOKEN";
/// The longest token file, in bytes.
const LONGEST_TOKEN: u64 = 4096;

pub(super) fn execute(args: &UiArgs) -> Result<ExitCode, Failure> {
    let options = Options {
        listen: args.web_listen,
        port: args.web_port,
        hosts: args.web_host.clone(),
        access: access(args)?,
        results: args.results.clone(),
        tell: Box::new(|text| complain(plain::lines(text))),
    };
    let exe = std::env::current_exe()
        .context("failed to find the program of `bench`, which runs are started with")
        .or_exit(ExitCode::Internal)?;
    let bound = options.bind().map_err(|error| Failure {
        code: match &error {
            StartError::Settings(_) => ExitCode::Usage,
            StartError::Listen(_) => ExitCode::Preflight,
        },
        error: error.into(),
    })?;
    print(&format!("page: {}", url_of(bound.address())));
    let folder = args.configs.clone();
    let choices = Box::new(move || choices(folder.as_deref()));
    let program = Program { exe, name: "bench".to_owned(), choices, trend: Box::new(trend) };
    block_on(LocalSet::new().run_until(serve(bound, program)))
}

/// Returns the words that draw the trend of the history that `bench nightly` uses without further flags, if there is one.
fn trend() -> Option<Vec<String>> {
    let is_named = std::env::var_os(HISTORY).is_some_and(|url| !url.is_empty());
    let default = DEFAULT_HISTORY.trim_start_matches("sqlite:");
    (is_named || Path::new(default).is_file()).then(|| vec!["trend".to_owned()])
}

/// Serves until a signal. A second one ends a run that is still writing its report.
async fn serve(bound: Bound, program: Program) -> Result<ExitCode, Failure> {
    let (stop, stopped) = mpsc::unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).or_exit(ExitCode::Internal)?;
        let stop = stop.clone();
        tokio::task::spawn_local(
            async move { while signals.recv().await.is_some() && stop.send(()).is_ok() {} },
        );
    }
    bound.serve(program, stopped).await.or_exit(ExitCode::Internal)?;
    Ok(ExitCode::Ok)
}

/// Returns who may use the page. A variable that is empty counts as one that is not set.
fn access(args: &UiArgs) -> Result<Access, Failure> {
    let auth = args.web_auth.as_deref().filter(|text| !text.is_empty());
    let token = match &args.web_token_file {
        Some(path) => Some(
            lb_io::read_text(path, LONGEST_TOKEN)
                .with_context(|| format!("--web-token-file: failed to read `{}`", path.display()))
                .or_exit(ExitCode::Usage)?,
        ),
        None => std::env::var(TOKEN).ok().filter(|text| !text.is_empty()),
    };
    match (auth, token) {
        (None, None) => Ok(Access::Everybody),
        (Some(auth), None) => Access::password(auth).or_exit(ExitCode::Usage),
        (None, Some(token)) => Access::token(&token).or_exit(ExitCode::Usage),
        (Some(_), Some(_)) => Err(anyhow!(
            "the page can ask for a password or for a token, not for both; leave out `--web-auth` (BENCH_WEB_AUTH) or \
             `--web-token-file` ({TOKEN})"
        ))
        .or_exit(ExitCode::Usage),
    }
}

/// Returns the address to open in a browser on this machine.
fn url_of(address: SocketAddr) -> String {
    let ip = address.ip();
    let shown = if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip };
    format!("http://{}/", SocketAddr::new(shown, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_an_address_that_a_browser_can_open() {
        for (bound, url) in [
            ("127.0.0.1:8089", "http://127.0.0.1:8089/"),
            ("0.0.0.0:80", "http://127.0.0.1:80/"),
            ("[::1]:9", "http://[::1]:9/"),
            ("10.0.0.5:8089", "http://10.0.0.5:8089/"),
        ] {
            assert_eq!(url_of(bound.parse().expect("an address")), url);
        }
    }
}
