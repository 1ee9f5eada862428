//! Renders the list of scenario packs for `bench packs`.

use lb_config::{Pack, PackMode};
use std::fmt::Write;

/// The longest line, so that the list fits a common terminal.
const WIDTH: usize = 100;

/// Renders packs, each with the question that it answers, its modes, suites and profiles.
pub fn render_packs(packs: &[Pack]) -> String {
    let mut out = String::new();
    for pack in packs {
        let _ = writeln!(out, "{}: {}", pack.name(), pack.title());
        write_wrapped(&mut out, "  ", pack.answers());
        let mark = |name: &str| if name == pack.default_name() { " (default)" } else { "" };
        list(&mut out, "mode", pack.modes(), &mark);
        for suite in pack.suites() {
            let pause = match suite.cool_down.as_secs() {
                0 => String::new(),
                seconds => format!(", {seconds} s apart"),
            };
            let modes = format!("{}{pause}", suite.modes.join(", "));
            let about =
                if suite.description.is_empty() { modes } else { format!("{} ({modes})", suite.description) };
            let name = format!("{}{}", suite.name, mark(&suite.name));
            write_entry(&mut out, "suite", &name, &about);
        }
        list(&mut out, "profile", pack.profiles(), &|_| "");
        let variables: Vec<&str> = pack.variables().collect();
        if !variables.is_empty() {
            write_entry(&mut out, "reads", &variables.join(", "), "");
        }
        out.push('\n');
    }
    out.push_str("Play one with `bench pack NAME [MODE]`; print its files with `bench show NAME`.\n");
    out
}

fn list<'a>(
    out: &mut String,
    kind: &str,
    entries: impl Iterator<Item = PackMode<'a>>,
    mark: &dyn Fn(&str) -> &'static str,
) {
    for entry in entries {
        write_entry(out, kind, &format!("{}{}", entry.name, mark(entry.name)), entry.description);
    }
}

fn write_entry(out: &mut String, kind: &str, name: &str, about: &str) {
    let head = format!("  {kind:<8} {name:<20} ");
    match about.is_empty() {
        true => out.push_str(head.trim_end()),
        false => write_words(out, &head, &" ".repeat(head.chars().count()), about),
    }
    out.push('\n');
}

fn write_wrapped(out: &mut String, indent: &str, text: &str) {
    write_words(out, indent, indent, text);
    out.push('\n');
}

/// Writes words after `head`, and on further lines after `indent` where they would not fit.
fn write_words(out: &mut String, head: &str, indent: &str, text: &str) {
    out.push_str(head);
    let mut column = head.chars().count();
    for (number, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if number > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
        } else if number > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_config::pack_names;

    #[test]
    fn every_pack_is_listed_with_its_question_modes_and_default() {
        let packs: Vec<Pack> = pack_names().map(|name| Pack::load(name).expect(name)).collect();
        let list = render_packs(&packs);
        for pack in &packs {
            assert!(list.contains(&format!("{}: {}", pack.name(), pack.title())), "{list}");
            for mode in pack.modes() {
                assert!(list.contains(&format!("mode     {}", mode.name)), "{list}");
            }
        }
        assert_eq!(list.matches("(default)").count(), packs.len(), "one default each: {list}");
        let longest = list.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
        assert!(longest.chars().count() <= WIDTH, "{longest}");
    }
}
