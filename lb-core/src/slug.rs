//! Names as parts of file names: readable, safe in shells and on file systems, and unique, also on file systems that
//! ignore case or compose accents (macOS), and not the name of a device (Windows).
//!
//! Slugs of different names may be equal. Whoever writes several files takes them from [`slugs`], which makes them
//! differ, and records beside the files which slug stands for which name, so that the name can be read back.

/// Longest slug in bytes: file names of several parts stay below the 255 bytes that file systems allow.
const LONGEST: usize = 80;

/// Names of devices on Windows, which no file can have.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Turns a name into a part of a file name: letters and digits of any script in lower case, `_` and `+`.
/// Anything else becomes a single `-`, but not at the start or end. The name of a device gets a `_` at its end.
///
/// ```
/// use lb_core::slug::slug;
///
/// assert_eq!(slug("Read-Heavy Traffic/1"), "read-heavy-traffic-1");
/// assert_eq!(slug("least-connections+ejection"), "least-connections+ejection");
/// assert_eq!(slug("日本"), "日本");
/// assert_eq!(slug("--- rl"), "rl");
/// assert_eq!(slug("../.."), "unnamed");
/// assert_eq!(slug("CON"), "con_");
/// ```
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    // By way of upper case, since some letters have two lower-case forms (σ and ς) that file systems do not distinguish.
    for c in name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
        let kept = if c.is_alphanumeric() || "_+".contains(c) { c } else { '-' };
        if out.len() + kept.len_utf8() > LONGEST {
            break;
        }
        if kept != '-' || !(out.is_empty() || out.ends_with('-')) {
            out.push(kept);
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    match out.as_str() {
        "" => "unnamed".to_owned(),
        device if DEVICES.contains(&device) => out + "_",
        _ => out,
    }
}

/// Turns names into slugs such that file names of the form `SLUG-…` never collide. If the slugs alone do not
/// ensure that, all of them start with their position. The same names in the same order always get the same slugs.
///
/// Two slugs with letters beyond ASCII count as a collision: whether `é` is one character or two, and which letters
/// are equal without their case, depends on the file system.
///
/// ```
/// use lb_core::slug::slugs;
///
/// assert_eq!(slugs(["Read", "Write"]), ["read", "write"]);
/// assert_eq!(slugs(["Peak Load", "Peak-Load"]), ["1-peak-load", "2-peak-load"]);
/// assert_eq!(slugs(["peak", "peak-weighted"]), ["1-peak", "2-peak-weighted"]);
/// assert_eq!(slugs(["пик", "пік"]), ["1-пик", "2-пік"]);
/// ```
pub fn slugs<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let slugs: Vec<String> = names.into_iter().map(slug).collect();
    let begins = |one: &str, other: &str| {
        other.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let mut sorted: Vec<&String> = slugs.iter().collect();
    // Slugs that start with another slug and a `-` directly follow it in this order.
    sorted.sort_by(|one, other| one.split('-').cmp(other.split('-')));
    let beyond_ascii = slugs.iter().filter(|slug| !slug.is_ascii()).count();
    if beyond_ascii < 2 && sorted.windows(2).all(|pair| !begins(pair[0], pair[1])) {
        return slugs;
    }
    let width = slugs.len().to_string().len();
    slugs.iter().enumerate().map(|(number, slug)| format!("{:0width$}-{slug}", number + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_and_short() {
        for name in [
            "",
            "-",
            "---rl",
            " x ",
            "a/b\\c",
            "a\0b",
            "$(rm)",
            "ẞ İ é",
            "..",
            "NUL",
            "x".repeat(500).as_str(),
        ] {
            let slug = slug(name);
            assert!(!slug.is_empty() && slug.len() <= LONGEST, "{name:?}: {slug}");
            assert!(!slug.starts_with('-') && !slug.ends_with('-'), "{name:?}: {slug}");
            assert!(slug.chars().all(|c| c.is_alphanumeric() || "-_+".contains(c)), "{name:?}: {slug}");
            assert!(!DEVICES.contains(&slug.as_str()), "{name:?}: {slug}");
        }
    }

    #[test]
    fn names_that_could_share_a_file_are_numbered() {
        let long = ["x".repeat(90), format!("{}y", "x".repeat(90))];
        for names in [
            vec!["日本!", "日本?"],
            vec!["日本", "中国"],
            vec!["Peak A", "peak-a", "пик", "пік"],
            vec!["caf\u{e9}", "cafe\u{301}x", "\u{212b}"],
            vec!["ΣΑΣ", "σας"],
            vec!["CON", "con_"],
            vec!["!", "?"],
            vec!["a", "b", "A"],
            vec!["peak", "other", "peak weighted"],
            vec!["a-b", "a_b", "a", "a-c"],
            vec![long[0].as_str(), long[1].as_str()],
        ] {
            let slugs = slugs(names.iter().copied());
            for (number, one) in slugs.iter().enumerate() {
                assert!(one.starts_with(&format!("{}-", number + 1)), "{names:?}: {slugs:?}");
            }
        }
        let many: Vec<String> = (0..12).map(|number| format!("same {}", number % 2)).collect();
        let slugs = slugs(many.iter().map(String::as_str));
        assert_eq!((slugs[0].as_str(), slugs[11].as_str()), ("01-same-0", "12-same-1"));
    }

    #[test]
    fn names_that_differ_anyway_keep_their_slugs() {
        assert_eq!(slugs(["a_b", "a", "ab", "日本"]), ["a_b", "a", "ab", "日本"]);
    }
}
