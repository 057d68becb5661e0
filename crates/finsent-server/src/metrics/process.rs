//! The process metrics that all Prometheus clients export, under their usual names.

use prometheus::{Gauge, IntGauge, Opts};

use super::registrar::Registrar;

/// The metrics of the process. On other systems than Linux they stay at zero.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    cpu_seconds: Gauge,
    resident_bytes: IntGauge,
    virtual_bytes: IntGauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
    threads: IntGauge,
    start_seconds: Gauge,
}

impl ProcessMetrics {
    pub(super) fn new(registrar: &mut Registrar) -> Self {
        let options = |name: &str, help: &str| Opts::new(name, help).namespace("process");
        let mut gauge = |name, help| registrar.register(IntGauge::with_opts(options(name, help)));
        Self {
            resident_bytes: gauge("resident_memory_bytes", "Resident memory in bytes."),
            virtual_bytes: gauge("virtual_memory_bytes", "Virtual memory in bytes."),
            open_fds: gauge("open_fds", "Open file descriptors."),
            max_fds: gauge("max_fds", "The most file descriptors that may be open."),
            threads: gauge("threads", "Threads."),
            cpu_seconds: registrar
                .register(Gauge::with_opts(options("cpu_seconds_total", "CPU time, user and system, in seconds."))),
            start_seconds: registrar.register(Gauge::with_opts(options(
                "start_time_seconds",
                "Start time of the process, in seconds since 1970.",
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
        self.max_fds.set(max_open_files().map_or(-1, |limit| limit as i64));
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn update(&self) {}
}

/// The most files that the process may have open; `None` if there is no limit, or it is unknown.
#[cfg(target_os = "linux")]
pub(crate) fn max_open_files() -> Option<u64> {
    use procfs::process::{LimitValue, Process};

    match Process::myself().ok()?.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(limit) => Some(limit),
        LimitValue::Unlimited => None,
    }
}

/// Unknown on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn max_open_files() -> Option<u64> {
    None
}
