//! What holds for every plan.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Record, Verdict, record};
use super::world::{World, about, judged, recorded, reference, resource};
use crate::engine;
use crate::model::{Action, AttrChange, Plan, Resource};

/// The numbers that a stack is made of.
type Shape = (u32, u32, u32, bool, bool, Vec<u32>);

fn shape() -> impl Strategy<Value = Shape> {
    (0..3_u32, 0..3_u32, 0..2_u32, any::<bool>(), any::<bool>(), prop::collection::vec(0..3_u32, 0..3))
}

fn wanted((cpu, pin, vpc, fifo, second, tags): &Shape) -> Vec<Resource> {
    let tags: serde_json::Map<String, Value> =
        tags.iter().map(|tag| (format!("t{tag}"), json!(tag))).collect();
    let mut all = vec![
        resource("group.g", json!({"vpc": vpc, "ports": [cpu], "tags": tags})),
        resource("queue.q", json!({"fifo": fifo, "days": cpu, "deep": {"a": {"b": pin}}})),
        resource(
            "definition.web",
            json!({
                "cpu": cpu, "image": format!("r/app{vpc}@sha256:{pin}"), "tag": pin.to_string(),
                "environment": {"PIN": pin}, "group": reference("group.g", "id"),
            }),
        ),
        resource(
            "service.web",
            json!({
                "definition": reference("definition.web", "arn"), "groups": [reference("group.g", "id")],
                "queue": reference("queue.q", "arn"),
            }),
        ),
    ];
    if *second {
        all.push(resource("queue.second", json!({"days": pin, "peer": reference("queue.q", "arn")})));
    }
    all
}

/// The plan of one stack on top of another, or on nothing.
fn plan((base, shape): &(Option<Shape>, Shape)) -> Plan {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::default();
        if let Some(base) = base {
            world.apply(&wanted(base), &[]).await;
        }
        world.plan(&wanted(shape)).await
    })
}

fn case() -> impl Strategy<Value = (Option<Shape>, Shape)> {
    (prop::option::of(shape()), shape())
}

fn sealed(mut plan: Plan) -> Plan {
    plan.fingerprint = engine::fingerprint(&plan);
    plan
}

/// The changes that are effects.
fn acting(plan: &Plan) -> Vec<usize> {
    let effects = engine::effects(plan);
    let is_effect = |change: &crate::model::Change| {
        let address = change.at.address.to_string();
        change.action != Action::Keep && effects.iter().any(|effect| effect.address == address)
    };
    (0..plan.changes.len()).filter(|&index| is_effect(&plan.changes[index])).collect()
}

