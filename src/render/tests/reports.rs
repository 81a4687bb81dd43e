//! What an apply of several stacks did, why one was refused, and what other places than the comment are told.

use std::collections::BTreeMap;

use super::documents::links;
use super::hostile::{nasty, shape};
use super::pages::{APPROVAL, named, seen};
use super::plans::{
    ACCOUNT, HOSTILE, complete, denied, empty, hostile, many, one_of_each, partial, served, step,
};
use crate::model::{
    Action, ApplyReport, Outcome, Plan, RolloutOutcome, RolloutReport, ServiceRollout, StepError, Verb,
};
use crate::render::apply_view::{ApplyView, apply};
use crate::render::comment::{
    AppliedPage, AppliedPart, AttemptLine, PlansPage, Severity, StackPart, applied_line, applied_markdown,
    check_summary, check_title, deployment_description, drift_markdown, drift_title, notices,
    outdated_clause,
};
use crate::render::{
    Budget, Difference, Link, Links, Refusal, STATUS_PREFIX, Style, refusal_markdown, refusal_text,
};

use proptest::prelude::*;

fn rolled(service: &str, outcome: RolloutOutcome) -> RolloutReport {
    RolloutReport::new(vec![ServiceRollout {
        service: service.to_owned(),
        deployment: "ecs-svc/1".to_owned(),
        revision: "web:42".to_owned(),
        outcome,
        seconds: 192.0,
        status_reason: None,
        digests: BTreeMap::new(),
        running: None,
        cause: None,
        next: vec![],
    }])
}

fn attempts() -> Vec<AttemptLine> {
    let run =
        Link { label: "run 321".to_owned(), url: "https://github.example/o/r/actions/runs/321".to_owned() };
    vec![AttemptLine { run, what: "cancelled after 2 of 5 steps".to_owned() }]
}

fn report_with(
    parts: &[(&str, Option<&ApplyView>, usize)],
    attempts: &[AttemptLine],
    approved_by: &str,
    budget: Budget,
) -> String {
    let stacks: Vec<AppliedPart<'_>> = parts
        .iter()
        .map(|(stack, view, done_before)| AppliedPart { stack, view: *view, done_before: *done_before })
        .collect();
    let digest = "7d41c0ffee99".repeat(6);
    let page = AppliedPage { stacks: &stacks, attempts, approved_by, digest: &digest, links: &links() };
    applied_markdown(&page, budget)
}

#[test]
fn a_resumed_apply_counts_what_an_earlier_attempt_did() {
    let web = apply(&one_of_each(), &complete(), None)
        .with_rollout(Some(&rolled("web", RolloutOutcome::Succeeded)));
    let outputs = BTreeMap::from([("dns_name".to_owned(), "lb.example.com".to_owned())]);
    let made = ApplyReport {
        outcomes: [(step("load_balancer.public", Verb::Make), Outcome::Done(outputs))].into(),
        ..ApplyReport::default()
    };
    let shop = apply(&served(), &made, None);
    let parts = [("cron", None, 0), ("shop", Some(&shop), 0), ("web", Some(&web), 2)];
    let text = report_with(&parts, &attempts(), "@octo, a member of the team `ops`", Budget::comment(0));
    insta::assert_snapshot!("applied_again", text);
    assert_eq!(text.lines().filter(|line| line.starts_with(STATUS_PREFIX)).count(), 1);
    assert!(!text.contains(ACCOUNT));
}

#[test]
fn a_failure_in_one_stack_is_open_and_the_first_line_says_so() {
    let failed = apply(&one_of_each(), &partial(), None);
    let rolled_back = apply(&one_of_each(), &complete(), None)
        .with_rollout(Some(&rolled("api", RolloutOutcome::RolledBack)));
    let text = report_with(
        &[("web", Some(&failed), 0), ("api", Some(&rolled_back), 0)],
        &[],
        "",
        Budget::comment(0),
    );
    insta::assert_snapshot!("applied_in_part", text);
    assert_eq!(text.matches("<details open>").count(), 2, "{text}");
    assert!(!text.contains("Approved by"));
}

