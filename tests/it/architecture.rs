//! Who may use whom: read from the source, kept by this test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Module → the modules of this crate that it may use. `commands` may use everything and is not listed.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &[]),
    ("github", &[]),
    ("env", &[]),
    ("aws", &["model"]),
    ("engine", &["model"]),
    ("approval", &["engine", "model"]),
    ("lock", &["aws", "model"]),
    ("render", &["model"]),
    ("scaffold", &["config", "model", "render"]),
    ("console", &["error", "model", "render"]),
    ("error", &["model", "render"]),
    ("cli", &["model"]),
    ("stack", &["config", "model"]),
    ("lookup", &["aws", "config", "model", "stack"]),
    ("kinds", &["aws", "engine", "model", "stack"]),
    ("release", &["aws", "model", "stack"]),
    ("ops", &["aws", "config", "model", "stack"]),
];

/// Crate → the modules that may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("aws_sdk_", &["aws", "kinds", "lock", "lookup", "ops", "release"]),
    ("aws_config", &["aws"]),
    ("oci_client", &["lookup"]),
    ("docker_credential", &["lookup"]),
    ("reqwest", &["github", "lookup"]),
    ("minijinja", &["render"]),
    ("octocrab", &["github"]),
    ("chrono", &["env", "ops"]),
    ("clap", &["cli", "commands"]),
    ("serde_yaml", &["config"]),
    ("yamlpath", &["config"]),
    ("yamlpatch", &["config"]),
    ("JoinSet", &["engine", "lookup", "release"]),
    ("tokio::spawn", &["engine", "lookup"]),
];

/// What the engine gives to kinds.
const ENGINE_FOR_KINDS: &[&str] = &["BoxFuture", "Driver", "Registry"];

/// Path below `src/` → text.
type Sources = BTreeMap<String, String>;

fn sources(root: &Path) -> Sources {
    let mut found = Sources::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// The code without comments, and without what follows the first `#[cfg(test)]` module.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every `crate::a::b` path in the code, `use crate::{…}` and `use crate::a::{b, c}` groups opened one level each.
fn used(code: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        for (module, tail) in heads(rest) {
            let items = tail.strip_prefix("::").map(heads).unwrap_or_default();
            if items.is_empty() {
                found.insert((module.clone(), String::new()));
            }
            found.extend(items.into_iter().map(|(item, _)| (module.clone(), item)));
        }
    }
    found
}

/// The names that a path or a `{group}` starts with, each with what follows it.
fn heads(text: &str) -> Vec<(String, &str)> {
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 1;
        let mut parts = vec![];
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => {
                    parts.push(&group[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
            if depth == 0 {
                parts.push(&group[start..at]);
                break;
            }
        }
        return parts.into_iter().flat_map(|part| heads(part.trim())).collect();
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if end == 0 { vec![] } else { vec![(text[..end].to_owned(), &text[end..])] }
}

fn module_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

fn violations(sources: &Sources) -> Vec<String> {
    let mut found = vec![];
    for (path, text) in sources {
        let module = module_of(path);
        let code = code(text);
        let is_test = path.contains("tests") || path.ends_with("laws.rs") || path.ends_with("samples.rs");
        if let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) {
            for (target, item) in used(&code) {
                if target == module || is_test {
                    continue;
                }
                if !allowed.contains(&target.as_str()) {
                    found.push(format!("{path}: `{module}` must not use `{target}`"));
                }
                if module == "kinds" && target == "engine" && !ENGINE_FOR_KINDS.contains(&item.as_str()) {
                    found.push(format!(
                        "{path}: a kind may use only {ENGINE_FOR_KINDS:?} of the engine, not `{item}`"
                    ));
                }
            }
        } else if !["commands", "lib", "main", "reference"].contains(&module) {
            found.push(format!("{path}: the module `{module}` is not in the table of who may use whom"));
        }
        for (name, owners) in OWNERS {
            if code.contains(name) && !owners.contains(&module) && !is_test {
                found.push(format!("{path}: only {owners:?} may name `{name}`"));
            }
        }
        found.extend(kind_imports(path, &code, sources));
        let lines = text.lines().count();
        if lines > 600 {
            found.push(format!("{path}: {lines} lines; 600 are the limit"));
        }
    }
    found
}

/// Files in `kinds/` that are no kinds.
const NO_KINDS: &[&str] = &["mod", "common", "laws", "order_laws", "samples", "wants"];

/// A kind's file names no other kind's module.
fn kind_imports(path: &str, code: &str, sources: &Sources) -> Vec<String> {
    let kind_of = |path: &str| {
        let name = path.strip_prefix("kinds/")?.split('/').next()?.trim_end_matches(".rs").to_owned();
        (!NO_KINDS.contains(&name.as_str())).then_some(name)
    };
    let Some(kind) = kind_of(path) else { return vec![] };
    let others: BTreeSet<String> =
        sources.keys().filter_map(|other| kind_of(other)).filter(|other| *other != kind).collect();
    others
        .into_iter()
        .filter(|other| {
            [format!("super::{other}"), format!("kinds::{other}"), format!("super::{{{other}")]
                .iter()
                .any(|import| code.contains(import.as_str()))
        })
        .map(|other| format!("{path}: a kind must not import another: `{other}`"))
        .collect()
}

#[test]
fn every_module_uses_only_what_it_may() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 30, "the walk found too few files: {}", sources.len());
    let found = violations(&sources);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_sandbox_is_not_a_dependency_of_the_released_binary() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(!dependencies.contains("sandbox"));
}

#[test]
fn the_rules_are_seen_to_fail_when_they_are_broken() {
    let broken = |path: &str, text: &str| {
        let mut sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        sources.insert(path.to_owned(), text.to_owned());
        violations(&sources).join("\n")
    };
    for (path, text, complaint) in [
        (
            "kinds/cluster.rs",
            "use super::service::Attrs;",
            "kinds/cluster.rs: a kind must not import another: `service`",
        ),
        ("kinds/cluster.rs", "use crate::kinds::service;", "a kind must not import another: `service`"),
        (
            "kinds/cluster.rs",
            "use super::task_definition::Attrs;",
            "a kind must not import another: `task_definition`",
        ),
        ("kinds/cluster.rs", "use crate::engine::plan;", "a kind may use only"),
        ("kinds/cluster.rs", "use crate::render;", "`kinds` must not use `render`"),
        ("model/x.rs", "use crate::{config::Config, model::Plan};", "`model` must not use `config`"),
        ("engine/x.rs", "fn f() { crate::aws::call(); }", "`engine` must not use `aws`"),
        ("commands/x.rs", "use aws_sdk_ecs::Client;", "may name `aws_sdk_`"),
        ("github/x.rs", "use minijinja::Environment;", "may name `minijinja`"),
        ("render/x.rs", &"\n".repeat(601), "600 are the limit"),
        ("newcomer/mod.rs", "", "not in the table"),
    ] {
        let found = broken(path, text);
        assert!(found.contains(complaint), "{path} with `{text}` passed: {found}");
    }
}
