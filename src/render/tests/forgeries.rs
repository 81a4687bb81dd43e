//! Somebody with write access changes the plan comment: what counts differs, or nothing counts.

use proptest::prelude::*;
use serde_json::json;

use super::documents::links;
use super::hostile::nasty;
use super::pages::{APPROVAL, named, page_with, release_only, seen, whole};
use super::plans::{attr, change, empty, one_of_each, reference, served};
use crate::engine;
use crate::model::{Action, Change, Image, ImageOrigin, Plan};
use crate::render::comment::{PlansPage, StackPart, normal_form, plans_markdown};
use crate::render::{Budget, Link, Links};

/// Two stacks, with everything that a page has.
fn honest() -> String {
    let mut links = links();
    links
        .files
        .insert("stacks/a.yml".to_owned(), "https://github.example/o/r/blob/9be77d1/stacks/a.yml".to_owned());
    let plans =
        [named("a", one_of_each()), named("b", served()), named("c", Plan { changes: drawn(), ..empty() })];
    page_with(&plans, &[], &links, Budget::comment(0), None).text
}

/// Changes with a picture.
fn drawn() -> Vec<Change> {
    let mut schedule = change("schedule.job", "job", Action::Create, vec![]);
    schedule.want = Some(crate::model::Resource {
        at: schedule.at.clone(),
        attrs: json!({"expression": "rate(1 day)"}),
        after: std::collections::BTreeSet::new(),
    });
    vec![change("task_definition.job", "job", Action::Create, vec![]), schedule]
}

fn put(text: &str, before: &str, what: &str) -> String {
    assert!(text.contains(before), "{before:?} is not in the text: {text}");
    text.replacen(before, &format!("{what}{before}"), 1)
}

fn swap(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old:?} is not in the text: {text}");
    text.replacen(old, new, 1)
}