#[test]
fn how_an_apply_of_several_stacks_ended_is_the_worst_of_them_and_says_what_is_done() {
    let none = ApplyReport {
        outcomes: [(
            step("service.web", Verb::Make),
            Outcome::Failed(StepError {
                address: "service.web".parse().unwrap(),
                doing: "create",
                source: denied(),
            }),
        )]
        .into(),
        ..ApplyReport::default()
    };
    let view = |report: &ApplyReport| apply(&one_of_each(), report, None);
    let (done, part, failed) = (view(&complete()), view(&partial()), view(&none));
    let stopped = view(&ApplyReport { interrupted: true, ..partial() });
    let nothing = view(&ApplyReport::default());
    let word = |views: &[&ApplyView]| {
        let parts: Vec<_> = views.iter().map(|view| ("s", Some(*view), 0)).collect();
        let text = report_with(&parts, &[], "", Budget::comment(0));
        let line = text.lines().find_map(|line| line.strip_prefix(STATUS_PREFIX)).unwrap().to_owned();
        line.split("**").next().unwrap().to_owned()
    };
    assert_eq!(word(&[&done, &nothing]), "applied");
    assert_eq!(word(&[&nothing]), "nothing to do");
    assert_eq!(word(&[&done, &failed]), "applied in part");
    assert_eq!(word(&[&failed, &failed]), "failed");
    assert_eq!(word(&[&part, &done]), "applied in part");
    assert_eq!(word(&[&done, &stopped]), "interrupted");
}

#[test]
fn a_report_of_a_hundred_stacks_keeps_failures_and_the_table_within_the_budget() {
    let steps = |failing: bool| {
        let mut report = ApplyReport::default();
        for i in 0..200 {
            let done = Outcome::Done(BTreeMap::new());
            report.outcomes.insert(step(&format!("log_group.l{i}"), Verb::Make), done);
        }
        if failing {
            let at = step("service.web", Verb::Make);
            let error = StepError { address: at.address.clone(), doing: "update", source: denied() };
            report.outcomes.insert(at, Outcome::Failed(error));
        }
        apply(&empty(), &report, None)
    };
    let (good, bad) = (steps(false), steps(true));
    let names: Vec<String> = (0..100).map(|i| format!("stack-{i:03}")).collect();
    let mut parts: Vec<_> = names.iter().map(|name| (name.as_str(), Some(&good), 0)).collect();
    parts[50].1 = Some(&bad);
    let text = report_with(&parts, &attempts(), "", Budget::comment(1_000));
    assert!(text.len() <= 59_000, "{}", text.len());
    assert!(text.contains("could not update service.web"), "{text}");
    assert!(text.contains("stacks that are done have only their row"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("| `stack-")).count(), 100);
    let least = report_with(&parts, &attempts(), "", Budget { limit: 3_000, reserved: 0 });
    assert!(least.len() <= 3_000, "{}", least.len());
    let rows = least.lines().filter(|line| line.starts_with("| `stack-")).count();
    assert!(least.contains(&format!("… and {} more stacks.", 100 - rows)), "{least}");
    assert!(!report_with(&parts, &[], "", Budget { limit: 1, reserved: 0 }).is_empty());
}

fn refusal() -> Refusal {
    let difference = |stack: &str, address: &str, class: &str| Difference {
        stack: stack.to_owned(),
        address: address.to_owned(),
        path: "cpu".to_owned(),
        approved: Some("256 → 512".to_owned()),
        now: None,
        class: class.to_owned(),
    };
    Refusal {
        why: "what would be done now is not what pull request #7 shows".to_owned(),
        differences: vec![
            difference("api", "task_definition.web", "config changed"),
            difference("web", "service.web", "AWS drifted"),
            Difference { path: String::new(), ..difference("web", "", "not shown") },
        ],
        next: "open a pull request".to_owned(),
        ..Refusal::default()
    }
}

