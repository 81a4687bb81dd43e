//! Keys beside those of the types, and the several ways to write one value.
//!
//! App::FargateStack keeps what it found and made in the same file as what the user wants. Such keys load and are ignored
//! ([`hints`]). Keys of kinds that do not exist yet are known, so that they are refused instead of ignored ([`later`]).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::types::Role;

/// Marks a key that is accepted and ignored.
pub const HINT: &str = "x-hint";
/// Marks a key that is refused until a later version.
pub const LATER: &str = "x-later";
/// What a value must be, in words, for messages.
pub const EXPECTS: &str = "x-expects";

/// Keys of App::FargateStack that hold state or what it found out; never read.
fn hints(schema: &mut Schema, keys: &[&str]) {
    add(
        schema,
        keys,
        &json!({"description": "Written by App::FargateStack. Accepted and ignored.", "deprecated": true, HINT: true}),
    );
}

/// Keys that a later version will read. Empty values ask for nothing, so they are fine.
fn later(schema: &mut Schema, keys: &[&str]) {
    let text = "Not supported yet in this version.";
    add(schema, keys, &json!({"description": text, "enum": [null, false, "", [], {}], LATER: true}));
}

fn add(schema: &mut Schema, keys: &[&str], value: &Value) {
    let properties = schema.ensure_object().entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(properties) = properties {
        properties.extend(keys.iter().map(|key| ((*key).to_owned(), value.clone())));
    }
}

/// The top level.
pub fn config_keys(schema: &mut Schema) {
    // `arn` holds a `redirect_80` that was meant for `alb`.
    let state =
        ["id", "last_updated", "config_name", "default_log_group", "services", "route53_profile", "arn"];
    hints(schema, &state);
    later(schema, &["bucket", "queue", "dlq", "waf", "autoscaling"]);
}

/// A task.
pub fn task_keys(schema: &mut Schema) {
    hints(
        schema,
        &[
            "arn",
            "image_digest",
            "log_group",
            "task_definition_arn",
            "host_port",
            "certificate_arn",
            "target_group_arn",
        ],
    );
    later(schema, &["autoscaling", "efs"]);
}

/// The load balancer.
pub fn alb_keys(schema: &mut Schema) {
    later(schema, &["waf"]);
}

/// The security group of the load balancer.
pub fn alb_security_group_keys(schema: &mut Schema) {
    hints(schema, &["name"]);
}

/// The ARN beside a name.
pub fn with_arn(schema: &mut Schema) {
    hints(schema, &["arn"]);
}

/// One security group.
pub fn security_group_keys(schema: &mut Schema) {
    hints(schema, &["group_id"]);
}

/// A schema written by hand for one value that can be written in several ways.
macro_rules! form {
    ($(#[$doc:meta])* $name:ident, $generator:ident => $schema:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

form! {
    /// Text; a number or a boolean without quotes is taken as it is written.
    Text, _generator => json_schema!({"type": ["string", "number", "boolean"], EXPECTS: "text"})
}

form! {
    /// One domain or several.
    DomainForm, _generator => json_schema!({
        "anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}],
        EXPECTS: "a domain or a list of domains"
    })
}

form! {
    /// One path or several.
    PathForm, _generator => json_schema!({
        "anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}],
        EXPECTS: "a path or a list of paths"
    })
}

form! {
    /// A boolean, also as App::FargateStack writes it back: quoted, or as a number.
    FlagForm, _generator => json_schema!({
        "anyOf": [{"type": "boolean"}, {"enum": [0, 1, "true", "false"]}],
        EXPECTS: "true or false"
    })
}

form! {
    /// Stickiness: on, off, or for how long.
    StickinessForm, _generator => json_schema!({
        "anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1, "maximum": 604_800}],
        EXPECTS: "true, false or a whole number of seconds"
    })
}

form! {
    /// A role, or in old files only its name.
    RoleOrName, generator => json_schema!({"anyOf": [generator.subschema_for::<Role>(), {"type": "string"}]})
}

form! {
    /// A command as a list or as text.
    CommandForm, generator => json_schema!({
        "anyOf": [
            {"type": "array", "minItems": 1, "items": generator.subschema_for::<Text>()},
            {"type": "string"}
        ],
        EXPECTS: "text or a list of words"
    })
}

form! {
    /// Environment variables as a mapping or a list.
    EnvironmentForm, generator => {
        let text = generator.subschema_for::<Text>();
        json_schema!({
            "anyOf": [
                {"type": "object", "additionalProperties": text},
                {"type": "array", "items": {"anyOf": [{"type": "string"}, pair("value", &text)], EXPECTS: "`NAME=value` or `{name, value}`"}}
            ],
            EXPECTS: "a mapping from names to values, or a list of `NAME=value`"
        })
    }
}

form! {
    /// A secret as `path[:NAME]`, or as App::FargateStack keeps it once it was found.
    SecretForm, _generator => json_schema!({
        "anyOf": [{"type": "string"}, pair("valueFrom", &json_schema!({"type": "string"}))],
        EXPECTS: "text like `path` or `path:NAME`"
    })
}

form! {
    /// A processor, in the words of ECS or of Docker.
    ArchitectureForm, _generator => json_schema!({"type": "string", "enum": ["X86_64", "ARM64", "amd64", "arm64"]})
}

form! {
    /// Memory in MiB or with a unit.
    MemoryForm, _generator => json_schema!({
        "type": ["integer", "string"],
        "minimum": 0,
        EXPECTS: "an integer number of MiB, or text with a unit such as `2 GB`"
    })
}

fn pair(value: &str, schema: &Schema) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {"name": {"type": "string"}, value: schema},
        "required": ["name", value]
    })
}
