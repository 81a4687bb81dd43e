//! Which comments are believed.

use super::super::{CommentSeen, Distrust, Record, Verdict, trusted};
use super::world::{World, judged, recorded, stack};
use crate::model::Plan;

async fn plan() -> Plan {
    World::default().plan(&stack()).await
}

/// A comment that is as it was written, with its witness.
fn seen(plan: &Plan) -> CommentSeen {
    let record = Record { text: "text".to_owned(), ..recorded(plan) };
    CommentSeen {
        number: 7,
        edited_by_other: None,
        minimized: false,
        text: Some("text".to_owned()),
        head: "head".to_owned(),
        witness: Some(record.clone()),
        record: Some(record),
    }
}

#[tokio::test]
async fn a_comment_that_is_as_it_was_written_is_believed_with_and_without_a_check_run() {
    let plan = plan().await;
    let with = seen(&plan);
    let without = CommentSeen { witness: None, ..with.clone() };
    for comment in [with, without] {
        let record = trusted(&comment).unwrap();
        assert_eq!(Some(&record), comment.record.as_ref());
        assert_eq!(judged(&[&record], &plan), Verdict::Same);
    }
}

#[tokio::test]
async fn every_reason_to_distrust_a_comment_has_its_own_word() {
    type Case = (&'static str, fn(&mut CommentSeen));
    fn of(comment: &mut CommentSeen) -> &mut Record {
        comment.record.as_mut().unwrap()
    }
    fn witness(comment: &mut CommentSeen) -> &mut Record {
        comment.witness.as_mut().unwrap()
    }
    let cases: [Case; 19] = [
        ("comment-edited", |c| c.edited_by_other = Some("mallory".to_owned())),
        ("comment-hidden", |c| c.minimized = true),
        ("record-unreadable", |c| c.record = None),
        ("record-unreadable", |c| c.record = Some(Record::default())),
        ("record-unreadable", |c| of(c).digest = "0".repeat(64)),
        ("record-unreadable", |c| of(c).stacks.clear()),
        ("record-unreadable", |c| of(c).stacks.get_mut("shop").unwrap().fingerprint = "0".repeat(64)),
        ("record-unreadable", |c| of(c).stacks.get_mut("shop").unwrap().region = "us-east-1".to_owned()),
        ("record-unreadable", |c| {
            of(c).stacks.get_mut("shop").unwrap().effects.as_mut().unwrap().pop();
        }),
        ("record-unreadable", |c| {
            of(c).stacks.get_mut("shop").unwrap().effects.as_mut().unwrap()[0].action = "delete".to_owned();
        }),
        ("record-unreadable", |c| {
            let effects = of(c).stacks.get_mut("shop").unwrap().effects.as_mut().unwrap();
            effects[0].fields.values_mut().next().unwrap().after = Some("0".repeat(32));
        }),
        ("comment-altered", |c| c.text = Some("other".to_owned())),
        ("comment-altered", |c| c.text = None),
        ("comment-altered", |c| of(c).text = String::new()),
        ("check-run-differs", |c| witness(c).digest = "0".repeat(64)),
        ("check-run-differs", |c| witness(c).text = "other".to_owned()),
        ("check-run-differs", |c| witness(c).head = "other".to_owned()),
        ("check-run-differs", |c| witness(c).stacks.get_mut("shop").unwrap().fingerprint = "0".repeat(64)),
        ("stale-plan", |c| c.head = "newer".to_owned()),
    ];
    let plan = plan().await;
    for (index, (reason, alter)) in cases.into_iter().enumerate() {
        let mut comment = seen(&plan);
        alter(&mut comment);
        assert_eq!(trusted(&comment).unwrap_err().reason(), reason, "case {index}");
    }
}

#[tokio::test]
async fn an_emptied_text_of_both_is_no_text() {
    let mut comment = seen(&plan().await);
    comment.text = Some(String::new());
    comment.record.as_mut().unwrap().text = String::new();
    assert_eq!(trusted(&comment), Err(Distrust::TextAltered { number: 7 }));
}

#[tokio::test]
async fn a_witness_in_another_state_may_tell_of_another_text() {
    let mut comment = seen(&plan().await);
    let witness = comment.witness.as_mut().unwrap();
    witness.text = "the plan".to_owned();
    witness.state = super::super::State::Applying;
    assert!(trusted(&comment).is_ok());
}

#[tokio::test]
async fn the_digests_of_another_version_are_left_to_it() {
    let mut comment = seen(&plan().await);
    for record in [comment.record.as_mut().unwrap(), comment.witness.as_mut().unwrap()] {
        record.tool = "0.0.1".to_owned();
        record.digest = "otherwise made".to_owned();
    }
    assert!(trusted(&comment).is_ok());
}

#[tokio::test]
async fn what_the_comment_had_no_room_for_comes_from_the_check_run() {
    let plan = plan().await;
    let whole = seen(&plan);
    let size = |record: &Record| serde_json::to_string(record).unwrap().len();
    let full = size(whole.record.as_ref().unwrap());
    for bytes in (0..full).step_by(50) {
        let fitted = whole.record.as_ref().unwrap().fitted(bytes, size);
        let record = trusted(&CommentSeen { record: Some(fitted.clone()), ..whole.clone() }).unwrap();
        assert!(size(&record) >= size(&fitted));
        let effects = record.stacks["shop"].effects.as_ref().unwrap();
        assert!(effects.iter().all(|effect| !effect.fields.is_empty()), "{bytes}");
        // Without one, the comment is all there is.
        let alone = CommentSeen { record: Some(fitted.clone()), witness: None, ..whole.clone() };
        assert_eq!(trusted(&alone).unwrap(), fitted);
    }
}

#[tokio::test]
async fn a_check_run_cannot_add_effects_to_a_comment_that_keeps_none() {
    let plan = plan().await;
    for tool in [env!("CARGO_PKG_VERSION"), "0.0.1"] {
        let mut comment = seen(&plan);
        let fitted = comment.record.as_ref().unwrap().fitted(0, |_| 1);
        comment.record = Some(Record { tool: tool.to_owned(), ..fitted.clone() });
        let witness = comment.witness.as_mut().unwrap();
        witness.tool = tool.to_owned();
        let effects = witness.stacks.get_mut("shop").unwrap().effects.as_mut().unwrap();
        let mut forged = effects[0].clone();
        forged.name = "forged".to_owned();
        forged.digest = "0".repeat(32);
        effects.push(forged);
        match trusted(&comment) {
            Err(distrust) => assert_eq!(distrust.reason(), "check-run-differs"),
            Ok(record) => assert_eq!(record.stacks["shop"].effects, None),
        }
    }
}
