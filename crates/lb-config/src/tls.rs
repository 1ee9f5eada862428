//! How TLS is spoken with an `https` target: whom to trust, and how to identify.

use super::error::Findings;
use super::load_balancer::Target;
use super::said::Said;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// How TLS is spoken with an `https` target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file with the authorities that are trusted, in place of those of the system. `None` trusts those
    /// of the system.
    pub ca: Option<PathBuf>,
    /// The PEM files of the client certificate and of its private key; `None` if clients do not identify
    /// themselves.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether any certificate is accepted, from anyone.
    pub insecure: bool,
    /// Whether a user that connects again resumes its session.
    pub resumption: bool,
}

impl Tls {
    pub(crate) fn to_json(&self) -> Value {
        let (cert, key) = self.identity.clone().unzip();
        json!({
            "ca": self.ca,
            "cert": cert,
            "key": key,
            "insecure": self.insecure,
            "resumption": self.resumption,
        })
    }
}

/// The settings of TLS, each with the place that sets it.
#[derive(Clone, Debug)]
pub(crate) struct TlsSettings {
    pub(crate) ca: Option<Said<PathBuf>>,
    pub(crate) cert: Option<Said<PathBuf>>,
    pub(crate) key: Option<Said<PathBuf>>,
    pub(crate) insecure: Option<Said<bool>>,
    pub(crate) resumption: Option<Said<bool>>,
}

/// Resolves the settings of TLS for a target. `None` if requests to it are not sent over TLS; settings without
/// effect are noted. `folder` is that of the config.
pub(super) fn settle_tls(
    settings: &TlsSettings,
    target: &Target,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<Tls> {
    if !target.is_secure() {
        for (at, value) in settings.all() {
            findings.note(
                &at,
                value,
                "has no effect: requests are not sent over TLS, since no `https://` address is named",
            );
        }
        return None;
    }
    let insecure = settings.insecure.as_ref().is_some_and(|said| said.value);
    let mut file = |said: &Option<Said<PathBuf>>, mark: &str| {
        said.as_ref().map(|said| find(said, mark, folder, findings))
    };
    let ca = file(&settings.ca, "CERTIFICATE");
    let cert = file(&settings.cert, "CERTIFICATE");
    let key = file(&settings.key, "PRIVATE KEY");
    match (&settings.cert, &settings.key) {
        (Some(cert), None) => findings.wrong(
            &cert.at,
            shown(cert),
            "needs its private key; add `--key FILE` or `bench.tls.key`",
        ),
        (None, Some(key)) => findings.wrong(
            &key.at,
            shown(key),
            "needs its certificate; add `--cert FILE` or `bench.tls.cert`",
        ),
        _ => {}
    }
    if let Some(said) = settings.ca.as_ref().filter(|_| insecure) {
        findings.note(&said.at, shown(said), "has no effect: any certificate is accepted (`insecure`)");
    }
    Some(Tls {
        ca,
        identity: cert.zip(key),
        insecure,
        resumption: settings.resumption.as_ref().is_none_or(|said| said.value),
    })
}

impl TlsSettings {
    /// Lists the settings that are set, with their places.
    fn all(&self) -> Vec<(String, Value)> {
        let files = [&self.ca, &self.cert, &self.key];
        let files = files.into_iter().flatten().map(|said| (said.at.clone(), shown(said).into()));
        let switches = [&self.insecure, &self.resumption];
        let switches = switches.into_iter().flatten().map(|said| (said.at.clone(), said.value.into()));
        files.chain(switches).collect()
    }
}

fn shown(said: &Said<PathBuf>) -> String {
    said.value.display().to_string()
}

/// Finds a PEM file: from the working directory, then, unless a flag names it, from the config's folder.
fn find(said: &Said<PathBuf>, mark: &str, folder: Option<&Path>, findings: &mut Findings) -> PathBuf {
    let mut path = said.value.clone();
    let mut read = std::fs::read(&path);
    if let (Err(_), Some(folder)) = (&read, folder.filter(|_| !said.is_flag())) {
        let beside = folder.join(&path);
        if let Ok(bytes) = std::fs::read(&beside) {
            (path, read) = (beside, Ok(bytes));
        }
    }
    match read {
        Err(error) => {
            findings.wrong(&said.at, shown(said), format!("cannot be read: {error}; name a file in PEM"));
        }
        // A key of an old kind is marked `RSA PRIVATE KEY` or `EC PRIVATE KEY`.
        Ok(bytes) if !String::from_utf8_lossy(&bytes).contains(&format!("{mark}-----")) => {
            let message =
                format!("is not PEM: it has no line `-----BEGIN {mark}-----`; convert it with `openssl`");
            findings.wrong(&said.at, shown(said), message);
        }
        Ok(_) => {}
    }
    path
}
