//! The memory that one request or stream holds.

use std::sync::Arc;
use std::time::Duration;

use crate::error::HttpError;
use crate::memory_budget::Holder;
use crate::service::Service;

/// Bytes that are counted until it is dropped.
pub(crate) struct MemoryPermit {
    service: Arc<Service>,
    holder: Holder,
    bytes: usize,
}

impl MemoryPermit {
    pub(crate) fn new(service: &Arc<Service>, holder: Holder) -> Self {
        Self { service: Arc::clone(service), holder, bytes: 0 }
    }

    /// Bytes that are counted.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts more bytes.
    ///
    /// # Errors
    /// [`HttpError::Overloaded`] if all requests together would hold too many.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), HttpError> {
        if !self.service.memory.take(self.holder, bytes) {
            return Err(HttpError::Overloaded { retry_after: Duration::from_secs(1) });
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Counts the bytes as those of another holder.
    ///
    /// # Errors
    /// As [`grow`](Self::grow).
    pub(crate) fn move_to(&mut self, holder: Holder) -> Result<(), HttpError> {
        if holder != self.holder {
            let mut moved = Self::new(&self.service, holder);
            moved.grow(self.bytes)?;
            *self = moved;
        }
        Ok(())
    }

    /// Counts this many bytes instead.
    ///
    /// # Errors
    /// As [`grow`](Self::grow).
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), HttpError> {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes);
        }
        self.service.memory.give_back(self.holder, self.bytes - bytes);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        self.service.memory.give_back(self.holder, self.bytes);
    }
}
