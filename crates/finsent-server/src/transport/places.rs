//! How many connections there may be: in all, per listener and per address.
//!
//! Every open connection takes a place. Connections that wait at the acceptor can be evicted for newer ones, so a flood of
//! them cannot shut others out. Connections at a worker cannot, so there may be fewer of them: the rest is the reserve, from
//! which probes are answered.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Files that are open besides the connections: models, runtimes, the log, and what reading /proc takes.
const OTHER_FILES: usize = 64;
/// The fewest connections to start with, half of them in reserve.
const MIN_CONNECTIONS: usize = 2 * MIN_RESERVE;
/// The most connections, for systems without a limit on files: each takes memory too.
const MAX_CONNECTIONS: usize = 40_000;
/// The reserve is an eighth of all places, within these limits.
const MIN_RESERVE: usize = 8;
const MAX_RESERVE: usize = 256;

/// An address, and one listener of several, get at most three quarters of the places, so that none shuts the others out.
const fn share(places: usize) -> usize {
    places - places / 4
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    open: usize,
    /// Those at workers.
    admitted: usize,
}

/// There are too few file descriptors to serve with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFewFiles {
    pub(crate) needed: usize,
}

impl Limits {
    /// The limits for a process that may have so many open files; `None` if there is no limit.
    pub(crate) fn for_files(files: Option<u64>) -> Result<Self, TooFewFiles> {
        let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
        let open = files.saturating_sub(OTHER_FILES).min(MAX_CONNECTIONS);
        if open < MIN_CONNECTIONS {
            return Err(TooFewFiles { needed: OTHER_FILES + MIN_CONNECTIONS });
        }
        Ok(Self { open, admitted: open - (open / 8).clamp(MIN_RESERVE, MAX_RESERVE) })
    }
}

/// All places, and who has them.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Limits,
    counts: Mutex<Counts>,
    /// Changes when a connection ends.
    freed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Counts {
    all: Count,
    listeners: Vec<Count>,
    addresses: HashMap<IpAddr, Count>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    open: usize,
    admitted: usize,
}

/// What has no free place for another open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Listener(usize),
    Address(IpAddr),
}

/// The place of a connection. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    listener: usize,
    address: Option<IpAddr>,
    is_admitted: bool,
}

impl Places {
    pub(crate) fn new(limits: Limits, listeners: usize) -> Arc<Self> {
        let counts = Counts { listeners: vec![Count::default(); listeners], ..Counts::default() };
        Arc::new(Self { limits, counts: Mutex::new(counts), freed: watch::Sender::new(()) })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is no place for another connection.
    pub(super) fn is_full(&self) -> bool {
        self.counts().all.open >= self.limits.open
    }

    /// Takes a place, and says what is full with it. Whoever takes it then evicts a connection.
    pub(super) fn take(self: &Arc<Self>, listener: usize, peer: Option<IpAddr>) -> (Place, Option<Full>) {
        let address = peer.map(network);
        let place = Place { places: Arc::clone(self), listener, address, is_admitted: false };
        let full = self.counts().change(&place, self.limits.open, |count| &mut count.open);
        (place, full)
    }

    /// Changes when a connection ends.
    pub(super) fn freed(&self) -> watch::Receiver<()> {
        self.freed.subscribe()
    }
}

impl Counts {
    /// Adds one to the counts of a place. Returns which of them is now at its limit.
    fn change(&mut self, place: &Place, limit: usize, of: fn(&mut Count) -> &mut usize) -> Option<Full> {
        let add = |count: &mut Count, limit: usize| {
            *of(count) += 1;
            *of(count) >= limit
        };
        let listeners = self.listeners.len();
        let all = add(&mut self.all, limit).then_some(Full::All);
        let of_listener = if listeners > 1 { share(limit) } else { limit };
        let listener = add(&mut self.listeners[place.listener], of_listener).then_some(Full::Listener(place.listener));
        let address = place.address.and_then(|address| {
            let count = self.addresses.entry(address).or_default();
            add(count, share(limit)).then_some(Full::Address(address))
        });
        address.or(listener).or(all)
    }
}

impl Place {
    /// Admits the connection to a worker, if there is a place there. A connection that is admitted stays so.
    pub(super) fn admit(&mut self) -> bool {
        let mut counts = self.places.counts();
        let limit = self.places.limits.admitted;
        let of_listener = if counts.listeners.len() > 1 { share(limit) } else { limit };
        let of_address =
            self.address.and_then(|address| counts.addresses.get(&address)).map_or(0, |count| count.admitted);
        let is_free = counts.all.admitted < limit
            && counts.listeners[self.listener].admitted < of_listener
            && of_address < share(limit);
        if is_free && !self.is_admitted {
            counts.change(self, limit, |count| &mut count.admitted);
            drop(counts);
            self.is_admitted = true;
        }
        self.is_admitted
    }

