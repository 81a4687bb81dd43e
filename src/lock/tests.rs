//! The protocol against a store whose clock can be moved, and whose calls can be kept from happening.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use super::lease::take_in;
use super::record::Record;
use super::store::Store;
use super::*;

/// Seconds of both clocks at the start.
const START: u64 = 1_800_000_000;

type Hook<'a> = Box<dyn FnOnce(&Fake<'a>) + 'a>;

/// Parameters of one stack. A pause moves the clocks.
#[derive(Default)]
struct Fake<'a> {
    there: RefCell<BTreeMap<u64, Record>>,
    wall: Cell<u64>,
    running: Cell<u64>,
    told: RefCell<Vec<String>>,
    /// Refuses the next calls of these operations.
    broken: RefCell<Vec<&'static str>>,
    /// What others do before the next call of an operation.
    before: RefCell<Vec<(&'static str, Hook<'a>)>>,
    /// An `add` takes effect and its answer is lost.
    deaf: Cell<bool>,
}

fn fake<'a>() -> Fake<'a> {
    let fake = Fake::default();
    fake.wall.set(START);
    fake
}

impl<'a> Fake<'a> {
    fn before(&self, op: &'static str, hook: impl FnOnce(&Fake<'a>) + 'a) {
        self.before.borrow_mut().push((op, Box::new(hook)));
    }

    fn called(&self, op: &'static str) -> Result<(), CallError> {
        let at = self.before.borrow().iter().position(|(name, _)| *name == op);
        let hook = at.map(|at| self.before.borrow_mut().remove(at).1);
        if let Some(hook) = hook {
            hook(self);
        }
        if self.broken.borrow().contains(&op) {
            return Err(CallError::local(op, "broken"));
        }
        Ok(())
    }

    fn pass(&self, seconds: u64) {
        self.wall.set(self.wall.get() + seconds);
        self.running.set(self.running.get() + seconds);
    }

    fn generations(&self) -> Vec<u64> {
        self.there.borrow().keys().copied().collect()
    }

    fn state(&self, generation: u64) -> record::State {
        self.there.borrow().get(&generation).unwrap().state
    }

    /// Somebody else takes the lock and gives it back, and cleans up as the next holder does.
    fn held_by_others(&self, from: u64, to: u64) {
        for generation in from..=to {
            let record = Record::new(format!("{generation}-other"), owner("other"), 0, 0).freed(0);
            self.there.borrow_mut().insert(generation, record);
        }
        self.there.borrow_mut().retain(|generation, _| *generation >= to);
    }
}

impl Store for Fake<'_> {
    async fn list(&self, _: &str) -> Result<BTreeMap<u64, Record>, CallError> {
        self.called("list")?;
        Ok(self.there.borrow().clone())
    }

    async fn add(&self, _: &str, generation: u64, record: &Record) -> Result<bool, CallError> {
        self.called("add")?;
        let free = !self.there.borrow().contains_key(&generation);
        if free {
            self.there.borrow_mut().insert(generation, record.clone());
        }
        if self.deaf.take() {
            return Err(CallError { unanswered: true, ..CallError::local("ssm:PutParameter", "no answer") });
        }
        Ok(free)
    }

    async fn overwrite(&self, _: &str, generation: u64, record: &Record) -> Result<(), CallError> {
        self.called("overwrite")?;
        self.there.borrow_mut().insert(generation, record.clone());
        Ok(())
    }

    async fn delete(&self, _: &str, generations: &[u64]) -> Result<(), CallError> {
        self.called("delete")?;
        self.there.borrow_mut().retain(|generation, _| !generations.contains(generation));
        Ok(())
    }

    fn now(&self) -> u64 {
        self.wall.get()
    }

    fn running(&self) -> Duration {
        Duration::from_secs(self.running.get())
    }

    async fn pause(&self, length: Duration) {
        // Others get their turn, so that a select sees what is ready first.
        tokio::task::yield_now().await;
        self.pass(length.as_secs().max(1));
    }

    fn tell(&self, line: &str) {
        self.told.borrow_mut().push(line.to_owned());
    }
}

fn owner(who: &str) -> Owner {
    Owner { who: who.to_owned(), what: "apply".to_owned(), run: String::new() }
}

async fn taken(store: &Fake<'_>, who: &str) -> Result<Lease, LockError> {
    let seen = look_in(store, "web").await?;
    take_in(store, TERMS, "web", &seen, &owner(who), format!("id-{who}")).await
}

