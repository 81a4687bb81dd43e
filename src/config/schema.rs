//! The JSON Schema of the file, made from the types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::types::Config;

/// The JSON Schema (draft 2020-12) of a configuration file.
pub fn schema() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>();
    let mut schema = schema.to_value();
    close(&mut schema);
    if let Value::Object(top) = &mut schema {
        top.insert("title".to_owned(), json!("fargate-stack.yml"));
    }
    schema
}

/// Makes every mapping with known keys refuse others, and takes out what the number types of Rust leave behind.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            if object.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                object.remove("format");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = unwrapped(text);
            }
            if object.get("default").is_some_and(Value::is_object) {
                object.remove("default");
            }
            if let Some((names, meanings)) = object.get("oneOf").and_then(named_values) {
                object.remove("oneOf");
                object.insert("type".to_owned(), json!("string"));
                object.insert("enum".to_owned(), names);
                object.insert("enumDescriptions".to_owned(), meanings);
            }
            object.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// A doc comment without the line breaks inside its paragraphs.
fn unwrapped(text: &str) -> String {
    text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

/// The values and descriptions of an enumeration that is written as one schema for each value. In one list, errors name all
/// values, and editors know `enumDescriptions` as well.
fn named_values(ways: &Value) -> Option<(Value, Value)> {
    let ways = ways.as_array()?;
    let names: Option<Vec<Value>> = ways.iter().map(|way| way.get("const").cloned()).collect();
    let meanings = ways.iter().map(|way| way.get("description").cloned().unwrap_or_default());
    Some((names?.into(), meanings.collect::<Vec<_>>().into()))
}
