//! What differs between operating systems in a cache that users and programs share.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub(crate) use system::{HOME, share_with_group, symlink};
