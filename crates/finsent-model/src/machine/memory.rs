//! How much memory the process may use.

use std::fs;
use std::path::{Path, PathBuf};

use crate::platform::{own_memory, total_memory, unused_memory};

/// The least of the memory limits of the process's control groups and the memory of the machine; `None` if none is known.
pub fn available_memory() -> Option<usize> {
    limit_of_groups().into_iter().chain(total_memory()).min()
}

/// How much more memory the process may take: what it leaves of the limits of its control groups, and what the machine has
/// available; `None` if nothing is known. The memory of other processes in the same groups is not known.
pub fn free_memory() -> Option<usize> {
    let own = own_memory().unwrap_or_default();
    let of_groups = limit_of_groups().map(|limit| limit.saturating_sub(own));
    of_groups.into_iter().chain(unused_memory()).min()
}

fn limit_of_groups() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit_files(&groups).into_iter().filter_map(|file| limit(&fs::read_to_string(file).ok()?)).min()
}

/// The files that may have limits: those of the groups in `/proc/self/cgroup` and of all groups around them, in both versions
/// of control groups. Inside a container the group is usually the root of what can be seen.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let files = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|it| it == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return None,
        };
        let group = group.trim_start_matches('/').to_owned();
        Some((root, group, file))
    });
    files
        .flat_map(|(root, group, file)| {
            let folders: Vec<PathBuf> =
                Path::new(&group).ancestors().map(|folder| Path::new(root).join(folder)).collect();
            folders.into_iter().map(move |folder| folder.join(file))
        })
        .collect()
}

/// `max`, or a number that no machine has, stands for no limit.
fn limit(text: &str) -> Option<usize> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_linux_writes_them() {
        assert_eq!((limit("268435456\n"), limit("max\n")), (Some(268_435_456), None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_the_process_takes_is_not_free() {
        let (free, all) = (free_memory().unwrap(), available_memory().unwrap());
        assert!(free > 0 && free < all, "{free} of {all}");
    }

    #[test]
    fn a_group_and_those_around_it_may_have_limits() {
        let files = |groups: &str| -> Vec<String> {
            limit_files(groups).into_iter().map(|file| file.into_os_string().into_string().unwrap()).collect()
        };
        assert_eq!(files("0::/\n"), ["/sys/fs/cgroup/memory.max"]);
        assert_eq!(
            files("0::/system.slice/finsent.service\n"),
            [
                "/sys/fs/cgroup/system.slice/finsent.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max"
            ]
        );
        assert_eq!(
            files("12:cpu,cpuacct:/docker/1\n5:memory:/docker/1\n"),
            [
                "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes"
            ]
        );
    }
}
