//! Diagrams of stacks, and text that tries to get out of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::diagram;
use crate::model::{Action, Address, Change, Locator, Observed, Owner, Plan, Reason, Resource};
use crate::render::{Budget, Context, Links, escape, plan_markdown, view};

const ACCOUNT: &str = "123456789012";

fn elb(what: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:{what}")
}

/// A plan, made line by line.
struct Stack(Plan);

impl Stack {
    fn new() -> Self {
        Self(Plan {
            stack: "shop".into(),
            account: ACCOUNT.into(),
            region: "eu-west-1".into(),
            changes: Vec::new(),
            edges: BTreeMap::new(),
            images: Vec::new(),
            endpoints: Vec::new(),
            warnings: Vec::new(),
            fingerprint: "0".repeat(64),
        })
    }

    fn add(
        self,
        action: Action,
        (kind, name): (&str, &str),
        called: &str,
        attrs: Value,
        uses: &[&str],
    ) -> Self {
        let Self(mut plan) = self;
        let address = Address::new(kind, name);
        let uses: BTreeSet<Address> = uses.iter().map(|text| text.parse().unwrap()).collect();
        let at = Locator { address, name: called.into(), parent: None, id: None, stack: "shop".into() };
        let resource = Resource { at: at.clone(), attrs: attrs.clone(), after: BTreeSet::new() };
        let observed = Observed { attrs, outputs: BTreeMap::new(), owner: Owner::Ours };
        if action != Action::Delete {
            plan.edges.insert(at.address.clone(), uses);
        }
        plan.changes.push(Change {
            at,
            action,
            reason: Reason::Same,
            want: (action != Action::Delete).then_some(resource),
            seen: (action != Action::Create).then_some(observed),
            attrs: Vec::new(),
            written: Vec::new(),
            restarts_tasks: false,
        });
        Self(plan)
    }

    fn task(self, action: Action, name: &str, secrets: &[&str]) -> Self {
        let arn = |name: &&str| {
            let arn = format!("arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{name}-a1B2c3");
            ((*name).to_owned(), Value::from(arn))
        };
        let secrets: serde_json::Map<String, Value> = secrets.iter().map(arn).collect();
        let attrs = json!({"containers": [{"name": name, "secrets": secrets}]});
        self.add(action, ("task_definition", name), name, attrs, &["iam_role.task", "log_group.main"])
    }

    fn worker(self, action: Action, name: &str, secrets: &[&str]) -> Self {
        let uses = format!("task_definition.{name}");
        let with = self.task(action, name, secrets);
        with.add(action, ("service", name), name, json!({}), &[&uses, "security_group.tasks"])
    }

    fn web(self, action: Action, name: &str, listener: &str) -> Self {
        let (definition, rule, group) = (
            format!("task_definition.{name}"),
            format!("listener_rule.{name}"),
            format!("target_group.{name}"),
        );
        self.task(action, name, &[])
            .add(action, ("target_group", name), &format!("shop-{name}-tg"), json!({}), &[])
            .add(action, ("listener_rule", name), "", json!({}), &[listener, &group])
            .add(action, ("service", name), name, json!({}), &[&definition, &rule, &group])
    }

    fn record(self, action: Action, domain: &str, uses: &[&str]) -> Self {
        self.add(action, ("dns_record", domain), domain, json!({}), uses)
    }

    fn scheduled(self, action: Action, name: &str) -> Self {
        let attrs = json!({"expression": "cron(0 2 * * ? *)"});
        let uses = format!("task_definition.{name}");
        self.task(action, name, &[]).add(action, ("schedule", name), name, attrs, &[&uses])
    }

    /// With a load balancer of its own.
    fn balancer(self, action: Action) -> Self {
        let on = &["load_balancer.public"];
        self.add(action, ("load_balancer", "public"), "shop-alb", json!({}), &["security_group.alb-public"])
            .add(action, ("listener", "public-443"), "443", json!({}), on)
            .add(action, ("listener", "public-80"), "80", json!({}), on)
    }

    fn text(&self) -> String {
        diagram(&self.0).join("\n")
    }

    fn markdown(&self, budget: Budget) -> String {
        plan_markdown(&view::plan(&self.0, &Context::default()), &Links::default(), budget)
    }
}

fn shop(action: Action) -> Stack {
    let alias = &["load_balancer.public", "listener_rule.web", "service.web"];
    Stack::new()
        .balancer(action)
        .web(action, "web", "listener.public-443")
        .record(action, "shop.example.com", alias)
        .record(action, "shop.example.com-validation", &["certificate.shop.example.com"])
        .worker(action, "worker", &["shop/api-key"])
        .scheduled(action, "nightly")
        .task(action, "migrate", &["shop/api-key"])
}

#[test]
fn a_new_stack_is_drawn_from_the_internet_to_what_its_tasks_use() {
    insta::assert_snapshot!("new", shop(Action::Create).text());
}

