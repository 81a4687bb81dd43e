//! Walks the fixtures: every file in `good` loads, every file in `bad` is refused with the messages of the snapshot.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(
        files
            .iter()
            .all(|file| file.extension().is_some_and(|extension| extension == "yml"))
    );
    files
}

fn checked_in_schema() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/fargate-stack.schema.json")
}

/// Whether the checked-in schema accepts a text as it stands, as an editor would say. `None`: the text is not YAML.
fn schema_accepts(text: &str) -> Option<bool> {
    let schema: Value = serde_json::from_str(&fs::read_to_string(checked_in_schema()).unwrap()).unwrap();
    let document: Value = serde_yaml::from_str(text).ok()?;
    Some(jsonschema::draft202012::new(&schema).unwrap().is_valid(&document))
}

#[test]
fn the_checked_in_schema_is_the_one_of_the_types() {
    let wanted = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    // The build sets it for `make gen`; the environment of a running product is read elsewhere.
    if option_env!("UPDATE_SCHEMA").is_some() {
        fs::write(checked_in_schema(), &wanted).unwrap();
    }
    assert_eq!(
        fs::read_to_string(checked_in_schema()).unwrap(),
        wanted,
        "run `make gen`"
    );
}

#[test]
fn every_bad_file_is_refused_with_a_place_and_a_reason() {
    let mut report = String::new();
    let files = fixtures("bad");
    assert!(files.len() >= 70, "{} bad files", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let error = load_within(&root().join("bad"), Path::new(name)).expect_err(name);
        for diagnostic in error.diagnostics() {
            assert!(
                diagnostic.line >= 1 && diagnostic.column >= 1 && diagnostic.width >= 1,
                "{name}"
            );
            assert!(
                diagnostic.caret + diagnostic.width <= diagnostic.source_line.chars().count().max(1),
                "{name}"
            );
            assert!(
                !diagnostic.message.contains("is a bug"),
                "{name}: {}",
                diagnostic.message
            );
            assert!(
                diagnostic.hint.as_deref() != Some("this is a bug"),
                "{name}: {}",
                diagnostic.message
            );
        }
        let schema = match fs::read_to_string(&file)
            .ok()
            .and_then(|text| schema_accepts(&text))
        {
            Some(true) => "accepts",
            Some(false) => "refuses",
            None => "cannot read",
        };
        report.push_str(&format!("──── {name} (the schema {schema} it)\n{error}\n\n"));
    }
    insta::assert_snapshot!("bad_files", report);
}

#[test]
fn every_good_file_loads_and_pleases_the_schema() {
    let files = fixtures("good");
    assert!(files.len() >= 6);
    for file in files {
        let loaded = load(&file).unwrap_or_else(|error| panic!("{}:\n{error}", file.display()));
        assert_eq!(schema_accepts(&loaded.text), Some(true), "{}", file.display());
        // What was read can be written and read again.
        let text = serde_yaml::to_string(&loaded.config).unwrap();
        let again = parse("again.yml", &text).unwrap_or_else(|errors| panic!("{text}\n{}", errors[0]));
        assert_eq!(again, loaded.config, "{}", file.display());
    }
}
