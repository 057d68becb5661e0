//! What Linux tells of a process in `/proc`.

use std::fs;

use rustix::param;

use super::ProcessStatus;

pub(crate) fn process_status() -> Option<ProcessStatus> {
    let stat = Stat::parse(&String::from_utf8_lossy(&fs::read("/proc/self/stat").ok()?))?;
    let seconds = |ticks: u64| ticks as f64 / param::clock_ticks_per_second() as f64;
    Some(ProcessStatus {
        cpu_seconds: seconds(stat.cpu_ticks),
        resident_bytes: stat.resident_pages * param::page_size() as u64,
        virtual_bytes: stat.virtual_bytes,
        open_files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count()),
        threads: stat.threads,
        start_seconds: boot_seconds(&fs::read_to_string("/proc/stat").ok()?)? + seconds(stat.start_ticks),
    })
}

/// Some fields of `/proc/self/stat`, which proc(5) describes.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: u64,
    threads: i64,
    /// Since the system was started.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(line: &str) -> Option<Self> {
        // The second field is a name in parentheses, which can hold spaces and parentheses too.
        let (_, from_third) = line.rsplit_once(')')?;
        let fields: Vec<&str> = from_third.split_whitespace().collect();
        // As proc(5) numbers them, from 1.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?.try_into().ok()?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// When the system was started, in seconds since 1970.
fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_move_the_fields() {
        let line = "42 (a) 1 (b c) S 1 42 42 0 -1 4194304 9 0 1 0 700 34 0 0 20 0 5 0 1234 56789 321 184467 1 1";
        let expected =
            Stat { cpu_ticks: 734, threads: 5, start_ticks: 1234, virtual_bytes: 56789, resident_pages: 321 };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("42 (finsent) S 1 42"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn the_boot_time_is_a_line_of_its_own() {
        assert_eq!(boot_seconds("cpu  1 2 3\nctxt 9\nbtime 1764525600\nprocesses 7\n"), Some(1_764_525_600.0));
        assert_eq!(boot_seconds("cpu  1 2 3\n"), None);
    }

    #[test]
    fn the_status_is_that_of_this_process() {
        let file = fs::File::open("/proc/self/stat").unwrap();
        let status = process_status().unwrap();
        drop(file);
        assert!(status.open_files > 3, "{status:?}");
        assert!(status.threads >= 1, "{status:?}");
        assert!((1_000_000..status.virtual_bytes).contains(&status.resident_bytes), "{status:?}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        // The system rounds the time of its start to a second.
        assert!((now - 3600.0..now + 2.0).contains(&status.start_seconds), "{status:?}");
    }
}
