//! The connections that wait at the acceptor, from the oldest to the newest.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use tokio::sync::Notify;

use super::places::{Full, Place};

/// All connections that wait at the acceptor.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: Cell<u64>,
    connections: RefCell<BTreeMap<u64, Rc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
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
    pub(super) fn enter(self: &Rc<Self>, place: &Place) -> Ticket {
        let id = self.next.replace(self.next.get() + 1);
        let entry = Rc::new(Entry { listener: place.listener(), address: place.address(), evicted: Notify::new() });
        self.connections.borrow_mut().insert(id, Rc::clone(&entry));
        Ticket { waiting: Rc::clone(self), id, entry }
    }

    /// Evicts the connection that has waited for longest of those that fill up what is full.
    pub(super) fn evict_oldest(&self, full: Full) {
        let mut connections = self.connections.borrow_mut();
        let oldest = connections.iter().find(|(_, entry)| entry.is_in(full)).map(|(id, _)| *id);
        if let Some(entry) = oldest.and_then(|id| connections.remove(&id)) {
            entry.evicted.notify_one();
        }
    }
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
    /// Returns when the connection has been evicted.
    pub(super) async fn evicted(&self) {
        self.entry.evicted.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.connections.borrow_mut().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::places::{Limits, Places};
    use super::*;

    #[test]
    fn the_oldest_of_what_is_full_is_evicted() {
        let places = Places::new(Limits::for_files(Some(1024)).unwrap(), 2);
        let waiting = Rc::new(Waiting::default());
        let peer = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
        let enter = |listener, address| {
            let (place, _) = places.take(listener, address);
            (waiting.enter(&place), place)
        };
        let tickets = [enter(0, peer(1)), enter(0, peer(2)), enter(1, None), enter(1, peer(2))];
        let evicted =
            || -> Vec<bool> { tickets.iter().map(|(ticket, _)| ticket.evicted().now_or_never().is_some()).collect() };
        waiting.evict_oldest(Full::Address(IpAddr::from([10, 0, 0, 2])));
        assert_eq!(evicted(), [false, true, false, false]);
        waiting.evict_oldest(Full::Listener(1));
        assert_eq!(evicted(), [false, false, true, false]);
        waiting.evict_oldest(Full::All);
        assert_eq!(evicted(), [true, false, false, false]);
        drop(tickets);
        assert!(waiting.connections.borrow().is_empty());
    }
}
