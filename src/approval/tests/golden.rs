//! Plans that were approved, and plans that would be carried out.

use serde_json::json;

use super::super::{Class, Verdict};
use super::world::{World, at, image, judged, recorded, reference, resource, stack, told, with, without};
use crate::model::{ImageOrigin, Resource};

/// The verdict on a plan of `now`, when one of `then` was approved, with something between.
async fn after(
    world: &World,
    then: &[Resource],
    between: impl AsyncFnOnce(&World),
    now: &[Resource],
) -> Verdict {
    let approved = recorded(&world.plan(then).await);
    between(world).await;
    judged(&[&approved], &world.plan(now).await)
}

async fn nothing(_: &World) {}

/// A world in which the stack is as it is wanted.
async fn settled() -> World {
    let world = World::default();
    world.apply(&stack(), &[]).await;
    assert!(world.plan(&stack()).await.is_empty());
    world
}

#[tokio::test]
async fn the_plan_that_was_shown_is_the_same_in_whatever_order_the_stack_is_written() {
    let mut reordered = stack();
    reordered.reverse();
    assert_eq!(after(&World::default(), &stack(), nothing, &reordered).await, Verdict::Same);
}

#[tokio::test]
async fn what_an_interrupted_apply_left_is_the_rest_although_references_are_known_by_now() {
    for (fails, left) in
        [("make group.g", 3), ("make definition.web", 2), ("make service.web", 1), ("make queue.q", 2)]
    {
        let world = World::default();
        let interrupted = async |world: &World| world.apply(&stack(), &[fails]).await;
        let verdict = after(&world, &stack(), interrupted, &stack()).await;
        assert_eq!(verdict, Verdict::Rest { done: 4 - left, left }, "{fails}");
    }
}

#[tokio::test]
async fn an_interrupted_update_is_the_rest() {
    let world = settled().await;
    let changed = with(with(stack(), "definition.web", "cpu", json!(512)), "queue.q", "days", json!(7));
    let interrupted = async |world: &World| world.apply(&changed, &["make service.web"]).await;
    // The service only follows to the new revision: that is no effect of its own any more.
    assert_eq!(after(&world, &changed, interrupted, &changed).await, Verdict::Rest { done: 3, left: 0 });
    world.apply(&changed, &[]).await;
    let again = with(changed.clone(), "definition.web", "cpu", json!(1024));
    let again = with(again, "queue.q", "days", json!(8));
    let interrupted = async |world: &World| world.apply(&again, &["make definition.web"]).await;
    assert_eq!(after(&world, &again, interrupted, &again).await, Verdict::Rest { done: 1, left: 2 });
}

#[tokio::test]
async fn nothing_left_of_what_was_approved_is_done() {
    let whole = async |world: &World| world.apply(&stack(), &[]).await;
    assert_eq!(after(&World::default(), &stack(), whole, &stack()).await, Verdict::Rest { done: 4, left: 0 });
}

#[tokio::test]
async fn what_was_made_but_not_finished_may_be_finished() {
    let world = World::default();
    let unfinished = async |world: &World| {
        world.apply(&stack(), &[]).await;
        world.touch("shop-queue.q", "days", json!(null));
        world.touch("shop-group.g", "tags", json!(null));
        world.touch("shop-group.g", "extra", json!(null));
    };
    assert_eq!(after(&world, &stack(), unfinished, &stack()).await, Verdict::Rest { done: 2, left: 2 });
}

#[tokio::test]
async fn what_was_made_and_is_wanted_otherwise_by_now_may_not() {
    let made = async |world: &World| world.apply(&stack(), &[]).await;
    let now = with(stack(), "queue.q", "days", json!(9));
    let verdict = after(&World::default(), &stack(), made, &now).await;
    assert_eq!(told(&verdict), ["Config queue.q.days: 4 → 4 → 9"]);
}

