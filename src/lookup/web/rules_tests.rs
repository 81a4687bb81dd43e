//! Priorities, by example and by law.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::found::Conditions;
use super::rules::{LAST, Wanted, covers, goes_before, overlap, place, shadows};
use super::testing::asks;

fn new(name: &str, hosts: &[&str], paths: &[&str]) -> Wanted {
    Wanted { name: name.into(), conditions: asks(hosts, paths), ..Wanted::default() }
}

fn at(wanted: Wanted, now: i32) -> Wanted {
    Wanted { now: Some(now), ..wanted }
}

fn fixed(wanted: Wanted, explicit: i32) -> Wanted {
    Wanted { explicit: Some(explicit), ..wanted }
}

fn numbers(wanted: &[Wanted], foreign: &[i32]) -> BTreeMap<String, i32> {
    let taken = wanted.iter().flat_map(|one| [one.now, one.after]).flatten();
    place(wanted, &taken.chain(foreign.iter().copied()).collect()).priorities
}

#[test]
fn more_specific_rules_are_asked_first() {
    let wanted = [
        new("all", &["*.example.com"], &[]),
        new("site", &["www.example.com"], &[]),
        new("api", &["www.example.com"], &["/api/*"]),
        new("v2", &["www.example.com"], &["/api/v2/*"]),
    ];
    let found = numbers(&wanted, &[]);
    assert_eq!((found["v2"], found["api"], found["site"], found["all"]), (100, 110, 120, 130));
}

#[test]
fn numbers_of_others_are_left_to_them() {
    assert_eq!(numbers(&[new("web", &["a.example.com"], &[])], &[1, 100, 110])["web"], 120);
}

#[test]
fn what_exists_keeps_its_place_and_a_more_specific_newcomer_goes_before_it() {
    let wanted = [at(new("site", &["a.example.com"], &[]), 100), new("api", &["a.example.com"], &["/api/*"])];
    let found = numbers(&wanted, &[]);
    assert_eq!((found["site"], found["api"]), (100, 50));
    let wanted = [at(new("site", &["a.example.com"], &[]), 7), new("api", &["b.example.com"], &["/api/*"])];
    assert_eq!(numbers(&wanted, &[])["api"], 100, "nothing can be for both, so the order does not matter");
}

#[test]
fn without_room_the_less_specific_rule_moves_behind() {
    let wanted = [at(new("site", &["a.example.com"], &[]), 1), new("api", &["a.example.com"], &["/api/*"])];
    let found = numbers(&wanted, &[]);
    assert_eq!((found["api"], found["site"]), (100, 110));
}

#[test]
fn a_number_of_the_configuration_wins_and_others_make_room() {
    let wanted =
        [fixed(at(new("site", &["a.example.com"], &[]), 100), 7), new("api", &["a.example.com"], &["/x"])];
    let found = numbers(&wanted, &[]);
    assert_eq!((found["site"], found["api"]), (7, 3));
    let wanted =
        [at(new("one", &["a.example.com"], &[]), 20), fixed(new("two", &["b.example.com"], &[]), 20)];
    let found = numbers(&wanted, &[]);
    assert_eq!((found["two"], found["one"]), (20, 100));
}

#[test]
fn an_order_that_cannot_be_kept_is_told_and_stays_as_it_is() {
    let wanted =
        [fixed(new("site", &["a.example.com"], &[]), 1), new("api", &["a.example.com"], &["/api/*"])];
    let first = place(&wanted, &BTreeSet::new());
    assert_eq!(first.priorities["api"], 100);
    insta::assert_snapshot!(first.warnings.join("\n"), @"no priority is free for the rule of `api` before those of less specific rules: it is asked after them");
    let wanted = [at(wanted[0].clone(), 1), at(wanted[1].clone(), 100)];
    assert_eq!(numbers(&wanted, &[]), first.priorities);
}

#[test]
fn a_rule_that_replaces_one_comes_after_it_and_before_what_it_must() {
    let moved = Wanted { after: Some(100), ..new("api", &["a.example.com"], &["/api/*"]) };
    let wanted = [moved.clone(), at(new("site", &["a.example.com"], &[]), 110)];
    let found = numbers(&wanted, &[]);
    assert_eq!((found["api"], found["site"]), (105, 110));
    let wanted = [Wanted { explicit: Some(100), ..moved }];
    let places = place(&wanted, &BTreeSet::from([100]));
    assert_eq!(places.priorities["api"], 110);
    insta::assert_snapshot!(places.warnings.join("\n"), @"the rule of `api` gets the priority 110 for now, because the one that it replaces has 100 until the new tasks are healthy; the next apply gives it 100");
}

#[test]
fn rules_that_would_exchange_their_numbers_are_named() {
    let exchange = [
        fixed(at(new("a", &["a.example.com"], &[]), 10), 20),
        fixed(at(new("b", &["b.example.com"], &[]), 20), 10),
        fixed(at(new("c", &["c.example.com"], &[]), 30), 40),
    ];
    assert_eq!(place(&exchange, &BTreeSet::from([10, 20, 30])).exchanged, ["a", "b"]);
    let chain =
        [fixed(at(new("a", &["a.example.com"], &[]), 10), 20), at(new("b", &["b.example.com"], &[]), 20)];
    assert_eq!(place(&chain, &BTreeSet::from([10, 20])).exchanged, Vec::<String>::new());
}