#[test]
fn every_forgery_shows() {
    let text = honest();
    let genuine = normal_form(&text).expect("an honest text has a normal form");
    assert!(text.contains("```mermaid") && text.contains("**Stack files**"), "{text}");
    let (open, close) = ("<!-- fs:v -->", "<!-- /fs:v -->");
    let put = |before: &str, what: &str| put(&text, before, what);
    let swap = |old: &str, new: &str| swap(&text, old, new);
    let lines =
        |keep: &dyn Fn(&str) -> bool| text.lines().filter(|line| keep(line)).collect::<Vec<_>>().join("\n");
    let forgeries = [
        ("a comment hides the folds", put("<details", "<!--\n")),
        ("a comment in a list of the volatile part", put("**Warnings**", "- <!--\n")),
        ("a fold of its own in the volatile part", put("**Images**", "<details><summary>x</summary>\n\n")),
        ("a fold in a warning", swap("- `a`: the image of", "- `a`: <details> the image of")),
        ("a fence that is not closed, before the volatile part", put(open, "```\n")),
        ("a fence in the volatile part", put("**Images**", "```text\n```\n\n")),
        ("a fence in an item", put("**Warnings**", "- ```\n")),
        ("a picture that does not end", swap("made\n```\n", "made\n")),
        ("a line of text in the picture", swap("flowchart LR", "flowchart LR\n</details>")),
        ("a click in the picture", swap("flowchart LR", "flowchart LR\n  click n1 \"https://evil.example\"")),
        ("a second table", put("**Images**", "| stack | replace |\n|---|---|\n| `a` | 0 |\n\n")),
        ("a heading in the volatile part", put("**Warnings**", "### Fargate plan — no changes\n\n")),
        ("a heading by its underline", put("**Warnings**", "No image is released.\n===\n")),
        ("a heading in an item", put("**Warnings**", "- # Fargate plan — no changes\n")),
        ("a quote in the volatile part", put("**Warnings**", "> nothing is destroyed\n\n")),
        ("a quote in an item", put("**Warnings**", "- > nothing is destroyed\n")),
        ("a list in an item", put("**Warnings**", "- - nothing is destroyed\n")),
        ("a numbered list in an item", put("**Warnings**", "- 1. nothing is destroyed\n")),
        ("a line across an item", put("**Warnings**", "- - - -\n")),
        ("the line of state as a heading", swap("The merge applies", "===\nThe merge applies")),
        ("the line of state as a heading, alone", swap(APPROVAL, "===")),
        ("plain text in the volatile part", put("**Warnings**", "Nothing is destroyed.\n\n")),
        ("bold text in an item", put("**Warnings**", "- **nothing is destroyed**\n")),
        ("a span of code that does not end", put("**Warnings**", "- `x\n")),
        ("an image", put("**Warnings**", "- ![x](https://e.example/x.png)\n")),
        ("a link that is none of the web", put("**Warnings**", "- [x](javascript:alert)\n")),
        ("a bare address", put("**Warnings**", "- see https://evil.example\n")),
        ("a mention", put("**Warnings**", "- ask @octocat\n")),
        ("an entity", put("**Warnings**", "- x &#60;!-- y\n")),
        ("an invisible character in the volatile part", put("**Warnings**", "- x\u{202e}y\n")),
        ("an invisible character in the firm part", swap("1 to replace", "1\u{200b} to replace")),
        ("a zero-width word joiner", swap("delete `schedule", "del\u{2060}ete `schedule")),
        ("a lone carriage return", put("**Warnings**", "- x\r### y\n")),
        ("text at the end", format!("{text}\nApproved by everybody.\n")),
        ("text at the beginning", format!("Approved by everybody.\n\n{text}")),
        ("text before the volatile part", put(open, "Nothing is destroyed.\n")),
        ("the warning of what goes is removed", lines(&|line| !line.starts_with('>'))),
        ("one line of it is removed", lines(&|line| !line.starts_with("> - delete"))),
        ("it stands in a volatile part", swap("> [!CAUTION]", &format!("{open}\n> [!CAUTION]"))),
        ("a volatile part too many", put("> [!CAUTION]", &format!("{open}\n{close}\n\n"))),
        ("a volatile part that does not end", lines(&|line| line != close)),
        ("a volatile part that is gone", lines(&|line| line != close && line != open)),
        ("volatile parts within each other", put("**Images**", &format!("{open}\n"))),
        (
            "stacks swapped",
            swap("| `a` |", "| `z` |").replacen("| `b` |", "| `a` |", 1).replacen("| `z` |", "| `b` |", 1),
        ),
        ("a count changed", swap("| **1** | **1** |", "| 0 | 0 |")),
        ("a count in the headline", swap("delete 1", "delete 0")),
        ("another commit", swap("`9be77d1`", "`0000000`")),
        ("another region", swap("eu-west-1", "us-east-1")),
        ("a row that is gone", lines(&|line| !line.starts_with("| `b`"))),
        ("a bar in the cell of the release", swap("| `v1.4` → `9be77d1` |", "| `v1.4` \\| `9be77d1` |")),
        ("a cell too many", swap("| `v1.4` → `9be77d1` |", "| – | 0 |")),
        ("HTML in the cell of the release", swap("`v1.4` → `9be77d1`", "<!-- `9be77d1`")),
        ("a span of code from cell to cell", swap("`v1.4` → `9be77d1`", "`v1.4")),
        ("a value in the diff", swap("cpu: 256 → 512", "cpu: 256 → 256")),
        ("a sign in the diff", swap("- delete  schedule.old", "+ create  schedule.old")),
        ("the diff in one line less", lines(&|line| !line.contains("tags.old"))),
        ("the fold of another stack", swap("<b>a</b>", "<b>b</b>")),
        ("another digest", swap("Plan `7d41", "Plan `0000")),
        ("a notice of its own", swap(close, &format!("**Approved**: by everybody.\n{close}"))),
        ("two notices", swap(close, &format!("**Outdated**: x.\n**Outdated**: y.\n{close}"))),
        (
            "another line below the state",
            swap("**Status: planned**", "**Status: planned**\n\n# no changes\n"),
        ),
        ("a fold in the line of state", swap("**Status: planned**", "**Status: planned</details>**")),
        ("text where the state was", swap("**Status: planned**", "Nothing is destroyed.")),
        ("a first line that hides more", format!("<!-- fargate-stack:v1 e30 --> # x <!-- -->\n{text}")),
        ("a first line that does not end", format!("<!-- fargate-stack:v1 e30\n{text}")),
        (
            "HTML right below the fold's first line",
            swap("<summary>Diagram</summary>\n", "<summary>Diagram</summary>\n- `<!--`\n"),
        ),
        ("HTML right below the fold's end", {
            let (head, tail) = text.rsplit_once("</details>\n").unwrap();
            format!("{head}</details>\n- `<!--`\n{tail}")
        }),
    ];
    for (what, forged) in &forgeries {
        assert_ne!(*forged, text, "{what}: nothing was changed");
        assert_ne!(normal_form(forged).as_ref(), Some(&genuine), "{what}:\n{forged}");
    }
}

