//! The published JSON Schema is the one that configs are held against.

use std::path::Path;

/// Set this to write the schema instead of comparing it.
const UPDATE: &str = "UPDATE_SCHEMA";

#[test]
fn published_schema_is_the_one_that_is_enforced() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/schema/bench-config.schema.json");
    if std::env::var_os(UPDATE).is_some() {
        let generated =
            serde_json::to_string_pretty(&harness::config::schema()).expect("a schema is JSON") + "\n";
        std::fs::create_dir_all(path.parent().expect("the file has a folder"))
            .expect("the folder can be made");
        std::fs::write(&path, &generated).expect("the schema can be written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    let published: serde_json::Value = serde_json::from_str(&published).unwrap_or_default();
    assert!(
        published == harness::config::schema(),
        "{} is not what the types say; run `{UPDATE}=1 cargo test -p harness --test config_schema` and commit it",
        path.display()
    );
}

#[test]
fn every_key_of_the_schema_is_explained() {
    let schema = harness::config::schema();
    let mut silent = Vec::new();
    walk(&schema, "", &mut silent);
    assert!(silent.is_empty(), "keys without a description help nobody: {silent:?}");
}

fn walk(schema: &serde_json::Value, path: &str, silent: &mut Vec<String>) {
    let Some(map) = schema.as_object() else {
        return;
    };
    for (key, property) in map.get("properties").and_then(|value| value.as_object()).into_iter().flatten() {
        let tag = property.get("const").is_some();
        if property.get("description").is_none() && !tag {
            silent.push(format!("{path}/{key}"));
        }
    }
    for (key, inner) in map {
        match inner {
            serde_json::Value::Object(_) => walk(inner, &format!("{path}/{key}"), silent),
            serde_json::Value::Array(items) => {
                for item in items {
                    walk(item, &format!("{path}/{key}"), silent);
                }
            }
            _ => {}
        }
    }
}
