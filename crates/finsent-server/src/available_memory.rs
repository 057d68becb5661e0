//! How much memory the process may use.

use std::fs;

/// The memory limit of the container, or the memory of the machine if that is less; `None` if neither is known.
pub(crate) fn available_memory() -> Option<usize> {
    let of_container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|limit| of_cgroup(&limit));
    let of_machine = fs::read_to_string("/proc/meminfo").ok().and_then(|meminfo| total(&meminfo));
    of_container.into_iter().chain(of_machine).min()
}

/// `max` stands for no limit.
fn of_cgroup(limit: &str) -> Option<usize> {
    limit.trim().parse().ok()
}

fn total(meminfo: &str) -> Option<usize> {
    let kilobytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix(" kB")?;
    kilobytes.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_linux_writes_them() {
        assert_eq!((of_cgroup("268435456\n"), of_cgroup("max\n")), (Some(268_435_456), None));
        assert_eq!(total("MemTotal:       16384 kB\nMemFree:   1 kB\n"), Some(16 << 20));
        assert_eq!(total(""), None);
    }
}
