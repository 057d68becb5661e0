//! The figures of the process that Prometheus' own clients show, under their names.

use prometheus::{Gauge, IntGauge, Opts};

use super::Maker;

/// The series; where the system does not tell, they stay at zero.
#[derive(Debug)]
pub(super) struct ProcessFigures {
    cpu_seconds: Gauge,
    resident_bytes: IntGauge,
    virtual_bytes: IntGauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
    threads: IntGauge,
    start_seconds: Gauge,
}

impl ProcessFigures {
    pub(super) fn new(make: &mut Maker) -> Self {
        let of_process = |name: &str, help: &str| Opts::new(name, help).namespace("process");
        let mut whole = |name, help| make.register(IntGauge::with_opts(of_process(name, help)));
        Self {
            resident_bytes: whole("resident_memory_bytes", "Resident memory."),
            virtual_bytes: whole("virtual_memory_bytes", "Virtual memory."),
            open_fds: whole("open_fds", "Open file descriptors."),
            max_fds: whole("max_fds", "Most file descriptors that may be open."),
            threads: whole("threads", "Threads."),
            cpu_seconds: make.register(Gauge::with_opts(of_process("cpu_seconds_total", "CPU time, user and system."))),
            start_seconds: make.register(Gauge::with_opts(of_process(
                "start_time_seconds",
                "When the process started, in seconds since 1970.",
            ))),
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn update(&self) {
        let Ok(process) = procfs::process::Process::myself() else { return };
        if let Ok(stat) = process.stat() {
            let ticks = procfs::ticks_per_second() as f64;
            self.cpu_seconds.set((stat.utime + stat.stime) as f64 / ticks);
            self.resident_bytes.set((stat.rss * procfs::page_size()) as i64);
            self.virtual_bytes.set(stat.vsize as i64);
            self.threads.set(stat.num_threads);
            if let Ok(boot) = procfs::boot_time_secs() {
                self.start_seconds.set(boot as f64 + stat.starttime as f64 / ticks);
            }
        }
        self.open_fds.set(process.fd_count().map_or(0, |open| open as i64));
        self.max_fds.set(max_open_files().map_or(-1, |most| most as i64));
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn update(&self) {}
}

/// Most files that the process may have open at a time; `None` where there is no limit, or none is known.
#[cfg(target_os = "linux")]
pub(crate) fn max_open_files() -> Option<u64> {
    use procfs::process::{LimitValue, Process};

    match Process::myself().ok()?.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(most) => Some(most),
        LimitValue::Unlimited => None,
    }
}

/// See above.
#[cfg(not(target_os = "linux"))]
pub fn max_open_files() -> Option<u64> {
    None
}
