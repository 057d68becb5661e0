//! The atomics and locks of the protocol: those of the standard library, or loom's where loom checks the protocol.

use std::sync::{LockResult, PoisonError};

#[cfg(not(all(test, loom)))]
pub(super) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering},
};

#[cfg(all(test, loom))]
pub(super) use self::modeled::{AtomicBool, AtomicU64, AtomicUsize};
#[cfg(all(test, loom))]
pub(super) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicPtr, Ordering},
};

/// Takes a lock even if a thread panicked while it held it: the data behind the locks of this pool is never left
/// half-changed.
pub(super) fn ignore_poison<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// Loom's atomics with sequentially consistent accesses.
///
/// Loom runs a `SeqCst` access as `AcqRel` and would report lost wake-ups that cannot happen. It does model `SeqCst`
/// fences, so a `SeqCst` store or read-modify-write gets a fence after it. That is how compilers for x86 map such
/// accesses: a weaker store is caught, a weaker load is not.
#[cfg(all(test, loom))]
mod modeled {
    use loom::sync::atomic::{self, Ordering, fence};

    fn fence_after<T>(order: Ordering, result: T) -> T {
        if order == Ordering::SeqCst {
            fence(Ordering::SeqCst);
        }
        result
    }

    macro_rules! atomic {
        ($name:ident, $value:ty) => {
            #[derive(Debug)]
            pub(in crate::thread_pool) struct $name(atomic::$name);

            impl $name {
                pub(in crate::thread_pool) fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }

                pub(in crate::thread_pool) fn load(&self, order: Ordering) -> $value {
                    self.0.load(order)
                }

                pub(in crate::thread_pool) fn store(&self, value: $value, order: Ordering) {
                    fence_after(order, self.0.store(value, order));
                }
            }
        };
    }
    atomic!(AtomicBool, bool);
    atomic!(AtomicU64, u64);
    atomic!(AtomicUsize, usize);

    impl AtomicU64 {
        pub(in crate::thread_pool) fn compare_exchange_weak(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            self.0.compare_exchange_weak(current, new, success, failure)
        }
    }

    impl AtomicUsize {
        pub(in crate::thread_pool) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
            fence_after(order, self.0.fetch_add(value, order))
        }

        pub(in crate::thread_pool) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
            fence_after(order, self.0.fetch_sub(value, order))
        }
    }
}
