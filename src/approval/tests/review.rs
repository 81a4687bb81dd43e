//! Which reviews approve a plan.

use super::super::{Distrust, ReviewSeen, reviewed};

const WRITTEN: &str = "2026-09-01T12:00:00Z";
const BEFORE: &str = "2026-09-01T11:59:59Z";
const AFTER: &str = "2026-09-01T12:00:01Z";
const LATER: &str = "2026-09-01T13:00:00Z";

/// `+` approves, `-` asks for changes.
fn review(sign: char, user: &str, at: &str) -> ReviewSeen {
    ReviewSeen {
        user: user.to_owned(),
        approves: sign == '+',
        commit: "head".to_owned(),
        at: at.to_owned(),
        may_write: true,
    }
}

fn judged(reviews: &[ReviewSeen]) -> Result<String, String> {
    reviewed(7, reviews, Some("author"), "head", WRITTEN).map_err(|distrust| match distrust {
        Distrust::NotReviewed { number: 7, why } => why,
        other => panic!("{other:?}"),
    })
}

#[test]
fn the_matrix_of_reviews() {
    let (plus, minus) = (|user, at| review('+', user, at), |user, at| review('-', user, at));
    let reader = |review: ReviewSeen| ReviewSeen { may_write: false, ..review };
    let other_commit = |review: ReviewSeen| ReviewSeen { commit: "old".to_owned(), ..review };
    let cases: Vec<(&str, Vec<ReviewSeen>, Result<&str, &str>)> = vec![
        ("none", vec![], Err("nobody approved it")),
        ("approved", vec![plus("ann", AFTER)], Ok("ann")),
        ("at the same second", vec![plus("ann", WRITTEN)], Ok("ann")),
        ("before", vec![plus("ann", BEFORE)], Err("the review of `ann` came before the plan")),
        (
            "other commit",
            vec![other_commit(plus("ann", AFTER))],
            Err("the review of `ann` is of another commit"),
        ),
        ("reader", vec![reader(plus("ann", AFTER))], Err("`ann` may not write to the repository")),
        ("author", vec![plus("author", AFTER)], Err("`author` is its author")),
        ("author, in other letters", vec![plus("Author", AFTER)], Err("`Author` is its author")),
        ("newest of two", vec![plus("bob", LATER), plus("ann", AFTER)], Ok("bob")),
        ("one counts", vec![plus("ann", BEFORE), plus("bob", AFTER), reader(plus("cy", LATER))], Ok("bob")),
        ("again after the plan", vec![plus("ann", BEFORE), plus("ann", AFTER)], Ok("ann")),
        ("changed their mind", vec![plus("ann", AFTER), minus("ann", LATER)], Err("`ann` asks for changes")),
        ("changed it back", vec![minus("ann", AFTER), plus("ann", LATER)], Ok("ann")),
        ("listed in any order", vec![plus("ann", LATER), minus("ann", AFTER)], Ok("ann")),
        (
            "another objects later",
            vec![plus("ann", AFTER), minus("bob", LATER)],
            Err("`bob` asks for changes"),
        ),
        (
            "another objects at once",
            vec![plus("ann", AFTER), minus("bob", AFTER)],
            Err("`bob` asks for changes"),
        ),
        (
            "another objects to an older commit, later",
            vec![plus("ann", AFTER), other_commit(minus("bob", LATER))],
            Err("`bob` asks for changes"),
        ),
        ("a reader objects", vec![plus("ann", AFTER), reader(minus("bob", LATER))], Ok("ann")),
        ("objected before", vec![minus("bob", AFTER), plus("ann", LATER)], Ok("ann")),
        (
            "objected and gave in",
            vec![plus("ann", AFTER), minus("bob", AFTER), plus("bob", LATER)],
            Ok("bob"),
        ),
        (
            "approved again behind the objection",
            vec![plus("ann", AFTER), minus("bob", LATER), plus("cy", "2026-09-01T14:00:00Z")],
            Ok("cy"),
        ),
        ("no time", vec![plus("ann", "")], Err("the review of `ann` came before the plan")),
        (
            "an objection without a time",
            vec![plus("ann", AFTER), minus("bob", "")],
            Err("`bob` asks for changes"),
        ),
        (
            "an objection without a time, of the same person",
            vec![minus("ann", ""), plus("ann", AFTER)],
            Err("`ann` asks for changes"),
        ),
        ("only an objection", vec![minus("bob", AFTER)], Err("`bob` asks for changes")),
    ];
    for (name, reviews, expected) in cases {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(judged(&reviews), expected, "{name}");
    }
}

#[test]
fn times_are_compared_as_times() {
    // As text, the first would be later than 12:00Z, and the second earlier.
    let early = [review('+', "ann", "2026-09-01T13:30:00+02:00")];
    assert!(judged(&early).is_err());
    let late = [review('+', "ann", "2026-09-01T11:30:00-02:00")];
    assert_eq!(judged(&late).as_deref(), Ok("ann"));
    let fraction = [review('+', "ann", "2026-09-01T12:00:00.5Z")];
    assert_eq!(judged(&fraction).as_deref(), Ok("ann"));
}

#[test]
fn a_plan_without_a_time_is_reviewed_by_nobody() {
    for written in ["", "yesterday", "2026-09-01"] {
        assert!(reviewed(7, &[review('+', "ann", AFTER)], None, "head", written).is_err(), "{written}");
    }
}
