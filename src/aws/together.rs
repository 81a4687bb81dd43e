//! Several calls at once.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

/// Runs all of them at once and gives their results in the same order.
pub async fn all<T>(works: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    enum Work<F, T> {
        Going(Pin<Box<F>>),
        Done(T),
    }
    let mut works: Vec<Work<_, T>> = works.into_iter().map(|work| Work::Going(Box::pin(work))).collect();
    let mut ready = pin!(poll_fn(move |context| {
        let mut waiting = false;
        for work in &mut works {
            if let Work::Going(future) = work {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *work = Work::Done(value),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            return Poll::Pending;
        }
        let done = std::mem::take(&mut works).into_iter();
        Poll::Ready(
            done.filter_map(|work| if let Work::Done(value) = work { Some(value) } else { None }).collect(),
        )
    }));
    ready.as_mut().await
}
