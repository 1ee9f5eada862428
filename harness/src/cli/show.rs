//! `bench show`: prints files that come with `bench`, or writes them into a folder, to copy and edit.

use super::pack_args::ShowArgs;
use super::shared::print;
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::{Context as _, anyhow};
use lb_admin_client::Kind;
use lb_config::{Overrides, Pack, bundled_files, pack_names};
use lb_core::suggest::did_you_mean;
use std::path::Path;

/// The folder of templates and declarations.
const LOAD_BALANCERS: &str = "load-balancers";

/// A file to show.
struct Shown {
    /// What it is listed as, such as `journeys/ecommerce`.
    title: String,
    /// The name that also finds it, such as `ecommerce`.
    short: String,
    /// The name of the file.
    file: String,
    text: String,
}

pub(super) fn execute(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let Some(name) = &args.name else {
        list();
        return Ok(ExitCode::Ok);
    };
    let files = match (&args.mode, is_pack(name)) {
        (Some(mode), _) => vec![whole_config(name, mode, args.profile.as_deref())?],
        (None, true) => Pack::load(name).and_then(|pack| pack.all_files()).or_exit(ExitCode::Usage)?,
        (None, false) => vec![find(name)?],
    };
    match &args.out {
        Some(folder) => write_all(folder, &files)?,
        None => print_all(&files),
    }
    Ok(ExitCode::Ok)
}

/// Returns whether a name is that of a pack, bundled or in a folder.
fn is_pack(name: &str) -> bool {
    pack_names().any(|pack| pack == name) || Path::new(name).join("pack.json").is_file()
}

/// Returns the config of a mode, with everything that it needs.
fn whole_config(pack: &str, mode: &str, profile: Option<&str>) -> Result<(String, String), Failure> {
    let pack = Pack::load(pack).or_exit(ExitCode::Usage)?;
    // The length does not matter here, and that of a mode may have no end.
    let flags =
        Overrides { duration: Some(std::time::Duration::from_secs(60).into()), ..Overrides::default() };
    let played = pack.play(mode, profile, &flags, &|_| None).or_exit(ExitCode::Usage)?;
    let text = serde_json::to_string_pretty(&played.loaded.document()).or_exit(ExitCode::Internal)?;
    Ok((format!("{}-{mode}.json", pack.name()), text + "\n"))
}

/// Returns everything that is embedded, except for packs.
fn all() -> Vec<Shown> {
    let embedded = bundled_files().map(|file| Shown {
        title: match file.folder {
            "" => file.name.to_owned(),
            folder => format!("{folder}/{}", file.name),
        },
        short: file.name.to_owned(),
        file: format!("{}.json", file.name),
        text: file.text.to_owned(),
    });
    let templates = Kind::ALL.iter().map(|kind| Shown {
        title: format!("{LOAD_BALANCERS}/{}", kind.name()),
        short: kind.name().to_owned(),
        file: format!("{}.j2", kind.config_file),
        text: kind.template.to_owned(),
    });
    embedded.chain(templates).collect()
}

/// Finds a file by its name, with or without its folder and its ending.
fn find(name: &str) -> Result<(String, String), Failure> {
    let files = all();
    let bare = name.trim_start_matches("configs/");
    let bare = bare.strip_suffix(".json").unwrap_or(bare);
    let fits = |shown: &&Shown| {
        [&shown.title, &shown.short].iter().any(|known| *known == bare) || shown.file == name
    };
    let found: Vec<&Shown> = files.iter().filter(fits).collect();
    let exact = files.iter().find(|shown| shown.title == bare);
    if let Some(one) = exact.or(found.first().copied().filter(|_| found.len() == 1)) {
        return Ok((one.file.clone(), one.text.clone()));
    }
    let problem = match found.as_slice() {
        [] => {
            let mut names: Vec<String> = pack_names().map(str::to_owned).collect();
            names.extend(files.iter().flat_map(|shown| [shown.title.clone(), shown.short.clone()]));
            let hint = did_you_mean(bare, names.iter().map(String::as_str));
            format!("nothing that comes with `bench` is called `{name}`{hint}; `bench show` lists everything")
        }
        several => {
            let titles: Vec<String> = several.iter().map(|shown| format!("`{}`", shown.title)).collect();
            format!("`{name}` is the name of several files; write {}", titles.join(" or "))
        }
    };
    Err(anyhow!(problem)).or_exit(ExitCode::Usage)
}

/// Lists everything that can be shown, by kind.
fn list() {
    let mut lines = vec!["packs:".to_owned()];
    lines.extend(pack_names().map(|name| format!("  {name}")));
    let files = all();
    for (heading, folder) in [
        ("configs:", ""),
        ("journeys:", "journeys/"),
        ("topologies:", "topologies/"),
        ("load balancers:", "load-balancers/"),
    ] {
        lines.push(heading.to_owned());
        let mine = files.iter().filter(|shown| match folder {
            "" => !shown.title.contains('/'),
            folder => shown.title.starts_with(folder),
        });
        lines.extend(mine.map(|shown| format!("  {}", shown.title)));
    }
    print(&lines.join("\n"));
}

/// Prints files. Of several, each begins with a line that names it.
fn print_all(files: &[(String, String)]) {
    for (name, text) in files {
        if files.len() > 1 {
            print(&format!("==> {name} <=="));
        }
        print(text);
    }
}

/// Writes files into a folder. None is written if one of them is there already.
fn write_all(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    if let Some((name, _)) = files.iter().find(|(name, _)| folder.join(name).symlink_metadata().is_ok()) {
        let problem = format!(
            "`{}` exists already, and it is not overwritten; give another folder with --out",
            folder.join(name).display()
        );
        return Err(anyhow!(problem)).or_exit(ExitCode::Usage);
    }
    std::fs::create_dir_all(folder)
        .with_context(|| {
            format!("failed to create the folder `{}`; give another with --out", folder.display())
        })
        .or_exit(ExitCode::Preflight)?;
    for (name, text) in files {
        let path = folder.join(name);
        write_new(&path, text)
            .with_context(|| format!("failed to write `{}`; give another folder with --out", path.display()))
            .or_exit(ExitCode::Preflight)?;
        print(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Writes a file that must not exist.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::File::options().write(true).create_new(true).open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_found_by_its_title() {
        for shown in all() {
            let (file, text) = find(&shown.title).unwrap_or_else(|error| panic!("{}: {error}", shown.title));
            assert_eq!((file, text), (shown.file, shown.text), "{}", shown.title);
        }
    }

    #[test]
    fn a_name_of_nothing_gets_a_suggestion_and_a_name_of_several_files_their_titles() {
        let error = find("ecomerce").expect_err("a typo").to_string();
        assert!(error.contains("did you mean `ecommerce`?"), "{error}");
        assert!(find("haproxy").is_ok(), "a template");
        assert!(find("situation-b.json").is_ok(), "a topology");
    }
}
