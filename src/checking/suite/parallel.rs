//! Work on several items at a time, and results in order.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Items that may be begun, for each worker, while the result of an earlier one is not there.
const AHEAD: usize = 4;

/// Does `work` on items in up to `workers` threads and hands the results to `take`, in the
/// order of the items, each as soon as it is there. When `take` breaks, no other item is
/// begun.
///
/// # Panics
///
/// Those of `work`.
pub(crate) fn in_parallel<I: Sync, T: Send>(
    items: &[I],
    workers: usize,
    work: impl Fn(&I) -> T + Sync,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) {
    let workers = workers.clamp(1, items.len().max(1));
    let (give, waiting) = mpsc::channel::<usize>();
    let (done, results) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..workers {
            let done = done.clone();
            scope.spawn(|| {
                let done = done;
                while let Some(place) = next(&waiting) {
                    if enough.load(Ordering::Relaxed) {
                        break;
                    }
                    // A panic must not keep the others waiting.
                    let result = panic::catch_unwind(AssertUnwindSafe(|| work(&items[place])));
                    if done.send((place, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        // Goes when this is over, and with it what the workers wait for.
        let give = give;
        let mut places = 0..items.len();
        let mut early = BTreeMap::new();
        for place in places.by_ref().take(workers * AHEAD) {
            let _ = give.send(place);
        }
        for place in 0..items.len() {
            while !early.contains_key(&place) {
                let Ok((place, result)) = results.recv() else {
                    return;
                };
                early.insert(place, result);
            }
            let flow = match early.remove(&place) {
                Some(Ok(result)) => take(result),
                Some(Err(panic)) => {
                    enough.store(true, Ordering::Relaxed);
                    panic::resume_unwind(panic);
                }
                None => ControlFlow::Break(()),
            };
            if flow.is_break() {
                enough.store(true, Ordering::Relaxed);
                return;
            }
            if let Some(next) = places.next() {
                let _ = give.send(next);
            }
        }
    });
}

/// The next place to work on; `None` when there is none any more.
fn next(waiting: &Mutex<mpsc::Receiver<usize>>) -> Option<usize> {
    let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn all(items: &[u32], workers: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        in_parallel(
            items,
            workers,
            |item| item * 2,
            |result| {
                taken.push(result);
                ControlFlow::Continue(())
            },
        );
        taken
    }

    #[test]
    fn results_come_in_order_whatever_the_number_of_workers() {
        let items: Vec<_> = (0..100).collect();
        let expected: Vec<_> = items.iter().map(|item| item * 2).collect();
        for workers in [0, 1, 2, 7, 1_000] {
            assert_eq!(all(&items, workers), expected, "{workers} workers");
        }
        assert!(all(&[], 2).is_empty());
    }

    #[test]
    fn a_later_result_waits_for_an_earlier_one() {
        // The first item is done only when the second one is.
        let both = Barrier::new(2);
        let finished = AtomicUsize::new(0);
        let mut taken = Vec::new();
        in_parallel(
            &[0, 1],
            2,
            |item| {
                if *item == 1 {
                    finished.fetch_add(1, Ordering::SeqCst);
                }
                both.wait();
                (*item, finished.load(Ordering::SeqCst))
            },
            |result| {
                taken.push(result);
                ControlFlow::Continue(())
            },
        );
        assert_eq!(taken, [(0, 1), (1, 1)]);
    }

    #[test]
    fn nothing_is_begun_far_ahead_or_after_the_end() {
        let begun = AtomicUsize::new(0);
        let items = [(); 1_000];
        let mut taken = 0;
        in_parallel(
            &items,
            2,
            |()| begun.fetch_add(1, Ordering::SeqCst),
            |_| {
                let so_far = begun.load(Ordering::SeqCst);
                assert!(so_far <= taken + 2 * AHEAD, "{so_far} begun, {taken} taken");
                taken += 1;
                if taken == 10 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        assert_eq!(taken, 10);
        assert!(begun.into_inner() <= 10 + 2 * AHEAD);
    }

    #[test]
    #[should_panic(expected = "item 3")]
    fn a_panic_is_handed_on() {
        in_parallel(
            &[1, 2, 3, 4, 5],
            2,
            |item| assert!(*item != 3, "item {item}"),
            |()| ControlFlow::Continue(()),
        );
    }
}
