//! What the allocator of the command does with memory that is freed. `main.rs` installs it; a program that embeds the library,
//! and Python, have their own, which this does not touch.
//!
//! The system's allocators do not fit a service that is attacked in a small container. glibc's keeps what was freed: after
//! minutes of attacks, a server with a model of BERT-base's size in int8 had 275 MB instead of 147. musl's has one lock for
//! all threads and maps each large block anew, which costs a sixth of the requests a second. `docs/reliability.md` has the
//! figures. This one is C, as ring is.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc.h, for which the crate has no name.
const PURGE_DELAY: mi_option_t = 15;

/// From now on, memory that is freed goes back to the system at once, and not only when the thread that had allocated it
/// allocates again. In a service, threads often do not for a long time. Other commands end soon, and keep their memory: a
/// file of 20,000 rows takes 5 to 9 % more CPU when each block is given back and fetched again.
#[expect(unsafe_code, reason = "the allocator is configured in C")]
pub(super) fn give_memory_back() {
    // SAFETY: this sets a number, for which mimalloc allows any time and thread; it ignores an option that it does not know.
    unsafe { mi_option_set(PURGE_DELAY, 0) }
}
