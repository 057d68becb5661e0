//! Some libraries panic on files that they did not write themselves. A file may be anybody's: such a panic becomes an error
//! here.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is somebody's to tell as an error, so that it is not to be told where it happens.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or the library's last words. What a panic leaves half done may not be used again.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                tell(panic);
            }
        }));
    });
    let was_guarded = IS_GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(was_guarded);
    done.map_err(|payload| last_words(&*payload))
}

fn last_words(payload: &(dyn Any + Send)) -> String {
    let words =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    words.unwrap_or("it does not say why").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        assert_eq!(catch_panic(|| 3), Ok(3));
        let number = 4;
        assert_eq!(catch_panic::<()>(|| panic!("at {number}")).unwrap_err(), "at 4");
        assert_eq!(catch_panic::<()>(|| panic!("at four")).unwrap_err(), "at four");
    }
}
