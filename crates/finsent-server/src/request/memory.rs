//! A bound on the memory of all request bodies together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::HttpError;
use crate::service::Service;

/// The bytes that one body holds, counted until it is dropped.
pub(crate) struct MemoryPermit {
    service: Arc<Service>,
    bytes: usize,
}

/// All bodies together may hold as much memory as this many of the largest. A body beyond that is refused.
const MAX_LARGEST_BODIES: usize = 32;

impl MemoryPermit {
    pub(crate) fn new(service: &Arc<Service>) -> Self {
        Self { service: Arc::clone(service), bytes: 0 }
    }

    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), HttpError> {
        self.bytes += bytes;
        let total = self.service.body_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let limit = MAX_LARGEST_BODIES * self.service.limits.max_body_bytes;
        if total > limit { Err(HttpError::Overloaded { retry_after: Duration::from_secs(1) }) } else { Ok(()) }
    }

    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), HttpError> {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes);
        }
        self.service.body_bytes.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        self.service.body_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