#[tokio::test]
async fn a_replacement_that_made_the_new_one_may_remove_the_old_one() {
    let world = settled().await;
    let moved = with(stack(), "group.g", "vpc", json!("vpc-2"));
    for (fails, done, left) in [("remove group.g", 2, 1), ("make service.web", 1, 2), ("make group.g", 0, 3)]
    {
        let world = World::default();
        world.apply(&stack(), &[]).await;
        let interrupted = async |world: &World| world.apply(&moved, &[fails]).await;
        let verdict = after(&world, &moved, interrupted, &moved).await;
        if left == 3 {
            assert_eq!(verdict, Verdict::Same, "{fails}");
        } else {
            assert_eq!(verdict, Verdict::Rest { done, left }, "{fails}");
        }
    }
    // The same removal, when the stack does not want any group by now, is another thing.
    let interrupted = async |world: &World| world.apply(&moved, &["remove group.g"]).await;
    let mut now = without(moved.clone(), "group.g");
    now[0].attrs["groups"] = json!([]);
    now[1].attrs["group"] = json!("none");
    let found = told(&after(&world, &moved, interrupted, &now).await);
    assert!(found.iter().any(|line| line.starts_with("Config group.g: replace → delete")), "{found:?}");
}

#[tokio::test]
async fn a_replacement_that_removed_the_old_one_may_make_the_new_one_but_not_another() {
    let fifo = with(stack(), "queue.q", "fifo", json!(true));
    for (now, expected) in [
        (fifo.clone(), None),
        (
            with(fifo.clone(), "queue.q", "days", json!(9)),
            Some("Config queue.q.days: a value that is not recorded → 9"),
        ),
        (with(fifo.clone(), "queue.q", "more", json!(1)), Some("Config queue.q.more: no change → 1")),
    ] {
        let world = settled().await;
        let interrupted = async |world: &World| world.apply(&fifo, &["make queue.q"]).await;
        let verdict = after(&world, &fifo, interrupted, &now).await;
        match expected {
            None => assert_eq!(verdict, Verdict::Rest { done: 0, left: 2 }),
            Some(line) => assert_eq!(told(&verdict), [line]),
        }
    }
}

#[tokio::test]
async fn a_replacement_is_refused_when_what_it_takes_along_is_wanted_otherwise() {
    let world = settled().await;
    let fifo = with(stack(), "queue.q", "fifo", json!(true));
    let by_hand = async |world: &World| world.touch("shop-queue.q", "days", json!(9));
    let now = with(fifo.clone(), "queue.q", "days", json!(9));
    let found = told(&after(&world, &fifo, by_hand, &now).await);
    assert_eq!(found, ["Config queue.q.days: a value that is not recorded → a value that is not recorded"]);
}

#[tokio::test]
async fn a_value_that_changed_is_named_with_its_class() {
    let world = settled().await;
    let approved = with(stack(), "definition.web", "cpu", json!(512));
    let verdict =
        after(&world, &approved, nothing, &with(stack(), "definition.web", "cpu", json!(1024))).await;
    assert_eq!(told(&verdict), ["Config definition.web.cpu: 256 → 512 → 256 → 1024"]);
    let drifted = async |world: &World| world.touch("shop-definition.web", "cpu", json!(300));
    let verdict = after(&world, &approved, drifted, &approved).await;
    assert_eq!(told(&verdict), ["Drift definition.web.cpu: 256 → 512 → 300 → 512"]);
}

#[tokio::test]
async fn more_than_was_shown_is_refused_and_told_from_a_change_in_aws() {
    let world = settled().await;
    let approved = with(stack(), "definition.web", "cpu", json!(512));
    let more = with(approved.clone(), "definition.web", "memory", json!(1024));
    let more = [with(more, "queue.q", "days", json!(7)), vec![resource("queue.new", json!({"fifo": true}))]]
        .concat();
    let verdict = after(&world, &approved, nothing, &more).await;
    assert_eq!(
        told(&verdict),
        [
            "NewEffect definition.web.memory: no change → 512 → 1024",
            "NewEffect queue.new: nothing → create",
            "NewEffect queue.q: nothing → update",
        ]
    );
    let drifted = async |world: &World| {
        world.touch("shop-queue.q", "days", json!(7));
        world.touch("shop-definition.web", "memory", json!(1));
        world.touch("shop-service.web", "percent", json!(1));
    };
    let verdict = after(&world, &approved, drifted, &approved).await;
    assert_eq!(
        told(&verdict),
        [
            "Drift definition.web.memory: no change → 1 → 512",
            "Drift queue.q: nothing → update",
            "Drift service.web.percent: no change → 1 → 100",
        ]
    );
}

#[tokio::test]
async fn what_was_to_be_changed_and_is_gone_is_not_made_anew() {
    let world = settled().await;
    let approved = with(stack(), "queue.q", "days", json!(7));
    let gone = async |world: &World| world.lose("shop-queue.q");
    let found = told(&after(&world, &approved, gone, &approved).await);
    assert!(found.contains(&"Drift queue.q: update → create".to_owned()), "{found:?}");
}

