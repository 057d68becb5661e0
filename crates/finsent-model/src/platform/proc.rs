//! What Linux tells in `/proc`.

use std::fs;

/// The memory of the machine, in bytes.
pub(crate) fn total_memory() -> Option<usize> {
    fs::read_to_string("/proc/meminfo").ok().and_then(|meminfo| total(&meminfo))
}

fn total(meminfo: &str) -> Option<usize> {
    let kilobytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix(" kB")?;
    kilobytes.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_linux_writes_it() {
        assert_eq!(total("MemTotal:       16384 kB\nMemFree:   1 kB\n"), Some(16 << 20));
        assert_eq!(total(""), None);
    }
}
