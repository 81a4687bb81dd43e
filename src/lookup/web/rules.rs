//! The priorities of rules: what exists keeps its place where it can, and more specific rules are asked first. Pure.
//!
//! A number that any rule of the listener has now is given to no other one, so that changes can be made in any order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::found::Conditions;

/// The highest priority (`CreateRule`, Elastic Load Balancing API reference).
pub const LAST: i32 = 50_000;
/// The first number for a new rule, and the distance to the next one: there is room before and between.
const FIRST: i32 = 100;
const STEP: i32 = 10;

/// A rule that is wanted in a listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The name of its address.
    pub name: String,
    /// Which requests it is for.
    pub conditions: Conditions,
    /// The priority that the configuration gives it.
    pub explicit: Option<i32>,
    /// The priority that it has, when it exists and stays.
    pub now: Option<i32>,
    /// The priority of the rule that it replaces, which is asked first as long as it is there.
    pub after: Option<i32>,
}

/// The priorities, and what the reader should know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// By name.
    pub priorities: BTreeMap<String, i32>,
    /// What does not come out as it should.
    pub warnings: Vec<String>,
    /// Rules whose explicit priorities are to be exchanged, which cannot be done one by one.
    pub exchanged: Vec<String>,
}

/// Gives every rule its place. `taken` are the priorities of all rules that the listener has now, the stack's own included.
pub fn place(wanted: &[Wanted], taken: &BTreeSet<i32>) -> Places {
    let mut order: Vec<&Wanted> = wanted.iter().collect();
    order.sort_by_key(|one| (specificity(&one.conditions), one.name.as_str()));
    let mut places = Places { exchanged: exchanged(wanted), ..Places::default() };
    let explicit: BTreeMap<&str, i32> =
        wanted.iter().filter_map(|one| Some((one.name.as_str(), direct(one)?))).collect();
    let mut used: BTreeSet<i32> = taken.iter().copied().chain(explicit.values().copied()).collect();
    for (index, one) in order.iter().enumerate() {
        let number = explicit.get(one.name.as_str()).copied().unwrap_or_else(|| {
            let less = order.iter().skip(index + 1).copied().filter(|other| goes_before(one, other));
            let more = order.iter().take(index).copied().filter(|other| goes_before(other, one));
            let before = more.filter_map(|other| places.priorities.get(&other.name)).copied();
            let after = before.chain(one.after).max().unwrap_or_default();
            let limit = |numbers: &mut dyn Iterator<Item = i32>| numbers.min().unwrap_or(LAST + 1);
            let fixed = limit(&mut less.clone().filter_map(|other| explicit.get(other.name.as_str()).copied()));
            let kept = limit(&mut less.filter_map(|other| explicit.get(other.name.as_str()).copied().or(other.now)));
            let is_held = |now: &i32| explicit.values().any(|number| number == now);
            let stays = one.now.filter(|now| after < *now && *now < fixed && !is_held(now));
            stays.or_else(|| free(after, kept.min(fixed), &used)).or_else(|| free(after, fixed, &used)).unwrap_or_else(
                || {
                    places.warnings.push(format!(
                        "no priority is free for the rule of `{}` before those of less specific rules: it is asked after them",
                        one.name
                    ));
                    let now = one.now.filter(|now| !is_held(now));
                    now.or_else(|| free(after, LAST + 1, &used)).or_else(|| free(0, LAST + 1, &used)).unwrap_or(LAST)
                },
            )
        });
        if let (Some(wish), Some(old)) = (one.explicit.filter(|wish| *wish != number), one.after) {
            places.warnings.push(format!(
                "the rule of `{}` gets the priority {number} for now, because the one that it replaces has {old} until the new tasks are healthy; the next apply gives it {wish}",
                one.name
            ));
        }
        used.insert(number);
        places.priorities.insert(one.name.clone(), number);
    }
    places
}

/// The explicit priority, when the rule can have it at once: one that replaces another must be asked after it.
fn direct(one: &Wanted) -> Option<i32> {
    one.explicit.filter(|wish| one.after.is_none_or(|old| *wish > old))
}

/// Rules that wait for each other's number.
fn exchanged(wanted: &[Wanted]) -> Vec<String> {
    let holder = |number: i32| wanted.iter().find(|one| one.now == Some(number));
    let moves = |one: &Wanted| direct(one).filter(|wish| one.now.is_some_and(|now| now != *wish));
    let in_circle = |start: &&Wanted| {
        let mut at = *start;
        for _ in 0..wanted.len() {
            match moves(at).and_then(holder) {
                Some(next) if next.name == start.name => return true,
                Some(next) => at = next,
                None => return false,
            }
        }
        false
    };
    wanted.iter().filter(in_circle).map(|one| one.name.clone()).collect()
}

