//! The plan comment for one stack and for many: what it shows, how much of it, and in which state.

use serde_json::json;

use super::documents::links;
use super::hostile::shape;
use super::plans::{HOSTILE, attr, change, empty, hostile, many, one_of_each, served};
use crate::model::{Action, Plan};
use crate::render::comment::{
    PlansPage, Rendered, StackPart, Standing, normal_form, plans_markdown, restated,
};
use crate::render::{Budget, Context, Link, Links, PlanView, view};

pub(super) const APPROVAL: &str =
    "The merge applies this plan if a plan made then is equal to it, and refuses otherwise.";

pub(super) fn seen(plan: &Plan) -> PlanView {
    view::plan(plan, &Context::default())
}

/// A plan by another name.
pub(super) fn named(stack: &str, plan: Plan) -> Plan {
    Plan { stack: stack.to_owned(), ..plan }
}

/// A page of these plans and of stacks that have none.
pub(super) fn page(plans: &[Plan], failed: &[(&str, &str)], budget: Budget, rung: Option<u8>) -> Rendered {
    page_with(plans, failed, &links(), budget, rung)
}

pub(super) fn page_with(
    plans: &[Plan],
    failed: &[(&str, &str)],
    links: &Links,
    budget: Budget,
    rung: Option<u8>,
) -> Rendered {
    let views: Vec<PlanView> = plans.iter().map(seen).collect();
    let files: Vec<String> = views.iter().map(|view| format!("stacks/{}.yml", view.stack)).collect();
    let mut stacks: Vec<StackPart<'_>> = views
        .iter()
        .zip(&files)
        .map(|(view, file)| StackPart { stack: &view.stack, file, outcome: Ok(view) })
        .collect();
    stacks.extend(failed.iter().map(|(stack, why)| StackPart {
        stack,
        file: "stacks/x.yml",
        outcome: Err(why),
    }));
    let digest = "7d41c0ffee99".repeat(6);
    plans_markdown(&PlansPage { stacks: &stacks, links, digest: &digest, approval: APPROVAL }, budget, rung)
}

pub(super) fn whole(plans: &[Plan]) -> String {
    page(plans, &[], Budget::comment(0), None).text
}

fn several() -> Vec<Plan> {
    let released = Plan { changes: release_only(), ..named("api", one_of_each()) };
    vec![released, named("cron", empty()), named("shop", one_of_each()), named("web", served())]
}

/// What a plan has beside its effects when an image is released.
pub(super) fn release_only() -> Vec<crate::model::Change> {
    let mut image = attr("containers.0.image", json!("r@sha256:1"), json!("r@sha256:2"));
    image.release = true;
    let mut follows =
        attr("task_definition", json!("arn:1"), json!({"$ref": "task_definition.web", "output": "arn"}));
    follows.release = true;
    let mut service = change("service.web", "web", Action::Update, vec![follows]);
    service.restarts_tasks = true;
    vec![change("task_definition.web", "web", Action::Update, vec![image]), service]
}

#[test]
fn a_page_of_several_stacks_answers_first_and_tells_releases_apart() {
    let mut links = links();
    links.files.insert(
        "stacks/shop.yml".to_owned(),
        "https://github.example/o/r/blob/9be77d1/stacks/shop.yml".to_owned(),
    );
    let failed = [("queue", "could not find the VPC `vpc-1`\ncaused by: ec2:DescribeVpcs refused")];
    let page = page_with(&several(), &failed, &links, Budget::comment(0), None);
    insta::assert_snapshot!("several_plans", page.text);
    assert_eq!(page.rung, 0);
    assert!(normal_form(&page.text).is_some(), "{}", page.text);
}

#[test]
fn what_only_releases_an_image_is_no_change_of_the_table_or_the_diff() {
    let with = Plan { changes: release_only(), ..one_of_each() };
    let text = whole(&[with]);
    let firm = normal_form(&text).unwrap();
    assert!(!firm.contains("service.web") && !firm.contains("```diff"), "{firm}");
    assert!(text.contains("new revision of `task_definition.web`, rollout of `service.web`"), "{text}");
    assert!(text.contains("**Running tasks are replaced by**\n\n- `service.web`"), "{text}");
    let without = whole(&[Plan { changes: vec![], images: vec![], warnings: vec![], ..one_of_each() }]);
    assert!(without.contains("No image is released."), "{without}");
    assert_eq!(normal_form(&without), Some(firm), "the same effects: none");
}