#[tokio::test]
async fn the_first_one_gets_the_lock_and_the_second_is_told_who_has_it() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    let Err(LockError::Held(holder)) = taken(&store, "two").await else { panic!("two got it, too") };
    assert_eq!((holder.id.as_str(), holder.owner.who.as_str()), ("id-one", "one"));
    assert_eq!((holder.since, holder.expires), (START, START + 900));
    lease.release_in(&store, Duration::ZERO).await.unwrap();
    taken(&store, "two").await.unwrap();
    // The newest generation stays, so that the counter does not go back; older ones go.
    assert_eq!(store.generations(), [2]);
}

#[tokio::test]
async fn of_two_who_saw_it_free_one_gets_it() {
    let store = fake();
    let seen = look_in(&store, "web").await.unwrap();
    take_in(&store, TERMS, "web", &seen, &owner("one"), "1".to_owned()).await.unwrap();
    let second = take_in(&store, TERMS, "web", &seen, &owner("two"), "2".to_owned()).await;
    assert!(matches!(second, Err(LockError::Held(holder)) if holder.owner.who == "one"));
}

#[tokio::test]
async fn who_saw_it_free_before_others_held_it_must_plan_again() {
    let store = fake();
    let seen = look_in(&store, "web").await.unwrap();
    taken(&store, "one").await.unwrap().release_in(&store, Duration::ZERO).await.unwrap();
    let late = take_in(&store, TERMS, "web", &seen, &owner("two"), "2".to_owned()).await;
    assert!(matches!(late, Err(LockError::Moved)), "{late:?}");
}

/// The name of the next generation is free again, because later holders cleaned up: it must not be taken for a sign that
/// nobody held the lock.
#[tokio::test]
async fn a_generation_that_was_cleaned_up_is_not_taken_again() {
    let store = fake();
    store.held_by_others(1, 4);
    let seen = look_in(&store, "web").await.unwrap();
    store.held_by_others(5, 7);
    let late = take_in(&store, TERMS, "web", &seen, &owner("late"), "late".to_owned()).await;
    assert!(matches!(late, Err(LockError::Moved)), "{late:?}");
    assert_eq!(store.generations(), [7], "what was made in error is left");
}

#[tokio::test]
async fn somebody_who_comes_between_the_making_and_the_check_keeps_the_lock() {
    let store = fake();
    let seen = look_in(&store, "web").await.unwrap();
    store.before("list", |store| store.held_by_others(1, 3));
    let late = take_in(&store, TERMS, "web", &seen, &owner("late"), "late".to_owned()).await;
    assert!(matches!(late, Err(LockError::Moved)), "{late:?}");
}

#[tokio::test]
async fn an_expired_lease_is_free_and_one_that_is_renewed_is_not() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    store.pass(899);
    assert!(look_in(&store, "web").await.unwrap().holder.is_some());
    store.pass(1);
    assert_eq!(look_in(&store, "web").await.unwrap().holder, None);
    drop(lease);
    let lease = taken(&store, "two").await.unwrap();
    let limited = async {
        while store.now() < START + 900 + 3600 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        lost = lease.keep_in(&store) => panic!("{lost}"),
        () = limited => {}
    }
    assert!(look_in(&store, "web").await.unwrap().holder.is_some(), "it was not renewed for an hour");
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_is_lost_before_it_expires() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    store.broken.borrow_mut().push("overwrite");
    let lost = lease.keep_in(&store).await;
    assert!(lost.why.contains("could not be renewed: overwrite failed: broken"), "{lost}");
    assert!(store.now() >= START + 780, "lost after {} s", store.now() - START);
    assert!(look_in(&store, "web").await.unwrap().holder.is_some(), "somebody else could have taken it");
    // What is lost is not written any more.
    store.broken.borrow_mut().clear();
    store.held_by_others(2, 2);
    lease.release_in(&store, Duration::ZERO).await.unwrap();
    assert_eq!(store.generations(), [2]);
}

#[tokio::test]
async fn a_short_trouble_is_survived() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    store.broken.borrow_mut().push("list");
    let mended = async {
        while store.now() < START + 600 {
            tokio::task::yield_now().await;
        }
        store.broken.borrow_mut().clear();
        while store.now() < START + 3600 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        lost = lease.keep_in(&store) => panic!("{lost}"),
        () = mended => {}
    }
}

/// The clock of a machine that sleeps goes on, and the process does not notice until it runs again.
#[tokio::test]
async fn a_process_that_slept_has_lost_its_lease() {
    for sleeps in ["wall", "running"] {
        let store = fake();
        let lease = taken(&store, "one").await.unwrap();
        match sleeps {
            "wall" => store.wall.set(START + 800),
            _ => store.running.set(800),
        }
        let limited = async {
            while store.now() < START + 3600 {
                tokio::task::yield_now().await;
            }
        };
        let lost = tokio::select! {
            lost = lease.keep_in(&store) => lost,
            () = limited => panic!("{sleeps}: it was kept"),
        };
        assert!(lost.why.contains("did not run for too long"), "{sleeps}: {lost}");
    }
}

