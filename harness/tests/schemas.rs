//! Published JSON Schemas are those of the types: what configs are held against, and what results look
//! like.

use lb_analysis::runs::FolderComparison;
use lb_continuous::{ContinuousDocument, LoadComparison};
use lb_grading::{AnalysisDocument, ComparisonDocument};
use lb_nightly::Night;
use lb_results::{AlgorithmSummary, SuiteSummary, Summary};
use lb_synthesis::{TrafficModel, Validation};
use serde_json::Value;
use std::path::Path;

/// Set this to write the schemas instead of comparing them.
const UPDATE: &str = "UPDATE_SCHEMA";

/// Where each schema is published, and what the types say.
fn schemas() -> [(&'static str, Value); 16] {
    [
        ("configs/schema/bench-config.schema.json", lb_config::schema()),
        ("configs/schema/load-balancer.schema.json", lb_config::load_balancer_schema()),
        ("configs/schema/mock-api.schema.json", mock_backends::api_file::schema()),
        ("configs/schema/pack.schema.json", lb_config::pack_schema()),
        ("configs/schema/suite.schema.json", lb_config::suite_schema()),
        ("docs/schema/suite.schema.json", schemars::schema_for!(SuiteSummary).to_value()),
        ("docs/schema/summary.schema.json", schemars::schema_for!(Summary).to_value()),
        ("docs/schema/trial.schema.json", schemars::schema_for!(AlgorithmSummary).to_value()),
        ("docs/schema/comparison.schema.json", schemars::schema_for!(FolderComparison).to_value()),
        ("docs/schema/analysis.schema.json", schemars::schema_for!(AnalysisDocument).to_value()),
        ("docs/schema/analysis-comparison.schema.json", schemars::schema_for!(ComparisonDocument).to_value()),
        ("docs/schema/continuous.schema.json", schemars::schema_for!(ContinuousDocument).to_value()),
        ("docs/schema/load-comparison.schema.json", schemars::schema_for!(LoadComparison).to_value()),
        ("docs/schema/nightly.schema.json", schemars::schema_for!(Night).to_value()),
        ("docs/schema/traffic-model.schema.json", schemars::schema_for!(TrafficModel).to_value()),
        ("docs/schema/validation.schema.json", schemars::schema_for!(Validation).to_value()),
    ]
}

#[test]
fn published_schemas_are_what_the_types_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, schema) in schemas() {
        let path = root.join(name);
        if std::env::var_os(UPDATE).is_some() {
            let generated = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
            std::fs::create_dir_all(path.parent().expect("the file has a folder"))
                .expect("the folder can be made");
            std::fs::write(&path, &generated).expect("the schema can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        let published: Value = serde_json::from_str(&published).unwrap_or_default();
        assert!(
            published == schema,
            "{name} is not what the types say; run `{UPDATE}=1 cargo test -p harness --test schemas` and commit it"
        );
    }
}

#[test]
fn every_key_of_the_schemas_is_explained() {
    for (name, schema) in schemas() {
        let mut silent = Vec::new();
        walk(&schema, "", &mut silent);
        assert!(silent.is_empty(), "{name}: keys without a description help nobody: {silent:?}");
    }
}

fn walk(schema: &serde_json::Value, path: &str, silent: &mut Vec<String>) {
    let Some(map) = schema.as_object() else {
        return;
    };
    let properties = map.get("properties").and_then(|value| value.as_object());
    // A variant with one key is explained as a whole.
    let is_variant = properties.is_some_and(|keys| keys.len() == 1) && map.contains_key("description");
    for (key, property) in properties.into_iter().flatten() {
        let tag = property.get("const").is_some();
        if property.get("description").is_none() && !tag && !is_variant {
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
