//! Questions that several ask at the same time, put to AWS in one call.
//!
//! Callers ask for one key each. Who finds no open batch opens one and leads it: it waits a moment for others, closes the batch
//! and makes the call. A batch holds as many keys as the call takes; who comes later opens the next one. Nothing is kept: an
//! answer goes to those who asked before its call was made, so that a read after a write sees the write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::wait::sleep;
use crate::model::CallError;

/// How long a batch stays open for others: short beside a call (tens of milliseconds), long enough for reads that start together.
const OPEN: Duration = Duration::from_millis(4);

/// A call that answers for many keys. `S` is what the keys of one call must share, such as the cluster of services.
#[derive(Debug)]
pub struct Batcher<S, K, V> {
    /// How many keys a call takes.
    max: usize,
    open: Mutex<BTreeMap<S, Arc<Batch<K, V>>>>,
}

#[derive(Debug)]
struct Batch<K, V> {
    keys: Mutex<BTreeSet<K>>,
    answer: OnceCell<Answer<K, V>>,
}

/// What a call found; who is not in it was not found.
pub type Answer<K, V> = Result<BTreeMap<K, V>, CallError>;

impl<S: Ord + Clone, K: Ord + Clone, V: Clone> Batcher<S, K, V> {
    /// Of a call that takes up to `max` keys.
    pub fn new(max: usize) -> Self {
        Self { max, open: Mutex::new(BTreeMap::new()) }
    }

    /// What `ask` finds for `key`, asked together with the keys of others; `None` when it finds nothing. A failure is a failure
    /// for all, unless its code is one of `alone`: a key that does not exist, which fails the call for all the others too. Then
    /// each asks for its own key.
    ///
    /// Who goes away while it leads a batch leaves that to the next one in it.
    pub async fn get<F>(
        &self,
        shared: S,
        key: K,
        alone: &[&str],
        ask: impl Fn(BTreeSet<K>) -> F,
    ) -> Result<Option<V>, CallError>
    where
        F: Future<Output = Answer<K, V>>,
    {
        let batch = self.join(&shared, &key);
        let lead = || async {
            sleep(OPEN).await;
            ask(self.close(&shared, &batch)).await
        };
        match batch.answer.get_or_init(lead).await {
            Ok(found) => Ok(found.get(&key).cloned()),
            Err(error) if lock(&batch.keys).len() > 1 && alone.contains(&error.code.as_str()) => {
                Ok(ask(BTreeSet::from([key.clone()])).await?.remove(&key))
            }
            Err(error) => Err(error.clone()),
        }
    }

    /// The open batch, or a new one.
    fn join(&self, shared: &S, key: &K) -> Arc<Batch<K, V>> {
        let mut open = lock(&self.open);
        if let Some(batch) = open.get(shared) {
            let mut keys = lock(&batch.keys);
            if keys.contains(key) || keys.len() < self.max {
                keys.insert(key.clone());
                return Arc::clone(batch);
            }
        }
        let keys = Mutex::new(BTreeSet::from([key.clone()]));
        let batch = Arc::new(Batch { keys, answer: OnceCell::new() });
        open.insert(shared.clone(), Arc::clone(&batch));
        batch
    }

    /// Lets nobody join any more.
    fn close(&self, shared: &S, batch: &Arc<Batch<K, V>>) -> BTreeSet<K> {
        let mut open = lock(&self.open);
        if open.get(shared).is_some_and(|one| Arc::ptr_eq(one, batch)) {
            open.remove(shared);
        }
        lock(&batch.keys).clone()
    }
}