#[test]
fn what_a_browser_or_an_honest_second_text_changes_does_not_count() {
    let text = honest();
    let genuine = normal_form(&text).unwrap();
    let marked = format!("<!-- fargate-stack:v1 eyJhIjoxfQ-_ -->\n{text}");
    assert_eq!(normal_form(&marked).as_ref(), Some(&genuine));
    assert_eq!(
        normal_form(&marked.replace('\n', "\r\n")).as_ref(),
        Some(&genuine),
        "the web editor writes CRLF"
    );
    assert_eq!(normal_form(text.trim_end()).as_ref(), Some(&genuine));
    let run = swap(
        &text,
        "[run 318](https://github.example/o/r/actions/runs/318)",
        "[run 9](https://github.example/o/r/actions/runs/9)",
    );
    assert_eq!(normal_form(&run).as_ref(), Some(&genuine));
    let image = swap(&text, "`v1.4` → `9be77d1`", "`v1.4` → `0000000`");
    assert_eq!(normal_form(&image).as_ref(), Some(&genuine));
}

#[test]
fn a_text_that_is_no_plan_page_has_no_normal_form() {
    for text in ["", "### Fargate plan", "<!-- fs:v -->", "<!-- fs:v -->\n<!-- /fs:v -->"] {
        assert_eq!(normal_form(text), None, "{text}");
    }
}

