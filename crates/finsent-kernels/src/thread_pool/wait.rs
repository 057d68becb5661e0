//! How a thread waits before it sleeps. The protocol is correct with any policy; the policy decides its speed.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread only spins. The gap between two jobs of a pass is under a microsecond; 20 microseconds also cover
/// a caller that was interrupted.
const SPIN: Duration = Duration::from_micros(20);
/// How long a thread stays awake. After [`SPIN`], it offers its core to any other thread that can run.
const STAY_AWAKE: Duration = Duration::from_micros(100);

/// A way of waiting for a condition without sleeping on a condition variable.
pub(super) trait WaitPolicy {
    /// Waits a while for `condition`. Returns whether it became true; if it did not, the caller goes to sleep.
    fn wait_awake(&self, condition: impl Fn() -> bool) -> bool;
}

/// How the threads of a pool wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Spins, then yields, then gives up: the next job comes soon.
    SpinThenSleep,
    /// Gives up at once: there are no jobs.
    Sleep,
}

impl WaitPolicy for Waiting {
    fn wait_awake(&self, condition: impl Fn() -> bool) -> bool {
        if *self == Self::Sleep {
            return condition();
        }
        let start = Instant::now();
        loop {
            for _ in 0..16 {
                if condition() {
                    return true;
                }
                hint::spin_loop();
            }
            match start.elapsed() {
                waited if waited < SPIN => (),
                waited if waited < STAY_AWAKE => thread::yield_now(),
                _ => return false,
            }
        }
    }
}