#[tokio::test]
async fn a_holder_learns_that_its_lock_was_taken_away() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    let seen = look_in(&store, "web").await.unwrap();
    assert!(unlock_in(&store, "web", &seen, &owner("admin")).await.unwrap());
    assert_eq!(look_in(&store, "web").await.unwrap(), Glance { generation: 2, holder: None });
    // Nobody can take it away a second time by the same look.
    assert!(!unlock_in(&store, "web", &seen, &owner("admin")).await.unwrap());
    let lost = lease.keep_in(&store).await;
    assert!(lost.why.contains("by admin"), "{lost}");
    assert!(store.now() <= START + 200, "learned after {} s", store.now() - START);
    assert_eq!(store.state(2), record::State::Free);
}

#[tokio::test]
async fn a_parameter_that_was_deleted_by_hand_is_not_made_again() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    store.there.borrow_mut().clear();
    let lost = lease.keep_in(&store).await;
    assert!(lost.why.contains("deleted"), "{lost}");
    assert_eq!(store.generations(), [0_u64; 0]);
}

#[tokio::test]
async fn a_taking_whose_answer_was_lost_is_a_taking() {
    let store = fake();
    store.deaf.set(true);
    taken(&store, "one").await.unwrap();
    // The second try of the SDK finds the name taken, by itself.
    let store = fake();
    store.before("add", |store| {
        let mine = Record::new("id-one".to_owned(), owner("one"), START, START + 900);
        store.there.borrow_mut().insert(1, mine);
    });
    taken(&store, "one").await.unwrap();
}

#[tokio::test]
async fn a_taking_that_cannot_be_checked_keeps_nobody_out() {
    let store = fake();
    let seen = look_in(&store, "web").await.unwrap();
    store.broken.borrow_mut().push("list");
    let failed = take_in(&store, TERMS, "web", &seen, &owner("one"), "1".to_owned()).await;
    assert!(matches!(failed, Err(LockError::Call(_))), "{failed:?}");
    assert_eq!(store.state(1), record::State::Free);
}

#[tokio::test]
async fn whoever_waits_is_told_for_whom_and_gets_a_new_look() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    let gone = until_free_in(&store, "web", Duration::from_secs(30)).await;
    assert!(matches!(gone, Err(LockError::Held(_))), "{gone:?}");
    assert_eq!(store.now(), START + 30);
    assert_eq!(*store.told.borrow(), ["web is locked by one (apply); waiting for it for at most 30 s"]);
    let freed = async {
        while store.now() < START + 40 {
            tokio::task::yield_now().await;
        }
        lease.release_in(&store, Duration::ZERO).await.unwrap();
        std::future::pending::<()>().await;
    };
    let seen = tokio::select! {
        seen = until_free_in(&store, "web", Duration::from_mins(10)) => seen.unwrap(),
        () = freed => unreachable!(),
    };
    assert_eq!(seen, Glance { generation: 1, holder: None });
    assert!(store.now() < START + 60, "noticed after {} s", store.now() - START);
}

#[tokio::test]
async fn a_lock_with_calls_under_way_is_given_back_a_little_later() {
    let store = fake();
    let lease = taken(&store, "one").await.unwrap();
    lease.release_in(&store, Duration::from_mins(1)).await.unwrap();
    store.pass(59);
    assert!(look_in(&store, "web").await.unwrap().holder.is_some());
    store.pass(1);
    assert_eq!(look_in(&store, "web").await.unwrap().holder, None);
}

#[test]
fn what_is_read_back_is_one_line_of_bounded_length() {
    let record = Record::new("1-a".to_owned(), owner("x\n::error::y\u{1b}[31m"), 5, 6);
    let value = serde_json::to_string(&record).unwrap();
    let read = Record::read(1, &value, 0, 900);
    assert_eq!(read.owner.who, "x ::error::y [31m");
    let long = Record::new("1-a".to_owned(), owner(&"é".repeat(9000)), 5, 6);
    assert!(long.write().len() < 4096);
    assert_eq!(Record::read(1, &long.write(), 0, 900).owner.who.chars().count(), 300);
}

#[test]
fn a_value_that_cannot_be_read_locks_for_one_lease_from_when_it_was_written() {
    let record = Record::read(7, "what?", START, 900);
    assert_eq!(record.holder().id, "7-unreadable");
    assert!(record.is_held(START + 899) && !record.is_held(START + 900));
}
