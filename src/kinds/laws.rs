//! What holds for every kind. Each law walks the whole list and names the offender.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde_json::Value;

use super::{Entry, all, registry, samples, wanted};
use crate::aws::Aws;
use crate::model::{Address, Ref, Resource, Rules};

/// Files of this directory that are not kinds.
const NOT_KINDS: [&str; 6] = ["mod", "common", "laws", "order_laws", "samples", "wants"];

/// Permissions that a call needs although no call is named so.
const IMPLIED: [&str; 2] = ["iam:PassRole", "iam:CreateServiceLinkedRole"];

/// Calls that a function of `common` makes for several kinds.
const SHARED: [(&str, &str); 3] = [
    ("balancing_tags", "elasticloadbalancing:DescribeTags"),
    ("tag_balancing(", "elasticloadbalancing:AddTags"),
    ("issued(", "acm:DescribeCertificate"),
];

/// A kind that AWS keeps no tags of: other resources lead to it.
const UNTAGGED: [&str; 1] = ["listener_certificate"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds")
}

/// Name of each file or directory here → its whole source.
fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if NOT_KINDS.contains(&name.as_str()) || name == "snapshots" {
            continue;
        }
        let mut text = String::new();
        if path.is_dir() {
            for file in fs::read_dir(&path).unwrap() {
                text.push_str(&fs::read_to_string(file.unwrap().path()).unwrap());
            }
        } else {
            text = fs::read_to_string(&path).unwrap();
        }
        sources.insert(name, text);
    }
    sources
}