#[test]
fn a_refusal_of_several_stacks_names_stack_and_class_of_each_difference() {
    insta::assert_snapshot!(
        "refused_several",
        refusal_markdown(&refusal(), ACCOUNT, &links(), Budget::comment(0))
    );
    insta::assert_snapshot!("refused_several_text", refusal_text(&refusal(), Style::PLAIN));
    let one = Refusal { stack: "web".to_owned(), differences: vec![Difference::default()], ..refusal() };
    let text = refusal_markdown(&one, ACCOUNT, &links(), Budget::comment(0));
    assert!(text.contains("| resource | field | approved | now |\n|---|---|---|---|\n"), "{text}");
    assert_eq!(shape(&text).tables, 1);
}

fn plans_of<T>(plans: &[Plan], failed: &[(&str, &str)], told: impl Fn(&PlansPage<'_>) -> T) -> T {
    let views: Vec<_> = plans.iter().map(seen).collect();
    let mut stacks: Vec<StackPart<'_>> =
        views.iter().map(|view| StackPart { stack: &view.stack, file: "f.yml", outcome: Ok(view) }).collect();
    stacks.extend(failed.iter().map(|(stack, why)| StackPart { stack, file: "x.yml", outcome: Err(why) }));
    told(&PlansPage {
        stacks: &stacks,
        links: &links(),
        digest: &"7d41c0ffee99".repeat(6),
        approval: APPROVAL,
    })
}

#[test]
fn one_line_says_what_a_plan_does() {
    let title = |plans: &[Plan], failed: &[(&str, &str)]| plans_of(plans, failed, check_title);
    assert_eq!(title(&[one_of_each()], &[]), "shop: create 1, adopt 1, update 2, replace 1 and delete 1");
    assert_eq!(title(&[empty()], &[]), "shop: no changes");
    assert_eq!(title(&[empty(), empty()], &[]), "2 stacks: no changes");
    assert_eq!(title(&[empty(), served()], &[]), "1 of 2 stacks: create 1");
    assert_eq!(title(&[served()], &[("x", "why")]), "1 of 2 stacks cannot be planned; 1 change: create 1");
    assert_eq!(title(&[], &[("x", "why")]), "x cannot be planned");
    let long = named(&"n".repeat(500), served());
    assert_eq!(title(std::slice::from_ref(&long), &[]).chars().count(), 140);
    assert!(!title(&[named("a\n\u{1b}[31m\u{202e}b", served())], &[]).contains(['\n', '\u{1b}', '\u{202e}']));
    let description = plans_of(&[served()], &[], deployment_description);
    assert_eq!(description, "plan 7d41c0ffee99: shop: create 1");
    assert_eq!(plans_of(&[long], &[], deployment_description).chars().count(), 140);
    let view = apply(&one_of_each(), &partial(), None);
    let stacks = [AppliedPart { stack: "web", view: Some(&view), done_before: 0 }];
    let page = AppliedPage {
        stacks: &stacks,
        attempts: &[],
        approved_by: "",
        digest: "d",
        links: &Links::default(),
    };
    assert_eq!(applied_line(&page), "web: applied in part: 4 of 7 steps, 1 failed");
}

#[test]
fn the_summary_of_a_check_run_fits() {
    let summary = plans_of(&[many(10_000, Action::Delete)], &[], |page| check_summary(page, 500));
    assert!(summary.len() <= 65_035 && summary.contains("> - delete "), "{}", summary.len());
}

#[test]
fn notices_tell_failures_first_then_what_goes_and_count_the_rest() {
    let warned =
        Plan { warnings: vec![format!("the role arn:aws:iam::{ACCOUNT}:role/x is wide")], ..one_of_each() };
    let told = plans_of(&[warned], &[("queue", "no VPC\n::error::x")], |page| notices(page, 10));
    let lines: Vec<String> =
        told.iter().map(|one| format!("{:?} {} {}", one.severity, one.file, one.text)).collect();
    assert_eq!(
        lines,
        [
            "Error x.yml queue: no VPC\\n::error::x",
            "Warning f.yml shop: delete schedule.old: is no longer in the configuration",
            "Warning f.yml shop: replace security_group.tasks: vpc_id cannot be changed in place",
            "Warning f.yml shop: the role arn:aws:iam::…9012:role/x is wide",
        ]
    );
    let many = plans_of(&[many(25, Action::Delete)], &[], |page| notices(page, 10));
    assert_eq!((many.len(), many[9].text.as_str(), many[9].severity), (10, "and 16 more", Severity::Warning));
}

#[test]
fn a_plan_is_outdated_by_its_head_or_its_base_and_otherwise_not() {
    let (old, new) = ("abc1234".repeat(5), "def5678".repeat(5));
    assert_eq!(outdated_clause(&old, &new, Some("main")), "planned for `abc1234`, head is `def5678`");
    assert_eq!(outdated_clause(&old, &old, Some("main")), "`main` has moved on since this was planned");
    assert_eq!(outdated_clause(&old, &old, None), "");
}

#[test]
fn the_issue_of_a_drift_tells_the_difference_and_only_its_state_moves() {
    let drift = |plan: &Plan, links: &Links| {
        let view = seen(plan);
        let part = StackPart { stack: &view.stack, file: "stacks/shop.yml", outcome: Ok(&view) };
        drift_markdown(&part, links, Budget::comment(0))
    };
    let text = drift(&one_of_each(), &links());
    insta::assert_snapshot!("drift", text);
    let run = Links {
        run: Some(Link { label: "run 9".to_owned(), url: "https://github.example/9".to_owned() }),
        ..links()
    };
    let firm = |text: &str| {
        text.lines().filter(|line| !line.starts_with(STATUS_PREFIX)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(firm(&drift(&one_of_each(), &run)), firm(&text));
    assert!(drift(&many(10_000, Action::Update), &links()).len() <= 60_000);
    let failed = StackPart { stack: "shop", file: "f", outcome: Err("no VPC\n```\n# x") };
    let failed = drift_markdown(&failed, &links(), Budget::comment(0));
    assert!(failed.contains("could not be compared") && shape(&failed).headings == 1, "{failed}");
    assert_eq!(drift_title("shop"), "Drift: AWS is not as the stack file of shop says");
}

fn all(text: &str) -> [String; 3] {
    let view = apply(&hostile(text), &ApplyReport::default(), None);
    let attempts = [AttemptLine {
        run: Link { label: text.to_owned(), url: format!("https://{text}") },
        what: text.to_owned(),
    }];
    let applied =
        report_with(&[(text, Some(&view), 1), (text, None, 0)], &attempts, text, Budget::comment(0));
    let plan = seen(&hostile(text));
    let part = |outcome| StackPart { stack: text, file: text, outcome };
    [
        applied,
        drift_markdown(&part(Ok(&plan)), &links(), Budget::comment(0)),
        drift_markdown(&part(Err("why")), &links(), Budget::comment(0)),
    ]
}

#[test]
fn hostile_text_changes_the_shape_of_no_report() {
    for (hostile, harmless) in all(HOSTILE).iter().zip(&all("harmless")) {
        assert_eq!(shape(hostile), shape(harmless), "{hostile}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_the_shape_of_a_report(text in nasty()) {
        for (nasty, harmless) in all(&text).iter().zip(&all("harmless")) {
            prop_assert!(!nasty.contains("this is a bug"), "{nasty}");
            prop_assert_eq!(shape(nasty), shape(harmless), "{}", nasty);
        }
    }
}
