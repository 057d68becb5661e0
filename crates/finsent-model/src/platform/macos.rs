//! What macOS tells of the machine.
#![expect(unsafe_code, reason = "the standard library does not tell how much memory there is")]

/// Not known.
pub(crate) fn own_memory() -> Option<usize> {
    None
}

/// Not known.
pub(crate) fn unused_memory() -> Option<usize> {
    None
}

/// The memory of the machine, in bytes.
pub(crate) fn total_memory() -> Option<usize> {
    // SAFETY: sysconf reads a number of the system; it answers -1 to what it does not know.
    let number = |name| usize::try_from(unsafe { libc::sysconf(name) }).ok();
    number(libc::_SC_PHYS_PAGES)?.checked_mul(number(libc::_SC_PAGESIZE)?)
}