#[test]
fn what_stays_is_plain_and_what_changes_is_marked_by_word_and_class() {
    let alias = &["listener_rule.api"];
    let stack = shop(Action::Keep)
        .web(Action::Create, "api", "listener.public-443")
        .record(Action::Create, "api.example.com", alias)
        .add(Action::Replace, ("queue", "jobs"), "shop-jobs", json!({}), &[])
        .add(Action::Delete, ("service", "old"), "old", json!({}), &[])
        .add(Action::Update, ("target_group", "web"), "shop-web-tg", json!({}), &[])
        .add(Action::Keep, ("task_definition", "consumer"), "consumer", json!({}), &["queue.jobs"])
        .add(Action::Update, ("service", "consumer"), "consumer", json!({}), &["task_definition.consumer"]);
    insta::assert_snapshot!("changed", stack.text());
}

#[test]
fn a_load_balancer_of_somebody_else_shows_through_the_rules_in_its_listener() {
    let listener = elb("listener/app/front/0a1b2c3d4e5f6071/0011223344556677");
    let rule = json!({"listener": listener});
    let stack = |domain: &str| {
        Stack::new()
            .task(Action::Create, "web", &[])
            .add(Action::Create, ("listener_rule", "web"), "", rule.clone(), &["target_group.web"])
            .add(Action::Create, ("service", "web"), "web", json!({}), &["listener_rule.web"])
            .record(Action::Create, domain, &["listener_rule.web"])
    };
    insta::assert_snapshot!("shared", stack("shop.example.com").text());
    assert!(stack("shop.example.com-internal").text().contains("VPC"));
    assert!(
        Stack::new()
            .add(Action::Create, ("listener_rule", "web"), "", rule.clone(), &[])
            .add(Action::Create, ("service", "web"), "web", json!({}), &[])
            .text()
            .contains("n1([\"clients\"])")
    );
}

#[test]
fn what_is_made_beside_its_predecessor_is_replaced() {
    let stack = Stack::new().worker(Action::Create, "worker", &["key"]).add(
        Action::Delete,
        ("service", "worker"),
        "worker",
        json!({}),
        &[],
    );
    assert!(stack.text().contains("replaced worker worker"), "{}", stack.text());
}

#[test]
fn a_plan_in_which_no_part_changes_has_no_diagram() {
    assert_eq!(shop(Action::Keep).text(), "");
    let only_logs =
        shop(Action::Keep).add(Action::Update, ("log_group", "main"), "/ecs/shop", json!({}), &[]);
    assert_eq!(only_logs.text(), "");
    assert!(!only_logs.markdown(Budget::comment(0)).contains("mermaid"));
    // One box alone says nothing.
    assert_eq!(Stack::new().worker(Action::Create, "worker", &[]).text(), "");
}

#[test]
fn account_ids_are_shortened_in_labels_too() {
    let text = Stack::new().worker(Action::Create, &format!("w{ACCOUNT}"), &["key"]).text();
    let other = Stack::new().scheduled(Action::Create, &format!("x-{ACCOUNT}")).markdown(Budget::comment(0));
    assert!(text.contains("new worker w#8230;9012"), "{text}");
    assert!(!text.contains(ACCOUNT) && !other.contains(ACCOUNT), "{other}");
}

fn boxes(text: &str) -> usize {
    text.lines().filter(|line| line.contains('"')).count()
}

#[test]
fn like_things_are_drawn_as_one_when_there_are_too_many() {
    let mut stack = shop(Action::Keep);
    for number in 0..30 {
        let domain = format!("s{number}.example.com");
        let name = format!("service{number}");
        let action = if number < 12 { Action::Create } else { Action::Keep };
        stack = stack.web(action, &name, "listener.public-443");
        stack = stack.record(action, &domain, &[&format!("listener_rule.{name}")]);
    }
    let text = stack.text();
    assert!(boxes(&text) <= 40 && text.chars().count() <= 4_000, "{text}");
    insta::assert_snapshot!("many", text);
}

#[test]
fn a_picture_that_stays_too_large_is_left_out() {
    let mut stack = Stack::new();
    for number in 0..50 {
        let listener = json!({"listener": elb(&format!("listener/app/lb{number}/0/0"))});
        let name = format!("web{number}");
        stack = stack.add(Action::Create, ("listener_rule", &name), "", listener, &[]);
        stack = stack.add(Action::Create, ("service", &name), &name, json!({}), &[]);
    }
    assert_eq!(stack.text(), "");
}

#[test]
fn the_diagram_is_the_first_that_gives_way() {
    let stack = shop(Action::Create);
    let whole = stack.markdown(Budget { limit: 60_000, reserved: 0 });
    assert!(whole.contains("<summary>Diagram</summary>") && whole.contains("```mermaid\nflowchart LR\n"));
    let shorter = stack.markdown(Budget { limit: whole.len() - 1, reserved: 0 });
    assert!(!shorter.contains("mermaid"));
    assert!(shorter.contains("Not every diagram is shown.") && !shorter.contains("too long"), "{shorter}");
    let rest = |document: &str| document.lines().filter(|line| line.starts_with("+ ")).count();
    assert_eq!(rest(&shorter), rest(&whole));
}

