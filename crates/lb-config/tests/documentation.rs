//! The examples of docs/configs.md are configs of the shapes that they are shown for.

use lb_config::{Dialect, Overrides, from_text, plan};

const PAGE: &str = include_str!("../../../docs/configs.md");

/// The JSON blocks of the page, each with the heading above it.
fn examples() -> Vec<(&'static str, &'static str)> {
    let sections = PAGE.split("\n## ").skip(1);
    let example = |section: &'static str| {
        let (heading, text) = section.split_once('\n')?;
        let (_, rest) = text.split_once("```json\n")?;
        Some((heading, rest.split_once("```")?.0))
    };
    sections.filter_map(example).collect()
}

#[test]
fn every_example_is_planned_as_the_shape_that_it_shows() {
    let expected = [
        ("Sequence", Dialect::Sequence),
        ("Training", Dialect::Training),
        ("Stress", Dialect::Training),
        ("Inline", Dialect::Inline),
        ("Flat", Dialect::Flat),
        ("Requests", Dialect::Requests),
        ("The `bench` block", Dialect::Sequence),
    ];
    let examples = examples();
    assert_eq!(examples.len(), expected.len(), "each section has an example");
    for ((heading, text), (name, dialect)) in examples.into_iter().zip(expected) {
        assert_eq!(heading, name);
        let loaded = from_text("example.json", text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let plan = plan(&loaded, &Overrides::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(plan.dialect(), dialect, "{name}");
        assert!(!plan.scenarios().is_empty(), "{name}: the example has something to run");
    }
}