/// A thread that panics holding one of these locks ends the process.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Calls = Mutex<Vec<Vec<u32>>>;

    fn batcher() -> Batcher<&'static str, u32, String> {
        Batcher::new(3)
    }

    /// Answers for even keys, and notes what it was asked.
    async fn even(calls: &Calls, keys: BTreeSet<u32>) -> Answer<u32, String> {
        lock(calls).push(keys.iter().copied().collect());
        sleep(Duration::from_millis(20)).await;
        Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, format!("v{key}"))).collect())
    }

    /// Calls that are made at once have no order.
    fn sorted(calls: &Calls) -> Vec<Vec<u32>> {
        let mut calls = lock(calls).clone();
        calls.sort();
        calls
    }

    async fn failing(calls: &Calls, keys: BTreeSet<u32>, code: &str) -> Answer<u32, String> {
        if keys.contains(&1) {
            lock(calls).push(keys.into_iter().collect());
            return Err(CallError {
                code: code.to_owned(),
                ..CallError::local("ecs:DescribeServices", "no")
            });
        }
        even(calls, keys).await
    }

    #[tokio::test]
    async fn keys_that_are_asked_for_together_take_one_call() {
        let (batcher, calls) = (batcher(), Calls::default());
        let get = |key| batcher.get("a", key, &[], |keys| even(&calls, keys));
        let (two, three, four) = tokio::join!(get(2), get(3), get(4));
        assert_eq!((two, three, four), (Ok(Some("v2".into())), Ok(None), Ok(Some("v4".into()))));
        assert_eq!(*lock(&calls), [vec![2, 3, 4]]);
    }

    #[tokio::test]
    async fn more_keys_than_a_call_takes_are_split_and_a_key_twice_counts_once() {
        let (batcher, calls) = (batcher(), Calls::default());
        let get = |key| batcher.get("a", key, &[], |keys| even(&calls, keys));
        let all = tokio::join!(get(1), get(2), get(2), get(3), get(4), get(5));
        assert_eq!((all.2, all.4), (Ok(Some("v2".into())), Ok(Some("v4".into()))));
        assert_eq!(sorted(&calls), [vec![1, 2, 3], vec![4, 5]]);
    }

    #[tokio::test]
    async fn keys_that_share_nothing_are_asked_apart() {
        let (batcher, calls) = (batcher(), Calls::default());
        let get = |shared, key| batcher.get(shared, key, &[], |keys| even(&calls, keys));
        let _ = tokio::join!(get("a", 1), get("b", 2), get("a", 3));
        assert_eq!(sorted(&calls), [vec![1, 3], vec![2]]);
    }

    #[tokio::test]
    async fn an_error_is_everybodys() {
        let (batcher, calls) = (batcher(), Calls::default());
        let get = |key| batcher.get("a", key, &["NotFound"], |keys| failing(&calls, keys, "Throttled"));
        let (one, two) = tokio::join!(get(1), get(2));
        assert_eq!(two.as_ref().map_err(|error| error.code.as_str()), Err("Throttled"));
        assert_eq!(one, two);
        assert_eq!(lock(&calls).len(), 1);
    }

    #[tokio::test]
    async fn one_that_does_not_exist_spoils_nothing_for_the_others() {
        let (batcher, calls) = (batcher(), Calls::default());
        let get = |key| batcher.get("a", key, &["NotFound"], |keys| failing(&calls, keys, "NotFound"));
        let (one, two) = tokio::join!(get(1), get(2));
        assert_eq!(one.map_err(|error| error.code), Err("NotFound".to_owned()));
        assert_eq!(two, Ok(Some("v2".into())));
        assert_eq!(sorted(&calls), [vec![1], vec![1, 2], vec![2]]);
    }

    #[tokio::test]
    async fn nothing_is_kept_for_who_asks_later() {
        let (batcher, calls) = (batcher(), Calls::default());
        let get = |key| batcher.get("a", key, &[], |keys| even(&calls, keys));
        let _ = get(2).await;
        let _ = get(2).await;
        // While a call is on its way its answer may be older than a write that has just ended.
        let late = async {
            while lock(&calls).len() < 3 {
                sleep(Duration::from_millis(1)).await;
            }
            get(4).await
        };
        let _ = tokio::join!(get(4), late);
        assert_eq!(*lock(&calls), [vec![2], vec![2], vec![4], vec![4]]);
    }

    #[tokio::test]
    async fn the_others_get_their_answer_when_the_first_one_goes_away() {
        for while_the_call_is_made in [false, true] {
            let (batcher, calls) = (batcher(), Calls::default());
            let first_never_ends = |keys| async {
                if while_the_call_is_made && lock(&calls).is_empty() {
                    lock(&calls).push(Vec::new());
                    std::future::pending::<()>().await;
                }
                even(&calls, keys).await
            };
            let get = |key| batcher.get("a", key, &[], first_never_ends);
            let patience = if while_the_call_is_made { Duration::from_secs(1) } else { Duration::ZERO };
            let (gone, two) = tokio::join!(tokio::time::timeout(patience, get(1)), get(2));
            assert!(gone.is_err());
            assert_eq!(two, Ok(Some("v2".into())));
            assert_eq!(lock(&calls).last(), Some(&vec![1, 2]));
            assert!(lock(&batcher.open).is_empty());
        }
    }
}
