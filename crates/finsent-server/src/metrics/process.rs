//! The process metrics that all Prometheus clients export, under their usual names.

use prometheus::{Gauge, IntGauge, Opts};

use super::registrar::Registrar;
use crate::platform::{max_open_files, process_status};

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

    pub(super) fn update(&self) {
        let Some(status) = process_status() else { return };
        self.cpu_seconds.set(status.cpu_seconds);
        self.resident_bytes.set(status.resident_bytes as i64);
        self.virtual_bytes.set(status.virtual_bytes as i64);
        self.threads.set(status.threads);
        self.start_seconds.set(status.start_seconds);
        self.open_fds.set(status.open_files as i64);
        self.max_fds.set(max_open_files().map_or(-1, |limit| limit as i64));
    }
}
