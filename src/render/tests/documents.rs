//! The documents as people see them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::plans::{ACCOUNT, all_pending, complete, empty, one_of_each, partial, served, step};
use crate::model::{ApplyReport, Cause, Outcome, Plan, RolloutOutcome, RolloutReport, ServiceRollout, Verb};
use crate::render::{
    Budget, Context, Difference, Link, Links, Refusal, STATUS_PREFIX, Style, apply_json, apply_markdown,
    apply_text, apply_view, plan_json, plan_markdown, plan_text, refusal_markdown, refusal_text, view,
};

fn context() -> Context {
    Context { show_values: BTreeSet::from(["MODE".to_owned()]), suggest_apply: true }
}

pub(super) fn links() -> Links {
    let link = |label: &str, path: &str| {
        Some(Link { label: label.to_owned(), url: format!("https://github.example/o/r/{path}") })
    };
    Links {
        head: link(&"9be77d1".repeat(6)[..40], "commit/9be77d1"),
        base: Some("main@51ac2e8".to_owned()),
        run: link("run 318", "actions/runs/318"),
        full: link("full plan", "actions/runs/318#summary-1"),
        ..Links::default()
    }
}

fn text(plan: &Plan) -> String {
    plan_text(&view::plan(plan, &context()), Style::PLAIN)
}

fn markdown(plan: &Plan) -> String {
    plan_markdown(&view::plan(plan, &context()), &links(), Budget::comment(100))
}

#[test]
fn a_plan_without_changes_says_so_first() {
    insta::assert_snapshot!("empty_text", text(&empty()));
    insta::assert_snapshot!("empty_markdown", markdown(&empty()));
}

#[test]
fn a_plan_of_every_action() {
    insta::assert_snapshot!("each_text", text(&one_of_each()));
    insta::assert_snapshot!("each_markdown", markdown(&one_of_each()));
    insta::assert_json_snapshot!("each_json", plan_json(&one_of_each()));
}

#[test]
fn what_an_apply_leaves_is_where_the_services_are_found() {
    let plan = served();
    let outputs = BTreeMap::from([("dns_name".to_owned(), "shop-alb-1.elb.amazonaws.com".to_owned())]);
    let made = step("load_balancer.public", Verb::Make);
    let report =
        |outcome| ApplyReport { outcomes: [(made.clone(), outcome)].into(), ..ApplyReport::default() };
    let done = apply_view::apply(&plan, &report(Outcome::Done(outputs)), None);
    insta::assert_snapshot!("served_plan_text", text(&plan));
    insta::assert_snapshot!("served_text", apply_text(&done, Style::PLAIN));
    insta::assert_snapshot!("served_markdown", apply_markdown(&done, &links(), Budget::comment(0)));
    insta::assert_json_snapshot!("served_json", apply_json(&done)["endpoints"]);
    let unfinished = apply_view::apply(&plan, &report(Outcome::NotStarted), None);
    assert!(unfinished.endpoints.is_empty(), "nobody is sent to what is not there");
    let nothing_to_do = apply_view::apply(&plan, &ApplyReport::default(), None);
    assert_eq!(
        nothing_to_do.endpoints[1].note,
        "no DNS record is made for it: point it to the load balancer"
    );
}

#[test]
fn a_plan_in_which_everything_is_pending() {
    insta::assert_snapshot!("pending_text", text(&all_pending()));
    insta::assert_snapshot!("pending_markdown", markdown(&all_pending()));
    insta::assert_json_snapshot!("pending_json", plan_json(&all_pending()));
}

#[test]
fn a_narrow_screen_in_colour_and_ascii() {
    let style = Style { color: true, width: Some(60), unicode: false };
    let text = plan_text(&view::plan(&one_of_each(), &context()), style);
    insta::assert_snapshot!("each_narrow", text.replace('\u{1b}', "ESC"));
}

fn applied(report: &ApplyReport) -> apply_view::ApplyView {
    apply_view::apply(&one_of_each(), report, Some(Duration::from_secs(195)))
}

#[test]
fn an_apply_in_part_shows_cause_hint_and_what_to_run_next() {
    insta::assert_snapshot!("partial_text", apply_text(&applied(&partial()), Style::PLAIN));
    insta::assert_snapshot!(
        "partial_markdown",
        apply_markdown(&applied(&partial()), &links(), Budget::comment(0))
    );
    insta::assert_json_snapshot!("partial_json", apply_json(&applied(&partial())));
}

