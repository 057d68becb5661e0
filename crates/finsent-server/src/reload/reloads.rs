//! What is asked of the thread that loads models.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::failure::LoadFailure;
use crate::error::HttpError;

/// Wishes that may wait. Whoever sends more has lost count.
const MOST_WAITING: usize = 16;

/// Something to do for the thread that loads models.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Load the model with this index again.
    Load(usize, Reply),
    /// Unload it.
    Unload(usize, Reply),
    /// Load all models again that have changed and were not unloaded.
    LoadAll,
}

/// Who waits for the outcome. A wish that has not begun is dropped if nobody does any more.
pub(crate) type Reply = oneshot::Sender<Result<(), LoadFailure>>;

/// Takes wishes, if that is allowed.
#[derive(Debug)]
pub(crate) struct Reloads {
    is_allowed: bool,
    sender: SyncSender<Wish>,
    /// Until the thread takes it.
    receiver: Mutex<Option<Receiver<Wish>>>,
    /// Whether the wish for all models waits: it stands for the next one as well.
    all_waits: AtomicBool,
}

impl Default for Reloads {
    fn default() -> Self {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        Self { is_allowed: false, sender, receiver: Mutex::new(Some(receiver)), all_waits: AtomicBool::new(false) }
    }
}

impl Reloads {
    pub(super) fn receiver(&self) -> Option<Receiver<Wish>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn allow(&mut self) {
        self.is_allowed = true;
    }

    /// Whether a request may change models.
    ///
    /// # Errors
    /// [`HttpError::ReloadForbidden`] if not.
    pub(crate) fn check(&self, has_keys: bool) -> Result<(), HttpError> {
        match (self.is_allowed, has_keys) {
            (true, true) => Ok(()),
            (true, false) => Err(HttpError::ReloadForbidden(
                "models are loaded and unloaded by requests only where an API key protects that; start the server with \
                 --api-key-file as well, or send it SIGHUP",
            )),
            (false, _) => Err(HttpError::ReloadForbidden(
                "this server does not load or unload models while it runs; start it with --allow-reload",
            )),
        }
    }

    /// Asks for one model, and waits for the outcome. `wish` makes the wish.
    ///
    /// # Errors
    /// [`HttpError::Overloaded`] if too many wishes wait, [`HttpError::NotLoaded`].
    pub(crate) async fn ask(&self, wish: impl FnOnce(Reply) -> Wish) -> Result<(), HttpError> {
        let (reply, outcome) = oneshot::channel();
        self.sender.try_send(wish(reply)).map_err(|error| match error {
            TrySendError::Full(_) => HttpError::Overloaded { retry_after: Duration::from_secs(1) },
            TrySendError::Disconnected(_) => HttpError::Stopped,
        })?;
        let outcome = outcome.await.map_err(|_| HttpError::Stopped)?;
        outcome.map_err(|LoadFailure { reason, .. }| HttpError::NotLoaded(reason))
    }

    pub(crate) fn ask_for_all(&self) {
        if self.is_allowed
            && !self.all_waits.swap(true, Ordering::SeqCst)
            && self.sender.try_send(Wish::LoadAll).is_err()
        {
            self.all_waits.store(false, Ordering::SeqCst);
            tracing::error!("the models are not loaded again: too many requests for that wait; send SIGHUP again");
        }
    }

    /// The wish for all models begins: the next one is another.
    pub(super) fn all_begins(&self) {
        self.all_waits.store(false, Ordering::SeqCst);
    }
}