#[test]
fn stacks_without_changes_are_a_row_each_up_to_ten_and_one_row_beyond() {
    let quiet =
        |count: usize| (0..count).map(|i| named(&format!("quiet-{i:02}"), empty())).collect::<Vec<_>>();
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows(&whole(&quiet(10))), 10);
    let mut plans = quiet(11);
    plans.push(one_of_each());
    let text = whole(&plans);
    assert_eq!(rows(&text), 1, "{text}");
    assert!(text.contains("| 11 stacks without changes |"), "{text}");
    assert!(text.contains("will change 1 of 12 stacks: create 1, adopt 1"), "{text}");
}

#[test]
fn what_goes_in_any_stack_is_told_in_one_place_that_is_never_folded() {
    let text = whole(&[
        named("a", many(2, Action::Delete)),
        named("b", many(1, Action::Replace)),
        named("c", served()),
    ]);
    assert_eq!(text.matches("> [!CAUTION]").count(), 1);
    assert!(text.contains("> **1 to replace, 2 to delete:**"), "{text}");
    assert!(text.contains("> - delete `security_group.tasks-00001` of `a`"), "{text}");
    assert!(text.find("> [!CAUTION]").unwrap() < text.find("<details>").unwrap());
    assert!(!text.contains("nothing is destroyed"));
    assert!(whole(&[served()]).lines().next().unwrap().ends_with("in `shop`, nothing is destroyed"));
}

#[test]
fn a_replaced_service_may_interrupt_and_a_replaced_listener_does_not() {
    let cell = |address: &str, action| {
        let plan = Plan { changes: vec![change(address, "x", action, vec![])], ..empty() };
        let text = whole(&[plan]);
        let row = text.lines().find(|line| line.starts_with("| `shop`")).unwrap();
        row.rsplit('|').nth(1).unwrap().trim().to_owned()
    };
    assert_eq!(cell("service.web", Action::Replace), "possible: `service.web`");
    assert_eq!(cell("listener.public-443", Action::Replace), "none expected");
    assert_eq!(cell("listener.public-443", Action::Delete), "possible: `listener.public-443`");
    assert_eq!(cell("service.web", Action::Update), "none expected");
}

#[test]
fn a_hundred_stacks_with_twenty_changes_each_fit_into_one_comment_within_a_second() {
    let plans: Vec<Plan> =
        (0..100).map(|i| named(&format!("stack-{i:03}"), many(20, Action::Update))).collect();
    let started = std::time::Instant::now();
    let page = page(&plans, &[], Budget::comment(2_000), None);
    let took = started.elapsed();
    assert!(page.text.len() <= 58_000, "{}", page.text.len());
    assert!(page.text.contains("will change 100 of 100 stacks: update 2000"), "{}", page.text);
    assert_eq!(page.text.lines().filter(|line| line.starts_with("| `stack-")).count(), 100);
    // The budget of a test machine that does other things, too; alone it takes a tenth.
    assert!(took.as_secs() < 20, "{took:?}");
}

#[test]
fn the_budget_decides_the_rung_and_the_rung_alone_the_firm_text() {
    let mut plans: Vec<Plan> =
        (0..20).map(|i| named(&format!("stack-{i:03}"), many(20, Action::Update))).collect();
    plans.push(named("gone", many(40, Action::Delete)));
    let mut last = u8::MAX;
    for limit in [1, 3_000, 10_000, 60_000, 10_000_000] {
        let made = page(&plans, &[], Budget { limit, reserved: 0 }, None);
        assert!(limit == 1 || made.text.len() <= limit, "{} > {limit}", made.text.len());
        assert!(made.rung <= last, "a larger budget shows no less");
        last = made.rung;
        let talkative: Vec<Plan> = plans
            .iter()
            .map(|plan| Plan {
                warnings: vec!["w".repeat(5_000); 500],
                images: one_of_each().images,
                ..plan.clone()
            })
            .collect();
        let again = page(&talkative, &[], Budget { limit, reserved: 0 }, Some(made.rung));
        assert_eq!(again.rung, made.rung);
        assert_eq!(normal_form(&again.text), normal_form(&made.text), "{limit}");
        assert!(normal_form(&made.text).is_some());
    }
    assert_eq!(last, 0);
}