#[tokio::test]
async fn an_update_is_not_approval_to_replace_or_to_delete() {
    let world = settled().await;
    let approved = with(stack(), "queue.q", "days", json!(7));
    let fifo = with(approved.clone(), "queue.q", "fifo", json!(true));
    let found = told(&after(&world, &approved, nothing, &fifo).await);
    assert!(found.contains(&"NewEffect queue.q: update → replace".to_owned()), "{found:?}");
    let mut gone = without(approved.clone(), "queue.q");
    gone[0].attrs["queue"] = json!("none");
    let found = told(&after(&world, &approved, nothing, &gone).await);
    assert!(found.iter().any(|line| line == "Config queue.q: update → delete"), "{found:?}");
}

#[tokio::test]
async fn a_deletion_is_of_the_thing_that_was_shown() {
    let world = settled().await;
    let mut gone = without(stack(), "queue.q");
    gone[0].attrs["queue"] = json!("none");
    assert_eq!(after(&world, &gone, nothing, &gone).await, Verdict::Same);
    let made_anew = async |world: &World| {
        world.lose("shop-queue.q");
        world.apply(&stack(), &[]).await;
    };
    let found = told(&after(&world, &gone, made_anew, &gone).await);
    assert!(found.iter().any(|line| line.contains("queue.q") && line.ends_with("delete")), "{found:?}");
    // And what was to be deleted is not kept under another plan.
    let kept = async |world: &World| world.touch("shop-queue.q", "days", json!(1));
    let found = told(&after(&world, &gone, kept, &stack()).await);
    assert!(found.iter().any(|line| line.contains("queue.q") && line.ends_with("→ update")), "{found:?}");
}

#[tokio::test]
async fn an_adoption_may_be_finished_but_what_vanished_is_not_made() {
    let found = json!({"fifo": false, "days": 1, "owner": "x"});
    let world = World::default();
    world.found("queue", "shop-queue.q", found.clone());
    let half = async |world: &World| {
        world.apply(&stack(), &[]).await;
        world.touch("shop-queue.q", "days", json!(1));
    };
    assert_eq!(after(&world, &stack(), half, &stack()).await, Verdict::Rest { done: 3, left: 1 });

    let world = World::default();
    world.found("queue", "shop-queue.q", found);
    let lost = async |world: &World| world.lose("shop-queue.q");
    assert_eq!(told(&after(&world, &stack(), lost, &stack()).await), ["Drift queue.q: adopt → create"]);
}

#[tokio::test]
async fn another_physical_name_is_another_thing() {
    let mut now = stack();
    now[3].at = at("queue.q", "elsewhere");
    let found = told(&after(&World::default(), &stack(), nothing, &now).await);
    assert_eq!(found, ["Config queue.q: create `shop-queue.q` → create `elsewhere`"]);
}

#[tokio::test]
async fn another_reference_is_another_value_even_before_anything_exists() {
    let base = [stack(), vec![resource("group.other", json!({"vpc": "vpc-1"}))]].concat();
    let now = with(base.clone(), "definition.web", "group", reference("group.other", "id"));
    let found = told(&after(&World::default(), &base, nothing, &now).await);
    assert_eq!(found, ["Config definition.web.group: (known after apply) → (known after apply)"]);
}

#[tokio::test]
async fn a_creation_of_less_is_not_the_one_that_was_shown() {
    let now = with(stack(), "group.g", "ports", json!(null));
    let found = told(&after(&World::default(), &stack(), nothing, &now).await);
    assert_eq!(found, ["Config group.g.ports: [80] → no change"]);
}

#[tokio::test]
async fn a_release_is_no_difference_but_another_repository_is() {
    let world = settled().await;
    let released = with(stack(), "definition.web", "image", json!("r/app@sha256:2"));
    let cpu = |wanted| with(wanted, "definition.web", "cpu", json!(512));
    assert_eq!(after(&world, &cpu(stack()), nothing, &cpu(released.clone())).await, Verdict::Same);
    assert_eq!(after(&world, &stack(), nothing, &released).await, Verdict::Same);
    let other = with(stack(), "definition.web", "image", json!("evil/app@sha256:2"));
    let found = told(&after(&world, &cpu(stack()), nothing, &cpu(other)).await);
    assert_eq!(found, ["NewEffect definition.web.image: no change → r/app@sha256:1 → evil/app@sha256:2"]);
}

