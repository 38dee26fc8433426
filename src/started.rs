//! A thread that is given something to work with.

use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};

/// Has a thread of this name do `work` with `given`; what it returns is there for who joins it.
///
/// # Errors
///
/// `given` comes back where there can be no thread.
pub(crate) fn start<G, R>(
    name: &str,
    given: G,
    work: impl FnOnce(G) -> R + Send + 'static,
) -> Result<JoinHandle<Option<R>>, G>
where
    G: Send + 'static,
    R: Send + 'static,
{
    // Handed over once the thread is there, so that it is not lost if there can be none.
    let (hand, over) = channel();
    let builder = Builder::new().name(name.to_owned());
    let Ok(thread) = builder.spawn(move || over.recv().ok().map(work)) else {
        return Err(given);
    };
    // The thread waits for it.
    let _ = hand.send(given);
    Ok(thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_works_with_what_it_is_given() {
        let thread = start("doubles", vec![1, 2], |numbers| numbers.repeat(2));
        let doubled = thread.map(|thread| thread.join().ok().flatten());
        assert_eq!(doubled.ok(), Some(Some(vec![1, 2, 1, 2])));
    }
}
