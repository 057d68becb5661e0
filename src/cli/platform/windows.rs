//! Windows.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::net::TcpStream;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown,
};

use super::Signal;

/// The events of the console that this process hears. After those that end it in any case, the system waits for seconds
/// until the process has ended.
pub(in crate::cli) struct Signals {
    waiting: Runtime,
    ctrl_c: CtrlC,
    ctrl_break: CtrlBreak,
    close: CtrlClose,
    log_off: CtrlLogoff,
    shut_down: CtrlShutdown,
}

impl Signals {
    /// Hears all events from now on.
    pub(in crate::cli) fn of_service() -> io::Result<Self> {
        Ok(Self {
            waiting: Builder::new_current_thread().build()?,
            ctrl_c: ctrl_c()?,
            ctrl_break: ctrl_break()?,
            close: ctrl_close()?,
            log_off: ctrl_logoff()?,
            shut_down: ctrl_shutdown()?,
        })
    }

    /// Hears all events from now on: they are the same for commands.
    pub(in crate::cli) fn of_command() -> io::Result<Self> {
        Self::of_service()
    }

    /// Waits for each event.
    pub(in crate::cli) fn forever(&mut self) -> impl Iterator<Item = Signal> {
        let Self { waiting, ctrl_c, ctrl_break, close, log_off, shut_down } = self;
        iter::from_fn(|| {
            let next = poll_fn(|context| {
                let is_interrupt = [ctrl_c.poll_recv(context), ctrl_break.poll_recv(context)];
                let is_end = [close.poll_recv(context), log_off.poll_recv(context), shut_down.poll_recv(context)];
                if is_end.iter().any(Poll::is_ready) {
                    Poll::Ready(Signal::Terminate)
                } else if is_interrupt.iter().any(Poll::is_ready) {
                    Poll::Ready(Signal::Interrupt)
                } else {
                    Poll::Pending
                }
            });
            Some(waiting.block_on(next))
        })
    }
}

/// Refuses: an address of a Unix socket does not get past the command line.
pub(in crate::cli) fn connect_unix(_: &Path, _: Duration) -> io::Result<impl Read + Write> {
    Err::<TcpStream, _>(ErrorKind::Unsupported.into())
}

/// Whether the console understands sequences for colors, which it has to be asked for.
pub(in crate::cli) fn understands_colors() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or(false)
}
