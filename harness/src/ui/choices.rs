//! Lists what a form may choose from.

use lb_admin_client::Kind;
use lb_config::{Loaded, Pack, PackMode, bundled_configs, pack_names};
use lb_core::Algorithm;
use lb_core::secret::mask_passwords;
use lb_web::{Choice, Choices, ModeChoice, PackChoice};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The load balancer that comes with `bench`.
const REFERENCE: &str = "reference";
/// The endings of configs.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];
/// The most configs and packs of a folder that are offered.
const MOST_OWN: usize = 200;

/// Lists everything that comes with `bench`, and the configs and packs that lie in `folder`. What cannot be read is left out:
/// the command line says why.
pub fn choices(folder: Option<&Path>) -> Choices {
    let own = folder.map(entries).unwrap_or_default();
    let bundled = pack_names().filter_map(|name| Some((None, Pack::load(name).ok()?)));
    let mine = own.iter().filter(|path| path.join("pack.json").is_file()).filter_map(|path| {
        let word = word_of(path)?;
        Some((Some(word.clone()), Pack::load(&word).ok()?))
    });
    let packs: Vec<(Option<String>, Pack)> = bundled.chain(mine).collect();
    let environment = packs.iter().flat_map(|(_, pack)| pack.variables()).filter_map(|name| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        Some((name.to_owned(), mask_passwords(&value).into_owned()))
    });
    let environment: BTreeMap<String, String> = environment.collect();
    let mut offered: Vec<PackChoice> = Vec::new();
    for (word, pack) in &packs {
        let choice = pack_choice(pack, word.clone());
        // A pack of one's own that is called like a bundled one is called by its folder.
        let taken = offered.iter().any(|known| known.name == choice.name);
        let name = word.clone().filter(|_| taken).unwrap_or_else(|| choice.name.clone());
        offered.push(PackChoice { name, ..choice });
    }
    let configs = bundled_configs().map(|name| config_choice(format!("{name}.json"), name, None));
    let mine = own.iter().filter(|path| is_config(path)).filter_map(|path| {
        let word = word_of(path)?;
        Some(config_choice(path.file_name()?.to_str()?.to_owned(), &word, Some(word.clone())))
    });
    Choices {
        packs: offered,
        configs: configs.chain(mine).flatten().collect(),
        algorithms: Algorithm::table()
            .iter()
            .map(|entry| Choice { name: entry.name.to_owned(), about: entry.summary.to_owned(), word: None })
            .collect(),
        load_balancers: std::iter::once(REFERENCE.to_owned())
            .chain(Kind::ALL.iter().map(|kind| kind.name().to_owned()))
            .collect(),
        environment,
    }
}

/// Lists what lies in a folder, by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = read.map(|entry| entry.path()).collect();
    paths.sort();
    paths.truncate(MOST_OWN);
    paths
}

fn is_config(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.contains(&ending) && path.is_file()
}

/// Writes a path as a word of a command line, which cannot be taken for a flag.
fn word_of(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    Some(if text.starts_with('-') { format!("./{text}") } else { text.to_owned() })
}

fn config_choice(name: String, source: &str, word: Option<String>) -> Option<Choice> {
    let loaded = lb_config::load(source).ok()?;
    Some(Choice { name, about: description(&loaded), word })
}

/// Returns what a config says of itself, in its document or in a block of another dialect.
fn description(loaded: &Loaded) -> String {
    let document = loaded.document();
    let said = |value: &Value| value.get("description").and_then(Value::as_str).map(str::to_owned);
    let blocks = || document.as_object().into_iter().flat_map(|blocks| blocks.values());
    said(&document).or_else(|| blocks().find_map(said)).unwrap_or_default()
}

fn pack_choice(pack: &Pack, word: Option<String>) -> PackChoice {
    let default = pack.default_name();
    let mode = |mode: PackMode<'_>| ModeChoice {
        name: mode.name.to_owned(),
        about: mode.description.to_owned(),
        users: mode.users,
        duration: mode.duration.map(str::to_owned),
        default: mode.name == default,
    };
    let suites = pack.suites().map(|suite| ModeChoice {
        about: match suite.description.is_empty() {
            true => format!("one after the other: {}", suite.modes.join(", ")),
            false => suite.description.clone(),
        },
        default: suite.name == default,
        name: suite.name,
        ..ModeChoice::default()
    });
    let named = |mode: PackMode<'_>| Choice {
        name: mode.name.to_owned(),
        about: mode.description.to_owned(),
        word: None,
    };
    PackChoice {
        name: pack.name().to_owned(),
        title: pack.title().to_owned(),
        about: pack.answers().to_owned(),
        modes: pack.modes().map(mode).chain(suites).collect(),
        profiles: pack.profiles().map(named).collect(),
        word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_comes_with_bench_is_offered_with_what_it_is_for() {
        let offered = choices(None);
        assert_eq!(offered.packs.len(), pack_names().count());
        for pack in &offered.packs {
            assert_eq!(pack.modes.iter().filter(|mode| mode.default).count(), 1, "{}", pack.name);
            assert!(!pack.about.is_empty(), "{}", pack.name);
        }
        assert_eq!(offered.configs.len(), bundled_configs().count());
        assert!(offered.configs.iter().all(|config| !config.about.is_empty()), "{:?}", offered.configs);
        assert_eq!(offered.load_balancers.first().map(String::as_str), Some("reference"));
        assert_eq!(offered.load_balancers.len(), Kind::ALL.len() + 1);
        assert_eq!(offered.algorithms.len(), Algorithm::table().len());
        let steady = offered.packs.iter().flat_map(|pack| &pack.modes).find(|mode| mode.name == "steady");
        assert_eq!(steady.and_then(|mode| mode.duration.as_deref()), Some("forever"));
    }

    #[test]
    fn configs_and_packs_of_a_folder_are_offered_and_broken_ones_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("it can be written")
        };
        let text = lb_config::bundled_files()
            .find(|file| file.name == "default_benchmark_config")
            .expect("bundled")
            .text;
        write("mine.json", text);
        write("broken.json", "{");
        write("notes.txt", "no config");
        let pack = folder.path().join("shop");
        std::fs::create_dir(&pack).expect("a folder");
        for (name, text) in Pack::load("shop").and_then(|pack| pack.all_files()).expect("bundled") {
            std::fs::write(pack.join(name), text).expect("it can be written");
        }
        let offered = choices(Some(folder.path()));
        let own: Vec<&Choice> = offered.configs.iter().filter(|config| config.word.is_some()).collect();
        assert_eq!(own.iter().map(|config| config.name.as_str()).collect::<Vec<_>>(), ["mine.json"]);
        let packs: Vec<&PackChoice> = offered.packs.iter().filter(|pack| pack.word.is_some()).collect();
        assert_eq!(packs.len(), 1, "{packs:?}");
        assert!(
            packs[0].name.ends_with("shop") && packs[0].name != "shop",
            "its name is taken: {}",
            packs[0].name
        );
    }
}