#[test]
fn volatile_parts_have_bounds_of_their_own() {
    let talkative = Plan {
        warnings: vec!["<".repeat(5_000); 5_000],
        images: vec![one_of_each().images[0].clone(); 5_000],
        ..served()
    };
    let page = page(&[talkative], &[], Budget::comment(0), None);
    assert!(page.text.len() <= 60_000 && page.rung == 0, "{} {}", page.text.len(), page.rung);
    assert!(page.text.contains("more warnings") && page.text.contains("more lines"), "{}", page.text);
    assert!(page.text.contains("```diff"), "the changes stay");
}

#[test]
fn hostile_text_changes_the_shape_of_no_page() {
    let made = |text: &str| {
        let plans = [named(text, hostile(text)), named("b", hostile(text))];
        let mut links = links();
        links.files.insert(format!("stacks/{text}.yml"), format!("https://e.example/{text}"));
        links.deployment = Some(Link { label: text.to_owned(), url: format!("https://{text}") });
        page_with(&plans, &[(text, text)], &links, Budget::summary(0), Some(0)).text
    };
    assert_eq!(shape(&made(HOSTILE)), shape(&made("harmless")), "{}", made(HOSTILE));
    assert!(normal_form(&made(HOSTILE)).is_some(), "{}", made(HOSTILE));
}

fn states() -> [Standing<'static>; 4] {
    [
        Standing::Outdated { why: "planned for `abc1234`, head is `def5678`" },
        Standing::Applying,
        Standing::Interrupted { why: "the runner was lost" },
        Standing::Refused { why: "what would be done now is not what was approved" },
    ]
}

#[test]
fn another_state_leaves_the_plan_as_it_is_and_told_twice_is_told_once() {
    let text = whole(&several());
    for standing in states() {
        let once = restated(&text, &standing, &links());
        assert_ne!(once, text);
        assert_eq!(normal_form(&once), normal_form(&text), "{once}");
        assert_eq!(restated(&once, &standing, &links()), once);
        assert_eq!(
            restated(
                &format!("<!-- fargate-stack:v1 e30 -->\r\n{}", once.replace('\n', "\r\n")),
                &standing,
                &links()
            ),
            once
        );
        assert_eq!(once.matches("**Status: ").count(), 1);
        // From one state into another nothing is left of the first.
        assert_eq!(
            restated(&once, &Standing::Applying, &links()),
            restated(&text, &Standing::Applying, &links())
        );
    }
    let outdated = restated(&whole(&[served()]), &states()[0], &links());
    insta::assert_snapshot!("outdated", outdated);
}

#[test]
fn a_text_that_is_no_plan_page_is_replaced_by_one_that_says_so() {
    for text in [
        "",
        "hello",
        "<!-- fargate-stack:v1 e30 -->\n### Fargate plan",
        &whole(&[served()]).replace("No image", "<b>No image"),
    ] {
        let once = restated(text, &Standing::Applying, &links());
        assert!(once.contains("changed by hand") && once.contains("**Status: applying**"), "{once}");
        assert_eq!(restated(&once, &Standing::Applying, &links()), once);
    }
}

#[test]
fn a_reason_of_somebody_else_is_only_text() {
    let text = whole(&[served()]);
    let hostile = restated(&text, &Standing::Refused { why: HOSTILE }, &links());
    let harmless = restated(&text, &Standing::Refused { why: "harmless" }, &links());
    assert_eq!(shape(&hostile), shape(&harmless), "{hostile}");
    assert_eq!(normal_form(&hostile), normal_form(&text), "{hostile}");
}
