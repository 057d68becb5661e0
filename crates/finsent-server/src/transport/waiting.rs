//! The connections that wait at the acceptor, and which of them leaves first when there are too many.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::places::{Full, Place};

/// How long a connection that has sent nothing is kept before those that wait with a request. Its request may have been lost
/// on the way, as happens when memory for sockets is short, and is sent again after a fifth of a second or two.
const GRACE: Duration = Duration::from_secs(1);

/// All connections that wait at the acceptor.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: Cell<u64>,
    queues: RefCell<Queues>,
}

/// Connections from the oldest to the newest.
type Queue = BTreeMap<u64, Rc<Entry>>;

#[derive(Debug, Default)]
struct Queues {
    /// Those that have sent no whole head of a request.
    silent: Queue,
    /// Those whose request waits for a place at the workers.
    asking: Queue,
}

#[derive(Debug)]
struct Entry {
    since: Instant,
    listener: usize,
    address: Option<IpAddr>,
    evicted: Notify,
}

/// The entry of a connection that waits until this is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    waiting: Rc<Waiting>,
    id: u64,
    entry: Rc<Entry>,
}

impl Waiting {
    /// Adds a connection that has not asked for anything yet.
    pub(super) fn enter(self: &Rc<Self>, place: &Place, since: Instant) -> Ticket {
        let id = self.next.replace(self.next.get() + 1);
        let (listener, address) = (place.listener(), place.address());
        let entry = Rc::new(Entry { since, listener, address, evicted: Notify::new() });
        self.queues.borrow_mut().silent.insert(id, Rc::clone(&entry));
        Ticket { waiting: Rc::clone(self), id, entry }
    }

    /// Evicts one of the connections that fill up what is full: the oldest that has been silent for longer than
    /// [`GRACE`], or else the oldest with a request, or else the oldest.
    pub(super) fn evict_one(&self, full: Full, now: Instant) {
        let mut queues = self.queues.borrow_mut();
        let silent = oldest(&queues.silent, full);
        let is_late = silent.is_some_and(|(_, since)| now.duration_since(since) > GRACE);
        let asking = if is_late { None } else { oldest(&queues.asking, full) };
        let evicted = match (asking, silent) {
            (Some((id, _)), _) => queues.asking.remove(&id),
            (None, Some((id, _))) => queues.silent.remove(&id),
            (None, None) => None,
        };
        if let Some(entry) = evicted {
            entry.evicted.notify_one();
        }
    }
}

/// The connection in `queue` that has waited for longest of those that fill up what is full, and since when.
fn oldest(queue: &Queue, full: Full) -> Option<(u64, Instant)> {
    queue.iter().find(|(_, entry)| entry.is_in(full)).map(|(id, entry)| (*id, entry.since))
}

impl Entry {
    fn is_in(&self, full: Full) -> bool {
        match full {
            Full::All => true,
            Full::Listener(listener) => listener == self.listener,
            Full::Address(address) => Some(address) == self.address,
        }
    }
}

impl Ticket {
    /// The connection has sent a request, which waits for a place.
    pub(super) fn ask(&self) {
        let mut queues = self.waiting.queues.borrow_mut();
        if let Some(entry) = queues.silent.remove(&self.id) {
            queues.asking.insert(self.id, entry);
        }
    }

    /// Returns when the connection has been evicted.
    pub(super) async fn evicted(&self) {
        self.entry.evicted.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut queues = self.waiting.queues.borrow_mut();
        queues.silent.remove(&self.id);
        queues.asking.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::places::{Limits, Places};
    use super::*;

    const LONG: Duration = Duration::from_secs(2);

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    /// The number of the connection that is evicted.
    fn evict(waiting: &Waiting, tickets: &[(Ticket, Place)], full: Full, now: Instant) -> Option<usize> {
        waiting.evict_one(full, now);
        tickets.iter().position(|(ticket, _)| ticket.evicted().now_or_never().is_some())
    }

    #[test]
    fn the_oldest_of_what_is_full_is_evicted() {
        let (places, start) = (Places::new(Limits::for_files(Some(1024)).unwrap(), 2), Instant::now());
        let waiting = Rc::new(Waiting::default());
        let enter = |listener, address| {
            let (place, _) = places.take(listener, address);
            (waiting.enter(&place, start), place)
        };
        let tickets = [enter(0, peer(1)), enter(0, peer(2)), enter(1, None), enter(1, peer(2))];
        let evict = |full| evict(&waiting, &tickets, full, start + LONG);
        assert_eq!(evict(Full::Address(IpAddr::from([10, 0, 0, 2]))), Some(1));
        assert_eq!(evict(Full::Listener(1)), Some(2));
        assert_eq!(evict(Full::All), Some(0));
        drop(tickets);
        assert!(waiting.queues.borrow().silent.is_empty());
    }

    #[test]
    fn whoever_has_just_come_is_kept_before_those_with_a_request() {
        let (places, start) = (Places::new(Limits::for_files(Some(1024)).unwrap(), 1), Instant::now());
        let waiting = Rc::new(Waiting::default());
        let enter = |since| {
            let (place, _) = places.take(0, None);
            (waiting.enter(&place, since), place)
        };
        let tickets = [enter(start), enter(start), enter(start + LONG), enter(start + LONG)];
        tickets[1].0.ask();
        tickets[3].0.ask();
        let evict = || evict(&waiting, &tickets, Full::All, start + LONG);
        assert_eq!(evict(), Some(0), "it has been silent for too long");
        assert_eq!([evict(), evict()], [Some(1), Some(3)], "the third may not have been heard yet");
        assert_eq!([evict(), evict()], [Some(2), None]);
    }
}
