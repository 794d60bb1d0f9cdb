//! The OpenAPI description is valid, complete, and equal to the committed file.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets a fault shall stop"
)]

use std::{collections::BTreeSet, fs, path::Path};

use billhook_reference::openapi;
use billhook_wire::method::METHODS;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn description() -> Value {
    serde_json::from_str(openapi()).unwrap()
}

/// With `BILLHOOK_WRITE=1` in the environment it writes the file.
#[test]
fn the_committed_one_is_what_the_table_gives() {
    let path = root().join("docs/openapi.json");
    if std::env::var_os("BILLHOOK_WRITE").is_some() {
        fs::write(&path, openapi()).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == openapi(),
        "docs/openapi.json is not what the table gives: `cargo xtask openapi` writes it anew"
    );
}

/// `schema-3.1.json` is from the OpenAPI Initiative (Apache 2.0). JSON Schema's meta-schema checks schemas.
#[test]
fn it_is_valid() {
    let official = serde_json::from_str(include_str!("schema-3.1.json")).unwrap();
    let official = jsonschema::validator_for(&official).unwrap();
    let description = description();
    let faults: Vec<_> = official
        .iter_errors(&description)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");

    let mut schemas = Vec::new();
    collect(&description, &mut schemas);
    assert!(schemas.len() > METHODS.len());
    for schema in schemas {
        jsonschema::meta::validate(schema).unwrap_or_else(|fault| panic!("{fault}: {schema}"));
    }
}

/// Every schema of the document.
fn collect<'a>(value: &'a Value, schemas: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            schemas.extend(fields.get("schema"));
            schemas.extend(
                fields.get("schemas").and_then(Value::as_object).into_iter().flat_map(|all| all.values()),
            );
            fields.values().for_each(|value| collect(value, schemas));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, schemas)),
        _ => {}
    }
}

#[test]
fn what_is_named_is_there() {
    let description = description();
    let mut names = Vec::new();
    references(&description, &mut names);
    assert!(!names.is_empty());
    for name in names {
        let pointer = name.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{name}");
    }
}

fn references<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            names.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, names)),
        _ => {}
    }
}

/// The table, the description, the protocol's sections and the README have the same methods.
#[test]
fn every_method_is_told_everywhere() {
    let table: BTreeSet<_> = METHODS.iter().map(|method| method.name).collect();
    let description = description();
    let paths: BTreeSet<_> =
        description["paths"].as_object().unwrap().keys().map(|path| &path["/api/".len()..]).collect();
    assert_eq!(paths, table);

    let protocol = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let sections: BTreeSet<_> = protocol
        .lines()
        .filter_map(|line| line.strip_prefix("### ")?.split_once(' '))
        .map(|(_, name)| name)
        .collect();
    let untold: Vec<_> = table.difference(&sections).collect();
    assert!(untold.is_empty(), "docs/protocol.md has no section of {untold:?}");

    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let unlisted: Vec<_> = table.iter().filter(|name| !readme.contains(**name)).collect();
    assert!(unlisted.is_empty(), "the README does not list {unlisted:?}");
}
