//! What Linux tells in `/proc`.

use std::fs;

/// The memory of the machine, in bytes.
pub(crate) fn total_memory() -> Option<usize> {
    read("/proc/meminfo", "MemTotal:")
}

/// The memory that the machine can still give, in bytes.
pub(crate) fn unused_memory() -> Option<usize> {
    read("/proc/meminfo", "MemAvailable:")
}

/// The memory that belongs to this process alone, in bytes.
pub(crate) fn own_memory() -> Option<usize> {
    read("/proc/self/status", "RssAnon:")
}

fn read(file: &str, field: &str) -> Option<usize> {
    fs::read_to_string(file).ok().and_then(|text| bytes(&text, field))
}

/// The bytes of a field that counts kilobytes.
fn bytes(text: &str, field: &str) -> Option<usize> {
    let kilobytes = text.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix(" kB")?;
    kilobytes.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_linux_writes_it() {
        let meminfo = "MemTotal:       16384 kB\nMemFree:   1 kB\n";
        assert_eq!((bytes(meminfo, "MemTotal:"), bytes(meminfo, "MemFree:")), (Some(16 << 20), Some(1 << 10)));
        assert_eq!(bytes("", "MemFree:"), None);
    }

    #[test]
    fn a_process_has_memory_of_its_own() {
        let [own, unused, total] = [own_memory(), unused_memory(), total_memory()].map(Option::unwrap);
        assert!(own > 0 && own < total && unused < total, "{own} and {unused} of {total}");
    }
}