/// Everything that is one step away from this change and must not pass for it.
fn mutations(plan: &Plan, index: usize) -> Vec<(String, Plan)> {
    let mut found = Vec::new();
    let mut add = |name: String, change: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        change(&mut plan);
        found.push((name, sealed(plan)));
    };
    add("region".to_owned(), &|plan| plan.region.push('x'));
    add("account".to_owned(), &|plan| plan.account = "123456789999".to_owned());
    add("name".to_owned(), &|plan| plan.changes[index].at.name.push('x'));
    add("address".to_owned(), &|plan| plan.changes[index].at.address = "queue.other".parse().unwrap());
    add("one more".to_owned(), &|plan| {
        let mut more = plan.changes[index].clone();
        more.at.address = "queue.other".parse().unwrap();
        plan.changes.push(more);
    });
    for action in [Action::Create, Action::Adopt, Action::Update, Action::Replace, Action::Delete] {
        let change = &plan.changes[index];
        let silent = action == Action::Update && change.attrs.is_empty();
        if action != change.action && !silent {
            add(format!("{action:?}"), &|plan| plan.changes[index].action = action);
        }
    }
    let change = &plan.changes[index];
    let lists = matches!(change.action, Action::Update | Action::Adopt | Action::Replace);
    for (at, attr) in change.attrs.iter().enumerate().filter(|(_, attr)| lists && !attr.release) {
        if attr.before.is_some() && !attr.sensitive {
            add(format!("before of {}", attr.path), &|plan| {
                plan.changes[index].attrs[at].before = Some(json!("mutated"));
            });
        }
        add(format!("nothing before {}", attr.path), &|plan| {
            let side = &mut plan.changes[index].attrs[at].before;
            *side = if side.is_some() { None } else { Some(json!("mutated")) };
        });
        if attr.after.is_some() {
            add(format!("end of {}", attr.path), &|plan| plan.changes[index].attrs[at].after = None);
        }
    }
    if lists {
        let more = AttrChange {
            path: "mutated".to_owned(),
            before: None,
            after: Some(json!(1)),
            forces_replace: false,
            sensitive: false,
            release: false,
        };
        add("one more attribute".to_owned(), &|plan| plan.changes[index].attrs.push(more.clone()));
    }
    let whole = matches!(change.action, Action::Create | Action::Replace);
    for (at, attr) in change.written.iter().enumerate() {
        let changes = change.attrs.iter().any(|one| one.path == attr.path && !one.release);
        if whole || (lists && changes) {
            add(format!("wanted {}", attr.path), &|plan| {
                plan.changes[index].written[at].after = Some(json!("mutated"));
            });
        }
        let takes = change.attrs.iter().any(|one| one.path == attr.path);
        if change.action == Action::Create || (whole && !takes) {
            add(format!("without {}", attr.path), &|plan| {
                plan.changes[index].written.remove(at);
            });
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_plan_is_what_its_own_record_approves_however_little_of_it_is_kept(case in case(), bytes in 0..6000_usize) {
        let plan = plan(&case);
        let whole = recorded(&plan);
        prop_assert_eq!(judged(&[&whole], &plan), Verdict::Same);
        let fitted = whole.fitted(bytes, |record| serde_json::to_string(record).unwrap().len());
        prop_assert_eq!(judged(&[&fitted], &plan), Verdict::Same);
        let again: Record = serde_json::from_value(serde_json::to_value(&whole).unwrap()).unwrap();
        prop_assert_eq!(again, whole);
    }

    #[test]
    fn a_mutated_plan_is_never_the_same(case in case(), pick in any::<prop::sample::Index>()) {
        let plan = plan(&case);
        let acting = acting(&plan);
        prop_assume!(!acting.is_empty());
        let approved = recorded(&plan);
        for (name, mutated) in mutations(&plan, acting[pick.index(acting.len())]) {
            prop_assert_ne!(judged(&[&approved], &mutated), Verdict::Same, "{}", name);
            prop_assert_ne!(&mutated.fingerprint, &plan.fingerprint, "{}", name);
        }
    }

    #[test]
    fn a_part_of_a_plan_is_the_rest_of_it(case in case(), keep in prop::collection::vec(any::<bool>(), 12)) {
        let plan = plan(&case);
        let (mut part, acting) = (plan.clone(), acting(&plan));
        let approved = recorded(&plan);
        let mut left = acting.len();
        for (&index, keep) in acting.iter().zip(keep) {
            if !keep {
                part.changes[index].action = Action::Keep;
                left -= 1;
            }
        }
        let part = sealed(part);
        let done = acting.len() - left;
        let expected = if done == 0 { Verdict::Same } else { Verdict::Rest { done, left } };
        prop_assert_eq!(judged(&[&approved], &part), expected);
    }

    #[test]
    fn a_part_of_the_fields_of_an_update_is_the_rest_of_it(case in case(), pick in any::<prop::sample::Index>()) {
        let plan = plan(&case);
        let long = |index: &usize| {
            let change = &plan.changes[*index];
            let counts = change.attrs.iter().filter(|attr| !attr.release).count();
            change.action == Action::Update && counts > 1
        };
        let updates: Vec<usize> = acting(&plan).into_iter().filter(long).collect();
        prop_assume!(!updates.is_empty());
        let index = updates[pick.index(updates.len())];
        let mut part = plan.clone();
        let attrs = &mut part.changes[index].attrs;
        let at = attrs.iter().position(|attr| !attr.release).unwrap();
        attrs.remove(at);
        let verdict = judged(&[&recorded(&plan)], &sealed(part));
        prop_assert!(matches!(verdict, Verdict::Rest { done: 0, .. }), "{verdict:?}");
    }

    #[test]
    fn order_and_circumstances_do_not_enter(case in case(), seed in prop::collection::vec(any::<u8>(), 12)) {
        let plan = plan(&case);
        let mut shuffled = plan.clone();
        let mut keys = seed.iter().cycle();
        shuffled.changes.sort_by_cached_key(|_| *keys.next().unwrap());
        for change in &mut shuffled.changes {
            change.attrs.reverse();
            change.written.reverse();
        }
        let shuffled = sealed(shuffled);
        prop_assert_eq!(&shuffled.fingerprint, &plan.fingerprint);
        prop_assert_eq!(engine::effects(&shuffled), engine::effects(&plan));
        let about = super::super::About { run: 9, attempt: 2, at: 77, ..about() };
        let planned = super::super::Planned { file: "elsewhere.yml", plan: &shuffled };
        let other = record(&[planned], &about);
        prop_assert_eq!(&other.digest, &recorded(&plan).digest);
        prop_assert_eq!(judged(&[&other], &plan), Verdict::Same);
    }
}
