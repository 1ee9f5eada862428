//! The files of the page, embedded in the program: a fixed table, so that no path from a request is ever followed.

use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// A file of the page.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its name below `/assets/`.
    pub(crate) name: &'static str,
    /// Its media type.
    pub(crate) media: &'static str,
    /// Its content.
    pub(crate) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $media:expr,)*) => {
        &[$(Asset { name: $name, media: $media, bytes: include_bytes!(concat!("../assets/", $name)) },)*]
    };
}

/// Every file of the page; the first is the page itself.
const ASSETS: &[Asset] = assets! {
    "index.html": HTML,
    "app.css": CSS,
    "app.js": SCRIPT,
    "board.js": SCRIPT,
    "charts.js": SCRIPT,
    "dom.js": SCRIPT,
    "form.js": SCRIPT,
    "live.js": SCRIPT,
    "plot.js": SCRIPT,
    "results.js": SCRIPT,
    "session.js": SCRIPT,
    "steer.js": SCRIPT,
    "tables.js": SCRIPT,
    "theme.js": SCRIPT,
    "watch.js": SCRIPT,
    "vendor/uplot.css": CSS,
    "vendor/uplot.js": SCRIPT,
};

impl Asset {
    /// Returns the page itself.
    pub(crate) fn page() -> &'static Self {
        &ASSETS[0]
    }

    /// Returns the file with a name, which may leave out `vendor/`.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| {
            asset.name == name || asset.name.strip_prefix("vendor/").is_some_and(|short| short == name)
        })
    }

    /// Returns what changes with the content, for `ETag`.
    pub(crate) fn tag(&self) -> String {
        static TAGS: OnceLock<Vec<String>> = OnceLock::new();
        let tags = TAGS.get_or_init(|| ASSETS.iter().map(|asset| hash(asset.bytes)).collect());
        let at = ASSETS.iter().position(|asset| asset.name == self.name).unwrap_or_default();
        tags[at].clone()
    }
}

/// Returns the beginning of the SHA-256 of some bytes, in quotation marks.
fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_by_its_name_and_nothing_else_is() {
        for asset in ASSETS {
            assert_eq!(Asset::named(asset.name).map(|found| found.name), Some(asset.name));
            assert!(asset.tag().starts_with('"') && asset.tag().len() == 26, "{}", asset.tag());
        }
        assert_eq!(Asset::named("uplot.js").map(|found| found.name), Some("vendor/uplot.js"));
        for name in ["", "../Cargo.toml", "vendor/", "INDEX.HTML", "app.js/", "./app.js"] {
            assert!(Asset::named(name).is_none(), "`{name}` is no file of the page");
        }
    }
}