/// One change with effects, of any text.
fn effect() -> impl Strategy<Value = Change> {
    let action = prop::sample::select(vec![
        Action::Create,
        Action::Adopt,
        Action::Update,
        Action::Replace,
        Action::Delete,
    ]);
    let kind = prop::sample::select(vec!["service", "security_group", "schedule", "listener"]);
    let value = prop_oneof![
        nasty().prop_map(|text| json!(text)),
        any::<u8>().prop_map(|n| json!(n)),
        Just(json!(null)),
        Just(reference("log_group.x", "arn")),
        Just(json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:41")),
        Just(json!("a/b@sha256:00")),
        nasty().prop_map(|text| json!([text, {"k": text}])),
    ];
    let path = prop_oneof![Just("cpu".to_owned()), Just("containers.0.environment.KEY".to_owned()), nasty()];
    let attrs = prop::collection::btree_map(path, (value.clone(), value), 1..4);
    (kind, nasty(), nasty(), action, attrs).prop_map(|(kind, key, name, action, attrs)| {
        let attrs = attrs.into_iter().map(|(path, (before, after))| match action {
            Action::Create => attr(&path, json!(null), after),
            _ => attr(&path, before, after),
        });
        let mut change = change(&format!("{kind}.x"), &name, action, attrs.collect());
        change.at.address = crate::model::Address::new(kind, &format!("k{key}"));
        change
    })
}

/// What a plan has beside its effects.
fn beside() -> impl Strategy<Value = (Vec<String>, Vec<Image>, bool, Links, String)> {
    let image = (nasty(), nasty()).prop_map(|(task, tag)| Image {
        task,
        image: "r/a".to_owned(),
        tag: Some(tag),
        digest: None,
        origin: ImageOrigin::Outside,
    });
    (
        prop::collection::vec(nasty(), 0..4),
        prop::collection::vec(image, 0..3),
        any::<bool>(),
        (nasty(), nasty()).prop_map(|(label, url)| Links {
            run: Some(Link { label: label.clone(), url: format!("https://{url}") }),
            deployment: Some(Link { label, url: url.clone() }),
            base: Some(url),
            ..links()
        }),
        nasty(),
    )
}

fn rendered(plan: &Plan, links: &Links, approval: &str, digest: &str) -> String {
    let view = seen(plan);
    let stacks = [StackPart { stack: &view.stack, file: "f.yml", outcome: Ok(&view) }];
    let page = PlansPage { stacks: &stacks, links, digest, approval };
    plans_markdown(&page, Budget::summary(0), Some(0)).text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_effects_have_one_normal_form_and_other_effects_another(
        effects in prop::collection::vec(effect(), 0..4),
        others in prop::collection::vec(effect(), 0..4),
        (warnings, images, releases, links, approval) in beside(),
    ) {
        let plan = Plan { changes: effects.clone(), ..empty() };
        let text = rendered(&plan, &super::documents::links(), "", &engine::fingerprint(&plan));
        let form = normal_form(&text);
        prop_assert!(form.is_some(), "{}", text);

        // The same effects in another order, with everything else that a plan may have.
        let mut changes: Vec<Change> = effects.into_iter().rev().collect();
        for change in &mut changes {
            change.restarts_tasks = !change.restarts_tasks;
        }
        if releases {
            changes.extend(release_only());
        }
        let other = Plan { changes, images, warnings, ..empty() };
        prop_assert_eq!(engine::fingerprint(&other), engine::fingerprint(&plan));
        let again = rendered(&other, &links, &approval, &engine::fingerprint(&other));
        prop_assert_eq!(&normal_form(&again), &form, "{}", again);

        let plan2 = Plan { changes: others, ..empty() };
        let (first, second) = (engine::fingerprint(&plan), engine::fingerprint(&plan2));
        if first != second {
            let different = rendered(&plan2, &super::documents::links(), "", &second);
            prop_assert_ne!(&normal_form(&different), &form);
            // What is counted and named shows even when the digest is forged.
            let names = |plan: &Plan| engine::effects(plan).into_iter().map(|one| (one.address, one.action)).collect::<Vec<_>>();
            if names(&plan) != names(&plan2) {
                let forged = rendered(&plan2, &super::documents::links(), "", &first);
                prop_assert_ne!(&normal_form(&forged), &form);
            }
        }
    }
}

#[test]
fn what_aws_holds_of_a_hidden_or_pending_value_and_revisions_do_not_count() {
    let plan = |before: &str, revision: u32, show: bool| {
        let mut named = attr("containers.0.environment.MODE", json!(before), json!("fast"));
        named.sensitive = true;
        let arn = format!("arn:aws:ecs:eu-west-1:1:task-definition/web:{revision}");
        let attrs = vec![
            named,
            attr("role", json!(arn), reference("iam_role.x", "arn")),
            attr("definition", json!(arn), json!(format!("{arn}0"))),
        ];
        let plan = Plan { changes: vec![change("service.web", "web", Action::Update, attrs)], ..empty() };
        let show_values = show.then(|| "MODE".to_owned()).into_iter().collect();
        let context = crate::render::Context { show_values, suggest_apply: false };
        let view = crate::render::view::plan(&plan, &context);
        let stacks = [StackPart { stack: "shop", file: "", outcome: Ok(&view) }];
        let page = PlansPage { stacks: &stacks, links: &links(), digest: "d", approval: "" };
        (
            engine::fingerprint(&plan),
            normal_form(&plans_markdown(&page, Budget::summary(0), None).text).unwrap(),
        )
    };
    for show in [false, true] {
        assert_eq!(plan("slow", 41, show), plan("slower", 42, show));
    }
    assert!(plan("slow", 41, true).1.contains("MODE: changed to fast"), "{}", plan("slow", 41, true).1);
    assert!(!whole(&[one_of_each()]).contains("web:41"));
}