    /// Gives up the place at the workers.
    pub(super) fn leave_worker(&mut self) {
        if !self.is_admitted {
            return;
        }
        self.is_admitted = false;
        let mut counts = self.places.counts();
        counts.all.admitted -= 1;
        counts.listeners[self.listener].admitted -= 1;
        if let Some(count) = self.address.and_then(|address| counts.addresses.get_mut(&address)) {
            count.admitted -= 1;
        }
        drop(counts);
        self.places.freed.send_replace(());
    }

    /// Admits the connection to a worker as soon as there is a place.
    pub(super) async fn admitted(&mut self) {
        let mut freed = self.places.freed();
        while !self.admit() {
            // The sender lives as long as the places, so there is no error.
            freed.changed().await.unwrap_or_default();
        }
    }

    pub(super) fn listener(&self) -> usize {
        self.listener
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.places.counts();
        let leave = |count: &mut Count| {
            count.open -= 1;
            count.admitted -= usize::from(self.is_admitted);
        };
        leave(&mut counts.all);
        leave(&mut counts.listeners[self.listener]);
        if let Some(address) = self.address
            && let Some(count) = counts.addresses.get_mut(&address)
        {
            leave(count);
            if count.open == 0 {
                counts.addresses.remove(&address);
            }
        }
        drop(counts);
        self.places.freed.send_replace(());
    }
}

/// What counts as one address. In IPv6 a single host usually has a network of 64 bits to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: u64, listeners: usize) -> Arc<Places> {
        Places::new(Limits::for_files(Some(files)).unwrap(), listeners)
    }

    #[test]
    fn the_limits_follow_from_the_files_and_too_few_are_an_error() {
        assert_eq!(Limits::for_files(Some(20)), Err(TooFewFiles { needed: 80 }));
        assert_eq!(Limits::for_files(Some(79)), Err(TooFewFiles { needed: 80 }));
        assert_eq!(Limits::for_files(Some(80)), Ok(Limits { open: 16, admitted: 8 }));
        assert_eq!(Limits::for_files(Some(1024)), Ok(Limits { open: 960, admitted: 840 }));
        assert_eq!(Limits::for_files(None), Ok(Limits { open: 40_000, admitted: 39_744 }));
    }

    #[test]
    fn an_address_and_a_listener_leave_a_quarter_to_others() {
        let places = places(164, 2);
        let (first, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let mut held: Vec<Place> = Vec::new();
        let mut take = |listener, address| {
            let (place, full) = places.take(listener, address);
            held.push(place);
            full
        };
        assert!((0..74).all(|_| take(0, Some(first)).is_none()), "fewer than three quarters are refused");
        assert_eq!(take(0, Some(first)), Some(Full::Address(first)));
        assert_eq!(take(0, Some(other)), Some(Full::Listener(0)));
        assert_eq!(take(1, Some(other)), None);
        assert!((0..22).all(|_| take(1, None).is_none()));
        assert_eq!(take(1, None), Some(Full::All));
        assert!(places.is_full());
        held.clear();
        assert!(!places.is_full() && places.counts().addresses.is_empty());
    }

    #[test]
    fn workers_get_all_places_but_the_reserve() {
        let places = places(164, 1);
        let mut held: Vec<Place> = (0..100).map(|_| places.take(0, None).0).collect();
        let admitted = held.iter_mut().filter_map(|place| place.admit().then_some(())).count();
        assert_eq!(admitted, 100 - 12);
        held[0].leave_worker();
        assert!(held.last_mut().unwrap().admit(), "a place at the workers is not free again");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let network = |address: &str| network(address.parse().unwrap());
        assert_eq!(network("2001:db8::1:2:3:4"), network("2001:db8::"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
    }
}
