//! Panics of third-party code become errors.
//!
//! Some libraries panic on malformed files. A model or a table may come from anywhere, so such a panic must not end the
//! process.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    /// True while this thread runs in `catch_panic`, which reports the panic as an error.
    static IS_CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and returns its result, or the message of its panic.
///
/// Drop what `work` was changing when it panicked: it may be half changed. The process's panic hook still runs and
/// usually prints the panic; see [`silence_caught_panics`].
///
/// # Errors
/// The message of the panic.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let was_catching = IS_CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IS_CATCHING.set(was_catching);
    result.map_err(|payload| message(&*payload))
}

/// Wraps the process's panic hook, so that it does not run for a panic that [`catch_panic`] turns into an error.
///
/// Programs call this once; libraries do not. Call it after you install a hook of your own.
pub fn silence_caught_panics() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !IS_CATCHING.get() {
            hook(panic);
        }
    }));
}

fn message(payload: &(dyn Any + Send)) -> String {
    let message =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    message.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        assert_eq!(catch_panic(|| 3), Ok(3));
        let number = 4;
        assert_eq!(catch_panic::<()>(|| panic!("at {number}")).unwrap_err(), "at 4");
        assert_eq!(catch_panic::<()>(|| panic!("at four")).unwrap_err(), "at four");
    }

    #[test]
    fn the_hook_runs_for_caught_panics_unless_they_are_silenced() {
        const MESSAGE: &str = "a panic of this test";
        let runs = Arc::new(AtomicUsize::new(0));
        let (count, default) = (Arc::clone(&runs), panic::take_hook());
        // Other tests panic at the same time; only this test's panics count.
        panic::set_hook(Box::new(move |panic| match panic.payload().downcast_ref::<&str>() {
            Some(&MESSAGE) => drop(count.fetch_add(1, Ordering::SeqCst)),
            _ => default(panic),
        }));
        catch_panic::<()>(|| panic::panic_any(MESSAGE)).unwrap_err();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        silence_caught_panics();
        catch_panic::<()>(|| panic::panic_any(MESSAGE)).unwrap_err();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        panic::catch_unwind(|| panic::panic_any(MESSAGE)).unwrap_err();
        assert_eq!(runs.load(Ordering::SeqCst), 2, "a panic that is not caught here still runs the hook");
    }
}