/// A free number after one and before another: with room around it if there is, else in the middle.
fn free(after: i32, before: i32, used: &BTreeSet<i32>) -> Option<i32> {
    let before = before.min(LAST + 1);
    let round = (after / STEP + 1) * STEP;
    let mut roomy = (round.max(FIRST)..before).step_by(10).filter(|number| !used.contains(number));
    let middle = after + (before - after) / 2;
    roomy.next().or_else(|| {
        let between = (after + 1..before).filter(|number| !used.contains(number));
        between.min_by_key(|number| ((number - middle).abs(), *number))
    })
}

/// The one must be asked before the other: it is more specific, and a request could be for both.
pub fn goes_before(one: &Wanted, other: &Wanted) -> bool {
    let (a, b) = (&one.conditions, &other.conditions);
    specificity(a) < specificity(b) && any_overlap(&a.hosts, &b.hosts) && any_overlap(&a.paths, &b.paths)
}

/// Most specific first: exact hosts before wildcards (longer ones first), longer paths before shorter ones, those before none.
fn specificity(of: &Conditions) -> impl Ord + use<> {
    let letters = |pattern: &String| pattern.chars().filter(|c| !matches!(c, '*' | '?')).count();
    let is_pattern = |pattern: &&String| pattern.contains(['*', '?']);
    let wild = of.hosts.iter().filter(is_pattern).map(letters).min();
    let any_host = of.hosts.is_empty();
    let path = of.paths.iter().map(letters).min();
    let wild_path = of.paths.iter().any(|path| is_pattern(&path));
    ((any_host, wild.is_some(), wild.map(Reverse)), (path.is_none(), path.map(Reverse), wild_path))
}

fn any_overlap(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    a.is_empty() || b.is_empty() || a.iter().any(|a| b.iter().any(|b| overlap(a, b)))
}

/// Whether some text fits both patterns (`*`: any characters, `?`: one).
pub fn overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Which ends of `b` can be reached after each start of `a`, both from their ends.
    let mut row: Vec<bool> = (0..=b.len()).map(|from| b.iter().skip(from).all(|c| *c == '*')).collect();
    for x in a.iter().rev() {
        let mut next = vec![false; b.len() + 1];
        for at in (0..=b.len()).rev() {
            let below = row.get(at).copied().unwrap_or_default();
            let right = next.get(at + 1).copied().unwrap_or_default();
            let both = row.get(at + 1).copied().unwrap_or_default();
            let fits = match (*x, b.get(at)) {
                ('*', None) => below,
                (_, None) => false,
                ('*', Some(_)) | (_, Some('*')) => below || right,
                (x, Some(y)) => both && (x == *y || x == '?' || *y == '?'),
            };
            if let Some(slot) = next.get_mut(at) {
                *slot = fits;
            }
        }
        row = next;
    }
    row.first().copied().unwrap_or_default()
}

/// Whether everything that fits one pattern fits the other too.
pub fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow): (Vec<char>, Vec<char>) = (wide.chars().collect(), narrow.chars().collect());
    let mut row: Vec<bool> = vec![false; narrow.len() + 1];
    if let Some(last) = row.last_mut() {
        *last = true;
    }
    for x in wide.iter().rev() {
        let mut next = vec![false; narrow.len() + 1];
        for at in (0..=narrow.len()).rev() {
            let skip = row.get(at).copied().unwrap_or_default();
            let more = next.get(at + 1).copied().unwrap_or_default();
            let both = row.get(at + 1).copied().unwrap_or_default();
            let fits = match (*x, narrow.get(at)) {
                ('*', Some(_)) => skip || more,
                ('*', None) => skip,
                (_, None | Some('*')) => false,
                ('?', Some(_)) => both,
                (x, Some(y)) => both && x == *y,
            };
            if let Some(slot) = next.get_mut(at) {
                *slot = fits;
            }
        }
        row = next;
    }
    row.first().copied().unwrap_or_default()
}

/// Whether a rule with these conditions gets every request that another is for.
pub fn shadows(wide: &Conditions, narrow: &Conditions) -> bool {
    let all = |wide: &BTreeSet<String>, narrow: &BTreeSet<String>, any: &str| {
        let any = BTreeSet::from([any.to_owned()]);
        let narrow = if narrow.is_empty() { &any } else { narrow };
        wide.is_empty() || narrow.iter().all(|narrow| wide.iter().any(|wide| covers(wide, narrow)))
    };
    all(&wide.hosts, &narrow.hosts, "*") && all(&wide.paths, &narrow.paths, "/*")
}