pub(super) fn offline() -> Aws {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .build();
    Aws {
        caller: "arn:aws:iam::123456789012:root".into(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        partition: "aws".to_owned(),
        ec2: aws_sdk_ec2::Client::new(&config),
        ecs: aws_sdk_ecs::Client::new(&config),
        ecr: aws_sdk_ecr::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        events: aws_sdk_eventbridge::Client::new(&config),
        autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
        balancing: aws_sdk_elasticloadbalancingv2::Client::new(&config),
        certificates: aws_sdk_acm::Client::new(&config),
        dns: aws_sdk_route53::Client::new(&config),
        trail: aws_sdk_cloudtrail::Client::new(&config),
        tagging: aws_sdk_resourcegroupstagging::Client::new(&config),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
        parameters: aws_sdk_ssm::Client::new(&config),
        quotas: aws_sdk_servicequotas::Client::new(&config),
        tell: crate::aws::Tell::default(),
        together: std::sync::Arc::default(),
    }
}

/// Every reference somewhere in the attributes.
pub(super) fn references(attrs: &Value) -> Vec<Ref> {
    match attrs {
        Value::Object(members) if members.contains_key("$ref") => {
            vec![serde_json::from_value(attrs.clone()).unwrap()]
        }
        Value::Object(members) => members.values().flat_map(references).collect(),
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn paths(rules: &Rules) -> Vec<&'static str> {
    [
        rules.replace_on,
        rules.create_only,
        rules.passive,
        rules.shared,
        rules.guarded,
        rules.release,
        rules.sensitive,
        rules.restarts_tasks_on,
        rules.in_place,
    ]
    .concat()
}

fn entry_of(kind: &str) -> Entry {
    all().into_iter().find(|entry| entry.kind == kind).unwrap()
}

#[test]
fn the_files_of_this_directory_are_the_kinds() {
    let listed: BTreeSet<String> = all().iter().map(|entry| entry.kind.to_owned()).collect();
    let files: BTreeSet<String> = sources().into_keys().collect();
    assert_eq!(listed, files);
    assert_eq!(listed.len(), all().len(), "a kind is listed twice");
}

#[test]
fn no_kind_imports_another() {
    let sources = sources();
    for (kind, source) in &sources {
        for other in sources.keys().filter(|other| *other != kind) {
            for import in [format!("super::{other}"), format!("kinds::{other}")] {
                assert!(!source.contains(&import), "{kind} uses {other}: `{import}`");
            }
        }
    }
}

#[test]
fn every_call_is_declared_and_every_declared_action_is_called() {
    for (kind, source) in sources() {
        let called: BTreeSet<String> = source
            .split("call(")
            .skip(1)
            .filter_map(|after| after.trim_start().strip_prefix('"')?.split_once('"'))
            .map(|(action, _)| action.to_owned())
            .chain(
                SHARED
                    .iter()
                    .filter(|(call, _)| source.contains(call))
                    .map(|(_, action)| (*action).to_owned()),
            )
            .collect();
        let rules = entry_of(&kind).rules;
        let declared: BTreeSet<String> = [rules.reads, rules.writes]
            .concat()
            .into_iter()
            .filter(|action| !IMPLIED.contains(action))
            .map(str::to_owned)
            .collect();
        assert_eq!(called, declared, "{kind}");
    }
}

#[test]
fn a_read_never_changes_anything() {
    for entry in all() {
        let reading = |action: &str| {
            let (_, verb) = action.split_once(':').unwrap();
            ["Describe", "Get", "List"].iter().any(|start| verb.starts_with(start))
        };
        for action in entry.rules.reads {
            assert!(reading(action), "{} reads with {action}", entry.kind);
        }
        for action in entry.rules.writes {
            assert!(!reading(action), "{} writes with {action}", entry.kind);
        }
    }
}

#[test]
fn users_come_after_what_they_use() {
    let order: Vec<&str> = all().iter().map(|entry| entry.kind).collect();
    for (place, entry) in all().iter().enumerate() {
        for used in entry.rules.uses {
            assert!(order[..place].contains(used), "{} uses {used}, which is not before it", entry.kind);
        }
    }
}

#[test]
fn every_rule_names_an_attribute_that_exists() {
    for entry in all() {
        let wants: Vec<Resource> =
            samples::all().iter().flat_map(|stack| (entry.desired)(stack).unwrap()).collect();
        let attrs =
            wants.first().unwrap_or_else(|| panic!("no sample of {}", entry.kind)).attrs.as_object().unwrap();
        for path in paths(entry.rules) {
            let top = path.split('.').next().unwrap();
            assert!(attrs.contains_key(top), "{}: no attribute `{top}` for the rule on `{path}`", entry.kind);
        }
    }
}

#[test]
fn every_kind_has_a_title_a_name_and_tags() {
    for entry in all() {
        assert!(!entry.rules.title.is_empty(), "{}", entry.kind);
        for want in samples::all().iter().flat_map(|stack| (entry.desired)(stack).unwrap()) {
            assert_eq!(want.at.address.kind(), entry.kind);
            // ACM tells what a record for validation is called.
            let is_told = !want.at.address.name().ends_with("-validation");
            assert!(!want.at.name.is_empty() || !is_told, "{}", want.at.address);
            if UNTAGGED.contains(&entry.kind) {
                assert!(want.attrs.get("tags").is_none(), "{} has tags", want.at.address);
                continue;
            }
            let tags = &want.attrs["tags"];
            assert_eq!(tags["fargate-stack:stack"], want.at.stack.as_str(), "{}", want.at.address);
            assert_eq!(tags["fargate-stack:address"], want.at.address.to_string(), "{}", want.at.address);
        }
    }
}

#[test]
fn attributes_survive_a_typed_round_trip() {
    let drivers = registry(&offline());
    for stack in samples::all() {
        for resource in wanted(&stack).unwrap() {
            let driver = drivers.get(resource.at.address.kind()).unwrap();
            assert_eq!(
                driver.canonical(resource.attrs.clone()).unwrap(),
                resource.attrs,
                "{}",
                resource.at.address
            );
        }
    }
}

#[test]
fn an_attribute_that_the_kind_does_not_know_is_refused() {
    let drivers = registry(&offline());
    for resource in samples::all().iter().flat_map(|stack| wanted(stack).unwrap()) {
        let mut attrs = resource.attrs.clone();
        attrs.as_object_mut().unwrap().insert("colour".to_owned(), "red".into());
        let driver = drivers.get(resource.at.address.kind()).unwrap();
        assert!(driver.canonical(attrs).is_err(), "{}", resource.at.address);
    }
}

#[test]
fn the_same_stack_wants_the_same_twice() {
    for (one, two) in samples::all().iter().zip(samples::all().iter()) {
        assert_eq!(wanted(one).unwrap(), wanted(two).unwrap(), "{}", one.name);
    }
}

#[test]
fn every_address_is_unique_in_its_stack() {
    for stack in samples::all() {
        let resources = wanted(&stack).unwrap();
        let addresses: BTreeSet<&Address> = resources.iter().map(|resource| &resource.at.address).collect();
        assert_eq!(addresses.len(), resources.len(), "{}", stack.name);
    }
}

#[test]
fn every_dependency_exists_gives_what_is_asked_and_is_of_a_used_kind() {
    for stack in samples::all() {
        let resources = wanted(&stack).unwrap();
        let addresses: BTreeSet<&Address> = resources.iter().map(|resource| &resource.at.address).collect();
        for resource in &resources {
            let this = &resource.at.address;
            let uses = entry_of(this.kind()).rules.uses;
            for needed in &resource.after {
                assert!(addresses.contains(needed), "{this} waits for {needed}, which is not wanted");
                // What is waited for is the certificate; the record of its validation may go at any time.
                if needed.kind() == "dns_record" && needed.name().ends_with("-validation") {
                    continue;
                }
                assert!(
                    uses.contains(&needed.kind()),
                    "{this} waits for {needed}, but does not declare the kind"
                );
            }
            for reference in references(&resource.attrs) {
                let (needed, output) = (&reference.address, reference.output.as_str());
                assert!(addresses.contains(needed), "{this} refers to {needed}, which is not wanted");
                // A kind that uses itself waits for itself when it is deleted.
                assert!(
                    uses.contains(&needed.kind()) || needed.kind() == this.kind(),
                    "{this} refers to {needed}, but does not declare the kind"
                );
                let given = entry_of(needed.kind()).rules.outputs;
                assert!(
                    given.contains(&output),
                    "{this} refers to `{output}` of {needed}, which gives {given:?}"
                );
            }
        }
    }
}

#[test]
fn every_candidate_is_an_address_that_the_stack_can_want() {
    let stack = samples::multi();
    for entry in all() {
        let wants = (entry.desired)(&stack).unwrap();
        for candidate in (entry.candidates)(&stack.names) {
            assert!(wants.iter().any(|want| want.at == candidate), "{candidate:?}");
        }
    }
}

#[test]
fn no_kind_claims_the_arn_of_another() {
    let balancing = |kind: &str, rest: &str| {
        format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:{kind}/app/shop-alb/0123{rest}")
    };
    let arns = [
        ("cluster", "arn:aws:ecs:eu-west-1:123456789012:cluster/main", "main", None),
        ("log_group", "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/app", "/ecs/app", None),
        ("log_group", "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/app:*", "/ecs/app", None),
        ("security_group", "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a", "sg-0a", None),
        ("task_definition", "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web:7", "web", None),
        ("service", "arn:aws:ecs:eu-west-1:123456789012:service/main/web", "web", Some("main".to_owned())),
        ("load_balancer", &balancing("loadbalancer", ""), "shop-alb", None),
        (
            "target_group",
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop-web-tg/0a1b2c",
            "shop-web-tg",
            None,
        ),
        ("listener", &balancing("listener", "/aa"), "443", Some(balancing("loadbalancer", ""))),
        ("listener_rule", &balancing("listener-rule", "/aa/bb"), "x-443", Some(balancing("listener", "/aa"))),
        ("schedule", "arn:aws:events:eu-west-1:123456789012:rule/web-schedule", "web-schedule", None),
        ("certificate", "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b-2c", "x-443", None),
    ];
    for (kind, arn, name, parent) in arns {
        let at = samples::multi().names.at(kind, "x-443", "");
        let found: Vec<_> =
            all().iter().filter_map(|entry| Some((entry.kind, (entry.locate)(arn, &at)?))).collect();
        let [(by, located)] = found.as_slice() else { panic!("{arn}: {found:?}") };
        assert_eq!((*by, located.name.as_str(), located.parent.clone()), (kind, name, parent), "{arn}");
    }
    let other_bus = "arn:aws:events:eu-west-1:123456789012:rule/custom/web-schedule";
    let at = samples::multi().names.at("schedule", "x", "");
    assert!(all().iter().all(|entry| (entry.locate)(other_bus, &at).is_none()));
}
