//! A comment approves only when it is ours, unedited, visible, and says what would be done.

use serde_json::{Value, json};

use super::super::harness::World;
use super::super::hub::{HEAD, decoded_record, with_record};
use super::{bigger, refused, small};

/// Somebody with write access lets a workflow of their branch edit the comment: author and editor are the bot.
const BOT: &str = "github-actions[bot]";

/// A pull request with a plan, before its merge.
fn planned() -> World {
    let world = World::with(&small());
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world
}

fn pushed(world: &World) -> super::Run {
    world.merge_pull_request();
    world.forget_calls();
    world.ci("push", &world.push_event())
}

#[test]
fn a_comment_that_was_hidden_approves_nothing() {
    let world = planned();
    let id = world.comments()[0]["id"].clone();
    world.github("POST", &format!("pulls/7/comments/{id}/minimize"), json!({"by": "somebody"}));
    let run = pushed(&world);
    refused(&world, run, "comment-hidden");
}

#[test]
fn a_visible_text_that_was_changed_by_a_workflow_approves_nothing() {
    let world = planned();
    let comment = world.comments().remove(0);
    let body = comment["body"].as_str().unwrap();
    let harmless = body.replace("service.my-daemon", "service.harmless");
    assert_ne!(body, harmless);
    world.edit_comment(&comment["id"], BOT, &harmless);
    let run = pushed(&world);
    refused(&world, run, "comment-altered");
}

#[test]
fn a_text_and_a_record_that_were_forged_together_still_do_not_read_like_the_plan() {
    let world = planned();
    let comment = world.comments().remove(0);
    let body = comment["body"].as_str().unwrap();
    let text = fargate_stack::github::marker::unmarked(body).replace("service.my-daemon", "service.harmless");
    let form = fargate_stack::render::comment::normal_form(&text).unwrap();
    let mut record = decoded_record(body);
    record["text"] = fargate_stack::approval::text_digest(&form).into();
    let forged = fargate_stack::github::marker::mark(&record, &text);
    world.edit_comment(&comment["id"], BOT, &forged);
    // The check run is forged as well: any workflow of the branch can do it.
    world.merge_pull_request();
    world.forget_calls();
    let run = world.ci_with("push", &world.push_event(), &[("check-run", "false")]);
    refused(&world, run, "comment-altered");
}

#[test]
fn a_whole_comment_of_another_plan_does_not_agree_with_the_check_run() {
    let world = planned();
    let other = World::with(&bigger());
    other.open_pull_request();
    other.ci("pull_request", &other.pull_request_event()).expect(0);
    let comment = world.comments().remove(0);
    world.edit_comment(&comment["id"], BOT, &other.comment());
    let run = pushed(&world);
    refused(&world, run, "check-run-differs");
}

#[test]
fn a_record_that_does_not_fit_itself_is_unreadable() {
    let world = planned();
    let comment = world.comments().remove(0);
    let body = comment["body"].as_str().unwrap();
    let mut record = decoded_record(body);
    record["digest"] = "0".repeat(64).into();
    world.edit_comment(&comment["id"], BOT, &with_record(body, &record));
    let run = pushed(&world);
    refused(&world, run, "record-unreadable");
}

#[test]
fn a_record_of_other_effects_does_not_approve_these() {
    let world = planned();
    // The stack file that is merged does more than the one that was planned, and the record of a plan of it is put behind the old text.
    let other = World::with(&bigger());
    other.open_pull_request();
    other.ci("pull_request", &other.pull_request_event()).expect(0);
    let comment = world.comments().remove(0);
    let record = decoded_record(&other.comment());
    world.edit_comment(&comment["id"], BOT, &with_record(comment["body"].as_str().unwrap(), &record));
    world.write("fargate-stack.yml", &bigger());
    world.merge_pull_request();
    world.forget_calls();
    let run = world.ci_with("push", &world.push_event(), &[("check-run", "false")]);
    let run = run.expect(3);
    assert_eq!(world.mutations(), Vec::<String>::new(), "{}", run.stderr);
}

#[test]
fn a_marker_that_cannot_be_read_approves_nothing() {
    let world = planned();
    let comment = world.comments().remove(0);
    let body = comment["body"].as_str().unwrap();
    let text = fargate_stack::github::marker::unmarked(body);
    world.edit_comment(&comment["id"], BOT, &format!("<!-- fargate-stack:v1 ???? -->\n{text}"));
    let run = pushed(&world);
    refused(&world, run, "record-unreadable");
}

#[test]
fn a_plan_of_an_earlier_head_approves_nothing() {
    let world = planned();
    world.github("POST", "pulls/7/push", json!({"head_sha": "00000000000000000000000000000000000000dd"}));
    let run = pushed(&world);
    let run = refused(&world, run, "stale-plan");
    assert!(run.stderr.contains(&HEAD[..7]), "{}", run.stderr);
}

#[test]
fn a_comment_of_ours_is_written_at_most_three_times_by_a_run() {
    let world = planned();
    let writes = |world: &World| {
        let calls = world.github_writes();
        let comment = |call: &&Value| call["operation"].as_str().unwrap().contains("comments");
        calls.iter().filter(comment).count()
    };
    assert_eq!(writes(&world), 1);
    world.merge_pull_request();
    let before = writes(&world);
    world.ci("push", &world.push_event()).expect(0);
    let made = writes(&world) - before;
    assert!((1..=3).contains(&made), "{made} writes");
}