/// Our own grammar: what a diagram may consist of, line by line.
fn well_formed(text: &str) -> Result<(), String> {
    let mut known = BTreeSet::new();
    for (number, line) in text.split('\n').enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let fits = match words.as_slice() {
            ["flowchart", "LR"] => number == 0,
            ["", "", from, "-->", to] => known.contains(*from) && known.contains(*to),
            ["", "", "class", ids, "made" | "changed" | "replaced" | "deleted"] => {
                ids.split(',').all(|id| known.contains(id))
            }
            ["", "", "classDef", ..] => !line.contains(['"', ';', '[', '{', '%', '`']),
            _ => match line.trim_start().split_once('[').zip(line.split_once('"')) {
                Some(((id, _), (open, rest))) => {
                    let (label, close) = rest.split_once('"').ok_or(line)?;
                    known.insert(id.trim_end_matches('(').to_owned());
                    is_id(id.trim_end_matches('('))
                        && ["([", "[(", "["].iter().any(|shape| open.ends_with(shape))
                        && ["])", ")]", "]"].contains(&close)
                        && is_label(label)
                }
                None => false,
            },
        };
        if !fits {
            return Err(line.to_owned());
        }
    }
    Ok(())
}

fn is_id(text: &str) -> bool {
    text.strip_prefix('n').is_some_and(|digits| digits.parse::<u32>().is_ok())
}

/// Harmless characters and entity codes; the first word is ours.
fn is_label(label: &str) -> bool {
    let ours =
        ["new", "changed", "replaced", "deleted", "internet", "VPC", "clients", "DNS", "load", "service"];
    let ours = ours.iter().chain(&["worker", "schedule", "task", "secret", "queue"]);
    let mut rest = label;
    while let Some(at) = rest.find('#') {
        let Some((code, after)) = rest[at + 1..].split_once(';') else { return false };
        if !rest[..at].chars().all(is_harmless) || code.parse::<u32>().is_err() {
            return false;
        }
        rest = after;
    }
    let first = label.split(' ').next().unwrap_or_default();
    rest.chars().all(is_harmless)
        && (ours.into_iter().any(|word| *word == first) || first.chars().all(|c| c.is_ascii_digit()))
}

fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | ',')
}

/// A stack whose every name is this text.
fn hostile(text: &str) -> Stack {
    let mut stack = shop(Action::Create);
    for change in &mut stack.0.changes {
        if ["load_balancer", "dns_record"].contains(&change.at.address.kind()) {
            change.at.name = text.to_owned();
        }
        if change.at.address.kind() == "schedule" {
            change.want.as_mut().unwrap().attrs = json!({"expression": text});
        }
    }
    stack
        .worker(Action::Update, "w", &[text])
        .add(Action::Create, ("service", text), text, json!({}), &["queue.jobs"])
        .add(Action::Delete, ("queue", "jobs"), text, json!({}), &[])
        .add(
            Action::Create,
            ("task_definition", text),
            text,
            json!({"containers": [{"secrets": {"A": text}}]}),
            &[],
        )
}

/// What a stack with such names draws, in a comment; fails when it is more than text.
fn harmless(text: &str) {
    let lines = diagram(&hostile(text).0);
    assert!(!lines.is_empty(), "{text:?}");
    well_formed(&lines.join("\n")).unwrap_or_else(|line| panic!("{text:?} gives {line:?}"));
    let fence = escape::fence("mermaid", &lines);
    assert!(fence.starts_with("```mermaid\n") && fence.ends_with("\n```"), "{fence}");
    assert_eq!(fence.matches("```").count(), 2, "the block is closed by {text:?}");
    assert_eq!(fence.lines().count(), lines.len() + 2);
}

#[test]
fn a_name_that_tries_to_be_more_stays_a_name() {
    for text in [
        "\"]; click n1 \"https://evil.example\"",
        "a\"] --> n2[\"b",
        "end",
        "subgraph x",
        "%%{init: {\"theme\": \"forest\"}}%%",
        "%% comment",
        "```\n# out",
        "a\nclick n1 href \"javascript:alert(1)\"",
        "</details><img src=x onerror=alert(1)>",
        "#quot;] #35;",
        "`**bold**`",
        "1. item",
        "- item",
        "www.evil.example a@b.c https://evil.example",
        "fa:fa-ban $$x$$",
        "style n1 fill:#f00;",
        ":::made",
        "\u{202e}txt.exe\u{200b}",
        "{{[()]}}",
        &"long ".repeat(60),
        "",
        " ",
    ] {
        harmless(text);
    }
    assert_eq!(escape::mermaid("a\u{202e}b"), "a#92;u#123;202e#125;b");
    assert_eq!(escape::mermaid("é\"\n"), "#233;#34;#92;n");
}

proptest! {
    #[test]
    fn no_name_breaks_out_of_the_diagram(text in "\\PC{0,60}|[\"\\[\\]{}()<>|;:#%`\\n\\r &$@*_~=.-]{0,40}") {
        harmless(&text);
    }
}
