//! What differs between operating systems in creating and replacing files.

#[cfg(unix)]
mod mounts;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub(crate) use system::{
    STANDARD_INPUT, STANDARD_OUTPUT, User, free_space, is_mount_point, is_pipe, open_to_lock, open_to_the_owner,
    open_to_the_umask, place_folder, real_path, sync_folder,
};
