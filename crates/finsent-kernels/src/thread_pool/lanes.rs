//! Threads that run the jobs of several callers at the same time, each thread those of one caller.
//!
//! Each caller has a lane: a [`Protocol`] of its own. A helper thread serves the lane that it is assigned to, and moves
//! when the assignment changes: it runs what is left of the job that it takes part in, and goes on in the other lane. An assignment is
//! one atomic word per helper, which is stored before the sleepers of the old lane are woken, so that the protocol's second
//! order makes sure that the helper sees it.
//!
//! Moving a helper needs no agreement with the callers, because a job is done by whoever claims its tasks: a helper that
//! comes late, or leaves early, changes how long a job takes, and never what it computes.

use crossbeam_utils::CachePadded;

use super::protocol::Protocol;
use super::sync::{AtomicUsize, Ordering};
use super::wait::WaitPolicy;

/// The assignment of a helper that is to end.
const END: usize = usize::MAX;

/// The lanes of all callers, and which helper serves which.
#[derive(Debug)]
pub(super) struct Lanes<W> {
    lanes: Vec<CachePadded<Protocol<W>>>,
    /// By helper: the index of its lane.
    assignments: Vec<CachePadded<AtomicUsize>>,
}

impl<W: WaitPolicy> Lanes<W> {
    /// A lane for each of `waits`. All helpers are assigned to the first one.
    pub(super) fn new(waits: impl IntoIterator<Item = W>, helpers: usize) -> Self {
        let lane = |wait| CachePadded::new(Protocol::new(wait));
        let assignment = |_| CachePadded::new(AtomicUsize::new(0));
        Self { lanes: waits.into_iter().map(lane).collect(), assignments: (0..helpers).map(assignment).collect() }
    }

    pub(super) fn lane(&self, lane: usize) -> &Protocol<W> {
        &self.lanes[lane]
    }

    pub(super) fn helpers(&self) -> usize {
        self.assignments.len()
    }

    /// The lane of a helper.
    pub(super) fn assignment(&self, helper: usize) -> usize {
        self.assignments[helper].load(Ordering::SeqCst)
    }

    /// Moves a helper to another lane.
    pub(super) fn assign(&self, helper: usize, lane: usize) {
        let old = self.assignment(helper);
        if old != lane && old != END {
            self.assignments[helper].store(lane, Ordering::SeqCst);
            self.lanes[old].wake_sleepers();
        }
    }

    /// Runs tasks until [`Lanes::close`]: the life of a helper thread. Callers are worker 0 of their lanes, and helpers the
    /// others.
    pub(super) fn serve(&self, helper: usize) {
        loop {
            let lane = self.assignment(helper);
            let Some(protocol) = self.lanes.get(lane) else { return };
            protocol.serve(helper + 1, || self.assignment(helper) == lane);
        }
    }

    /// Tells all helpers to return from [`Lanes::serve`]. Nobody assigns them from here on.
    pub(super) fn close(&self) {
        (0..self.helpers()).for_each(|helper| self.assign(helper, END));
    }
}

#[cfg(all(test, loom))]
mod model;
