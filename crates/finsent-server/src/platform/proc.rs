//! What Linux tells of a process in `/proc`.

use procfs::process::Process;

use super::ProcessStatus;

pub(crate) fn process_status() -> Option<ProcessStatus> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let ticks = procfs::ticks_per_second() as f64;
    Some(ProcessStatus {
        cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
        resident_bytes: stat.rss * procfs::page_size(),
        virtual_bytes: stat.vsize,
        open_files: process.fd_count().unwrap_or(0),
        threads: stat.num_threads,
        start_seconds: procfs::boot_time_secs().ok()? as f64 + stat.starttime as f64 / ticks,
    })
}
