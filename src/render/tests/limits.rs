//! Documents that are too long.

use super::documents::links;
use super::plans::{denied, empty, many, step};
use crate::model::{Action, ApplyReport, Outcome, Plan, StepError, Verb};
use crate::render::{
    Budget, Context, Difference, Refusal, Style, apply_markdown, apply_view, plan_markdown, plan_text,
    refusal_markdown, view,
};

fn markdown(plan: &Plan, budget: Budget) -> String {
    plan_markdown(&view::plan(plan, &Context::default()), &links(), budget)
}

fn listed(document: &str) -> usize {
    document.lines().filter(|line| line.starts_with("> - delete ")).count()
}

fn unlisted(document: &str) -> usize {
    let line = document.lines().find(|line| line.contains("that go and are not listed here"));
    line.map_or(0, |line| line.split_whitespace().find_map(|word| word.parse().ok()).unwrap())
}

#[test]
fn ten_thousand_updates_fit_and_are_counted() {
    let document = markdown(&many(10_000, Action::Update), Budget::comment(1_000));
    assert!(document.len() + 1_000 <= 60_000, "{}", document.len());
    assert!(document.contains("will update 10000 in"), "{document}");
    assert!(document.contains("only counts and what goes are shown"), "{document}");
    assert!(document.contains("[full plan](https://"), "{document}");
}

#[test]
fn what_goes_is_listed_whole_while_updates_give_way() {
    let mut plan = many(9_800, Action::Update);
    plan.changes.extend(many(200, Action::Delete).changes);
    let document = markdown(&plan, Budget::comment(0));
    assert!(document.len() <= 60_000, "{}", document.len());
    assert_eq!((listed(&document), unlisted(&document)), (200, 0));
}

#[test]
fn ten_thousand_deletions_are_listed_as_far_as_they_fit_and_the_rest_is_counted_truthfully() {
    let document = markdown(&many(10_000, Action::Delete), Budget::comment(0));
    assert!(document.len() <= 60_000 && document.len() > 56_000, "{}", document.len());
    assert!(listed(&document) > 400, "{}", listed(&document));
    assert_eq!(listed(&document) + unlisted(&document), 10_000);
}

#[test]
fn every_rung_of_the_ladder_fits_and_shows_what_goes() {
    let mut plan = many(40, Action::Update);
    plan.changes.extend(many(3, Action::Delete).changes);
    plan.changes.extend(many(3, Action::Replace).changes);
    let mut said = Vec::new();
    for limit in (2_500..60_000).step_by(500) {
        let document = markdown(&plan, Budget { limit, reserved: 0 });
        assert!(document.len() <= limit, "{} > {limit}", document.len());
        assert_eq!((listed(&document), unlisted(&document)), (3, 0));
        let left_out =
            document.lines().find_map(|line| line.strip_prefix("This plan is too long for one comment: "));
        let left_out = left_out.map(|line| line.split('.').next().unwrap().to_owned()).unwrap_or_default();
        if said.last() != Some(&left_out) {
            said.push(left_out);
        }
    }
    assert_eq!(
        said,
        [
            "only counts and what goes are shown",
            "attributes are left out",
            "attributes are shown only for replacements and deletions",
            "",
        ]
    );
}

#[test]
fn a_huge_value_is_cut_in_markdown_and_whole_on_a_terminal() {
    let mut plan = many(1, Action::Update);
    plan.changes[0].attrs[0].after = Some("v".repeat(200_000).into());
    assert!(markdown(&plan, Budget::comment(0)).contains("(199800 more characters)"));
    let text = plan_text(&view::plan(&plan, &Context::default()), Style::PLAIN);
    assert!(text.contains(&"v".repeat(200_000)));
}

#[test]
fn ten_thousand_warnings_do_not_hide_the_plan() {
    let warnings = (0..10_000).map(|i| format!("warning number {i}")).collect();
    let document = markdown(&Plan { warnings, ..many(2, Action::Delete) }, Budget::comment(0));
    assert!(document.len() <= 60_000, "{}", document.len());
    assert!(document.contains("… and 9970 more warnings"), "{document}");
    assert_eq!(listed(&document), 2);
}

#[test]
fn failures_stay_when_an_apply_is_too_long() {
    let service = step("service.web", Verb::Make);
    let error = StepError { address: service.address.clone(), doing: "update", source: denied() };
    let mut report = ApplyReport::default();
    for i in 0..10_000 {
        let name = format!("log_group.l{i}");
        report.outcomes.insert(step(&name, Verb::Make), Outcome::Done(std::collections::BTreeMap::new()));
    }
    report.outcomes.insert(service.clone(), Outcome::Failed(error.clone()));
    let document = |report: &ApplyReport| {
        apply_markdown(&apply_view::apply(&empty(), report, None), &links(), Budget::comment(0))
    };
    let short = document(&report);
    assert!(short.len() <= 60_000, "{}", short.len());
    assert!(short.contains("10000 steps that are done"), "{short}");
    assert!(short.contains("could not update service.web"), "{short}");
    for i in 0..10_000 {
        let name = format!("log_group.l{i}");
        report.outcomes.insert(step(&name, Verb::Make), Outcome::Skipped { because: service.clone() });
    }
    let short = document(&report);
    assert!(short.len() <= 60_000 && short.len() > 59_000, "{}", short.len());
    let rows = short.lines().filter(|line| line.contains("| **skipped**, waits for")).count();
    let more: usize = short
        .lines()
        .find_map(|line| line.strip_prefix("Not listed: "))
        .and_then(|line| line.split(' ').next())
        .and_then(|word| word.parse().ok())
        .unwrap();
    // The failed step sorts first or last among ten thousand that wait for it.
    let failed = short.lines().filter(|line| line.contains("| **failed** |")).count();
    assert_eq!(rows + failed + more, 10_001);
    assert!(short.contains("> **could not update service.web**"), "{short}");
}

#[test]
fn ten_thousand_differences_are_counted() {
    let differences: Vec<Difference> = (0..10_000)
        .map(|i| Difference {
            address: format!("service.s{i}"),
            path: "cpu".to_owned(),
            approved: Some("1".repeat(1_000)),
            now: None,
        })
        .collect();
    let refusal =
        Refusal { stack: "shop".to_owned(), why: "differs".to_owned(), differences, next: String::new() };
    let document = refusal_markdown(&refusal, "123456789012", &links(), Budget::comment(0));
    assert!(document.len() <= 60_000, "{}", document.len());
    let rows = document.lines().filter(|line| line.starts_with("| `service.")).count();
    assert!(document.contains(&format!("… and {} more differences.", 10_000 - rows)), "{document}");
}
