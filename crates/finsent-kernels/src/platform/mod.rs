//! What differs between operating systems in the memory of weights.
//!
//! | module | compiled for |
//! |---|---|
//! | `linux` | Linux |
//! | `other` | other systems |

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "other.rs")]
mod system;

pub(crate) use system::offer_large_pages;
