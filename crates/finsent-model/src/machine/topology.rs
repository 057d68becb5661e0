//! Cores, threads of cores, and NUMA nodes, as Linux tells them in `/sys`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

/// How the CPUs of this machine hang together. It is told in logs and benchmarks, because it explains their figures: threads
/// of one core share its arithmetic, and NUMA nodes are far from each other's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topology {
    /// CPUs that the system uses, whatever this process may use of them.
    pub cpus: usize,
    /// Cores. There are fewer than CPUs if a core runs several threads (SMT).
    pub cores: usize,
    /// NUMA nodes that have CPUs.
    pub nodes: usize,
}

impl Topology {
    /// Reads it; `None` where the system does not tell.
    pub fn read() -> Option<Self> {
        Self::read_in(Path::new("/sys/devices/system"))
    }

    fn read_in(system: &Path) -> Option<Self> {
        let read = |path: &str| fs::read_to_string(system.join(path)).ok();
        let cpus = numbers(&read("cpu/online")?)?;
        // A core is known by the list of its threads.
        let siblings = |cpu: &usize| {
            let topology = format!("cpu/cpu{cpu}/topology");
            read(&format!("{topology}/core_cpus_list")).or_else(|| read(&format!("{topology}/thread_siblings_list")))
        };
        let cores: Option<BTreeSet<String>> = cpus.iter().map(siblings).collect();
        let nodes = read("node/has_cpu").and_then(|nodes| numbers(&nodes)).map_or(1, |nodes| nodes.len());
        Some(Self { cpus: cpus.len(), cores: cores.map_or(cpus.len(), |cores| cores.len()), nodes: nodes.max(1) })
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpus, cores, nodes } = self;
        let plural = |count: &usize| if *count == 1 { "" } else { "s" };
        write!(f, "{cpus} CPU{}, {cores} core{}, {nodes} NUMA node{}", plural(cpus), plural(cores), plural(nodes))
    }
}

/// The numbers of a list such as `0-3,8`.
fn numbers(list: &str) -> Option<Vec<usize>> {
    /// More CPUs than any machine has.
    const MOST: usize = 1 << 16;
    let mut numbers = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last >= MOST {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_linux_writes_them() {
        assert_eq!(numbers("0-3,8,10-11\n"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
        assert_eq!(numbers("0\n"), Some(vec![0]));
        assert_eq!((numbers(""), numbers("a-b"), numbers("0-99999999999")), (None, None, None));
    }

    #[test]
    fn threads_of_a_core_are_counted_once() {
        let system = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = system.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(Topology::read_in(system.path()), None, "nothing is told");
        write("cpu/online", "0-3\n");
        assert_eq!(Topology::read_in(system.path()), Some(Topology { cpus: 4, cores: 4, nodes: 1 }));
        for cpu in 0..4 {
            write(&format!("cpu/cpu{cpu}/topology/core_cpus_list"), if cpu % 2 == 0 { "0,2\n" } else { "1,3\n" });
        }
        write("node/has_cpu", "0-1\n");
        let topology = Topology::read_in(system.path()).unwrap();
        assert_eq!(topology, Topology { cpus: 4, cores: 2, nodes: 2 });
        assert_eq!(topology.to_string(), "4 CPUs, 2 cores, 2 NUMA nodes");
    }
}