#[tokio::test]
async fn a_hidden_value_that_changed_is_named_and_not_told() {
    let now = with(stack(), "definition.web", "environment", json!({"MODE": "hidden", "PIN": "4321"}));
    let found = told(&after(&World::default(), &stack(), nothing, &now).await);
    assert_eq!(
        found,
        [
            "Config definition.web.environment.PIN: a value that is not recorded → a value that is not recorded"
        ]
    );
}

#[tokio::test]
async fn equal_hidden_values_have_no_equal_digests_and_an_old_one_none_at_all() {
    let same = with(stack(), "definition.web", "environment", json!({"MODE": "1234", "PIN": "1234"}));
    let record = recorded(&World::default().plan(&same).await);
    let effects = record.stacks["shop"].effects.as_ref().unwrap();
    let definition = effects.iter().find(|effect| effect.address == "definition.web").unwrap();
    let (mode, pin) = (&definition.fields["environment.MODE"], &definition.fields["environment.PIN"]);
    assert_eq!((&mode.shown, &pin.shown), (&None, &None));
    assert_ne!(mode.after, pin.after);

    let old = async |value: &str| {
        let world = settled().await;
        world.touch("shop-definition.web", "environment", json!({"MODE": value, "PIN": "1234"}));
        recorded(&world.plan(&stack()).await)
    };
    assert_eq!(old("one").await, old("two").await);
}

#[tokio::test]
async fn no_account_id_can_be_read_or_found_out_from_a_record() {
    let world = settled().await;
    let changed = with(stack(), "queue.q", "owner", json!("somebody"));
    let text = serde_json::to_string(&recorded(&world.plan(&changed).await)).unwrap();
    assert!(!text.contains(super::world::ACCOUNT) && text.contains("…9012"), "{text}");
}

#[tokio::test]
async fn a_tag_must_give_what_it_gave_unless_it_is_of_a_commit() {
    use ImageOrigin::{Configured, Outside, Pinned, Running};
    const A: Option<&str> = Some("sha256:a");
    const B: Option<&str> = Some("sha256:b");
    let commit = Some("0123456789abcdef0123456789abcdef01234567");
    let (v1, v2) = (Some("v1"), Some("v2"));
    let cases = [
        ((v1, A, Configured), (v1, A, Configured), None),
        ((v1, A, Configured), (v1, B, Configured), Some(Class::TagMoved)),
        ((v1, A, Configured), (v2, B, Configured), Some(Class::Config)),
        ((v1, A, Configured), (v1, B, Running), None),
        ((v1, A, Running), (v1, B, Running), None),
        ((v1, A, Running), (v2, B, Configured), Some(Class::Config)),
        ((v1, A, Pinned), (v1, A, Pinned), None),
        ((v1, A, Pinned), (v1, B, Pinned), Some(Class::TagMoved)),
        ((v1, A, Pinned), (v2, B, Pinned), None),
        ((v1, A, Configured), (v1, B, Pinned), Some(Class::TagMoved)),
        ((commit, A, Pinned), (commit, B, Pinned), None),
        ((v1, A, Running), (commit, B, Pinned), None),
        ((v1, None, Outside), (v1, None, Outside), None),
        ((v1, None, Outside), (v2, None, Outside), Some(Class::Config)),
        ((v1, None, Outside), (v1, A, Configured), None),
        ((v1, A, Configured), (v1, None, Outside), Some(Class::TagMoved)),
        ((None, A, Outside), (None, B, Outside), Some(Class::TagMoved)),
        ((None, None, Outside), (Some("latest"), A, Configured), None),
    ];
    let world = World::default();
    let mut plan = world.plan(&stack()).await;
    for ((tag, digest, origin), (tag_now, digest_now, origin_now), class) in cases {
        plan.images = vec![image(tag, digest, origin)];
        let approved = recorded(&plan);
        plan.images = vec![image(tag_now, digest_now, origin_now)];
        let case = format!("{tag:?} {digest:?} {origin:?} → {tag_now:?} {digest_now:?} {origin_now:?}");
        match (judged(&[&approved], &plan), class) {
            (Verdict::Same, None) => {}
            (Verdict::Differs(found), Some(class)) => {
                assert_eq!(found.iter().map(|one| one.class).collect::<Vec<_>>(), [class], "{case}");
                assert_eq!(found[0].address, "task_definition.web");
            }
            (verdict, _) => panic!("{case}: {verdict:?}"),
        }
    }
}