#[test]
fn a_whole_apply_asks_for_nothing_more() {
    insta::assert_snapshot!("applied_text", apply_text(&applied(&complete()), Style::PLAIN));
    insta::assert_snapshot!(
        "applied_markdown",
        apply_markdown(&applied(&complete()), &links(), Budget::comment(0))
    );
}

#[test]
fn an_interrupted_apply_and_one_without_steps() {
    let interrupted = ApplyReport { interrupted: true, ..partial() };
    let view = applied(&interrupted);
    assert_eq!(view.headline, "interrupted after 4 of 7 steps, 1 failed");
    assert!(view.next.starts_with("run the apply again"), "{}", view.next);
    let nothing = apply_view::apply(&empty(), &ApplyReport::default(), None);
    insta::assert_snapshot!("nothing_applied_text", apply_text(&nothing, Style::PLAIN));
    insta::assert_snapshot!(
        "nothing_applied_markdown",
        apply_markdown(&nothing, &Links::default(), Budget::comment(0))
    );
}

#[test]
fn removals_are_listed_last_and_backwards() {
    let order: Vec<String> =
        applied(&partial()).steps.iter().map(|step| format!("{} {}", step.doing, step.address)).collect();
    assert_eq!(
        order,
        [
            "adopt cluster.main",
            "create log_group.main",
            "replace security_group.tasks",
            "update task_definition.web",
            "update service.web",
            "delete schedule.old",
            "delete old security_group.tasks",
        ]
    );
}

fn refusal() -> Refusal {
    let shown = |text: &str| Some(text.to_owned());
    let difference = |address: &str, path: &str, approved, now| Difference {
        address: address.to_owned(),
        path: path.to_owned(),
        approved,
        now,
        ..Difference::default()
    };
    Refusal {
        stack: "shop".to_owned(),
        why: "the plan is not the one that was approved".to_owned(),
        differences: vec![
            difference("log_group.main", "", shown("create"), None),
            difference("task_definition.web", "cpu", shown("256 → 512"), shown("256 → 1024")),
            difference("task_definition.web", "tags.old", shown("x → (absent)"), None),
        ],
        next: "open a new pull request, or run the plan again and have it approved".to_owned(),
    }
}

#[test]
fn a_refusal_names_every_field_that_differs() {
    insta::assert_snapshot!("refused_text", refusal_text(&refusal(), Style::PLAIN));
    insta::assert_snapshot!(
        "refused_markdown",
        refusal_markdown(&refusal(), ACCOUNT, &links(), Budget::comment(0))
    );
}

#[test]
fn no_secret_value_and_no_whole_account_id_leaves() {
    for plan in [one_of_each(), all_pending()] {
        let documents = [text(&plan), markdown(&plan), plan_json(&plan).to_string()];
        for document in documents {
            assert!(!document.contains("canary"), "{document}");
        }
        assert!(!markdown(&plan).contains(ACCOUNT));
    }
    assert!(!plan_json(&one_of_each()).to_string().contains("slow"), "values may be shown to people only");
    assert!(!apply_markdown(&applied(&partial()), &links(), Budget::comment(0)).contains(ACCOUNT));
}

#[test]
fn an_apply_whose_rollout_failed_says_so_first_and_why() {
    let cause = Cause {
        class: "essential-exited".to_owned(),
        summary: "container `web` exited with 3".to_owned(),
        remedy: "fix `tasks.web.command`".to_owned(),
        log: vec!["boom".to_owned()],
        ..Cause::default()
    };
    let service = ServiceRollout {
        service: "web".to_owned(),
        deployment: "ecs-svc/1".to_owned(),
        revision: "web:8".to_owned(),
        outcome: RolloutOutcome::RolledBack,
        seconds: 72.0,
        status_reason: None,
        digests: std::collections::BTreeMap::new(),
        running: Some("web:7".to_owned()),
        cause: Some(cause),
        next: vec!["fargate-stack logs web".to_owned()],
    };
    let report = RolloutReport::new(vec![service]);
    let view = applied(&complete()).with_rollout(Some(&report));
    let document = apply_markdown(&view, &links(), Budget::comment(0));
    insta::assert_snapshot!("rollout_failed_markdown", document);
    assert_eq!(document.lines().filter(|line| line.starts_with(STATUS_PREFIX)).count(), 1);
    let json = apply_json(&view);
    assert_eq!((&json["outcome"], &json["rollout"]["outcome"]), (&"applied".into(), &"rolled-back".into()));
}