#[test]
fn patterns_overlap_when_some_text_fits_both() {
    for (a, b, both) in [
        ("/api/*", "/api/v2/*", true),
        ("/api/*", "/app/*", false),
        ("*.example.com", "www.example.com", true),
        ("*.example.com", "example.com", false),
        ("*", "anything", true),
        ("/a?c", "/abc", true),
        ("/a?c", "/ac", false),
        ("/*/x", "/y/*", true),
    ] {
        assert_eq!((overlap(a, b), overlap(b, a)), (both, both), "{a} and {b}");
    }
}

#[test]
fn a_pattern_covers_another_when_it_fits_everything_that_the_other_does() {
    for (wide, narrow, all) in [
        ("*.example.com", "www.example.com", true),
        ("*.example.com", "*.example.com", true),
        ("www.example.com", "*.example.com", false),
        ("*", "*.example.com", true),
        ("/api/*", "/api/v2/*", true),
        ("/api/?", "/api/*", false),
        ("/api/*", "/api", false),
    ] {
        assert_eq!(covers(wide, narrow), all, "{wide} and {narrow}");
    }
    assert!(shadows(&asks(&[], &["/*"]), &asks(&["a.example.com"], &[])));
    assert!(!shadows(&asks(&["a.example.com"], &["/api/*"]), &asks(&["a.example.com"], &[])));
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let hosts = ["*.a.example", "x.a.example", "y.a.example", "b.example", "*.b.example"];
    let paths = ["/", "/api", "/api/*", "/api/v2/*", "*", "/a?i/*"];
    let some = |values: &'static [&'static str], least: usize| {
        proptest::sample::subsequence(values, least..3)
            .prop_map(|all| all.into_iter().map(str::to_owned).collect())
    };
    let hosts: &'static [&'static str] = Vec::from(hosts).leak();
    let paths: &'static [&'static str] = Vec::from(paths).leak();
    (some(hosts, 1), some(paths, 0)).prop_map(|(hosts, paths)| Conditions { hosts, paths })
}

/// Rules with different conditions, at different numbers, some of them new, some replaced; and the numbers of others.
fn listener() -> impl Strategy<Value = (Vec<Wanted>, BTreeSet<i32>)> {
    let number = || prop_oneof![1..40i32, 90..130i32, Just(LAST)];
    let one = (conditions(), number(), 0..4u8);
    let rules = proptest::collection::vec(one, 0..7);
    (rules, proptest::collection::btree_set(number(), 0..12)).prop_map(|(rules, mut foreign)| {
        let mut held = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut wanted = Vec::new();
        for (index, (conditions, number, state)) in rules.into_iter().enumerate() {
            if !seen.insert(conditions.clone()) {
                continue;
            }
            let free = state < 3 && held.insert(number);
            let now = (free && state < 2).then_some(number);
            let after = (free && state == 2).then_some(number);
            wanted.push(Wanted { name: format!("t{index}"), conditions, explicit: None, now, after });
        }
        foreign.retain(|number| !held.contains(number));
        (wanted, foreign)
    })
}

fn all_taken(wanted: &[Wanted], foreign: &BTreeSet<i32>) -> BTreeSet<i32> {
    wanted.iter().flat_map(|one| [one.now, one.after]).flatten().chain(foreign.iter().copied()).collect()
}

proptest! {
    /// Changes can be made in any order: no number is given that any rule has now, except to itself.
    #[test]
    fn no_two_rules_ever_have_the_same_number((wanted, foreign) in listener()) {
        let found = place(&wanted, &all_taken(&wanted, &foreign)).priorities;
        prop_assert_eq!(found.len(), wanted.len());
        for one in &wanted {
            let number = found[&one.name];
            prop_assert!((1..=LAST).contains(&number));
            prop_assert!(one.now == Some(number) || !all_taken(&wanted, &foreign).contains(&number));
        }
        prop_assert_eq!(found.values().collect::<BTreeSet<_>>().len(), wanted.len());
    }

    #[test]
    fn what_was_placed_stays_where_it_is((wanted, foreign) in listener()) {
        let places = place(&wanted, &all_taken(&wanted, &foreign));
        // An order that could not be had at first may be possible once an old rule is gone.
        prop_assume!(places.warnings.is_empty());
        let first = places.priorities;
        let settled: Vec<Wanted> =
            wanted.iter().map(|one| Wanted { now: Some(first[&one.name]), after: None, ..one.clone() }).collect();
        let taken = all_taken(&settled, &foreign);
        prop_assert_eq!(place(&settled, &taken).priorities, first);
    }

    #[test]
    fn of_two_rules_that_a_request_could_be_for_the_more_specific_is_asked_first((wanted, foreign) in listener()) {
        let places = place(&wanted, &all_taken(&wanted, &foreign));
        for a in &wanted {
            prop_assert!(a.after.is_none_or(|old| old < places.priorities[&a.name]) || !places.warnings.is_empty());
            for b in wanted.iter().filter(|b| goes_before(a, b)) {
                let in_order = places.priorities[&a.name] < places.priorities[&b.name];
                prop_assert!(in_order || !places.warnings.is_empty(), "{} and {}", a.name, b.name);
            }
        }
    }
}
