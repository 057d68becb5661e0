//! The log, on standard error.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Lines that wait to be written. A line has a few hundred bytes, so they take a megabyte or two. Further lines are lost.
const MAX_WAITING_LINES: usize = 4096;
/// How long a line waits for others, so that the thread that writes does not wake for each: the threads that compute wait for
/// each other, and it would hold one of them up.
const LINGER: Duration = Duration::from_millis(20);
/// Bytes that are written at a time.
const BATCH_BYTES: usize = 64 << 10;
/// How long the process waits at its end for the last lines to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);
/// Pause between two tries to ask for the last lines to be written.
const FLUSH_PAUSE: Duration = Duration::from_millis(5);

/// The queue of a service's log.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Starts the log: a JSON object per line, or text for people. Dependencies log warnings and errors only. The log of a
/// service has a queue, so that a standard error that takes nothing, because its reader hangs, holds up no thread.
pub(super) fn start(json: bool, level: LevelFilter, ansi: bool, is_service: bool) {
    if is_service && let Some(queue) = Queue::start() {
        // Ignore the error of a second start: the first queue stays.
        QUEUE.set(queue).unwrap_or_default();
    }
    let writer = match QUEUE.get() {
        Some(queue) => BoxMakeWriter::new(move || queue),
        // Also if there can be no thread for the queue: the service will say so, and end.
        None => BoxMakeWriter::new(io::stderr),
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(ansi).with_target(json);
    let layer = layer.log_internal_errors(false);
    let layer = if json { layer.json().boxed() } else { layer.boxed() };
    // A target covers all targets that start with it, so also finsent_server.
    let ours = Targets::new().with_target("finsent", level);
    // actix-http reports as errors what is the fault of clients. finsent-server reports that itself, for debugging.
    let filter = ours.with_target("actix_http", LevelFilter::OFF).with_default(level.min(LevelFilter::WARN));
    // Ignore the error of a second start: the first log stays.
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().unwrap_or_default();
}

/// Writes to standard error, after what has been logged. Errors are ignored: there is no other place for a message.
pub(super) fn write(bytes: &[u8]) {
    match QUEUE.get() {
        Some(queue) => queue.push(bytes),
        None => io::stderr().write_all(bytes).unwrap_or_default(),
    }
}

/// Waits until the log has been written, unless standard error does not take it. To be called before the process ends.
pub(super) fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// Lines on their way to standard error.
#[derive(Debug, Clone)]
struct Queue {
    lines: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Answered when everything before it has been written.
    Flush(SyncSender<()>),
}

impl Queue {
    /// Starts the thread that writes; `None` if the system allows no more threads.
    fn start() -> Option<Self> {
        let (lines, received) = sync_channel(MAX_WAITING_LINES);
        let queue = Self { lines, lost: Arc::default() };
        let lost = Arc::clone(&queue.lost);
        let write = move || write_lines(&received, &mut io::stderr(), &lost);
        thread::Builder::new().name("log".into()).spawn(write).ok()?;
        Some(queue)
    }

    fn push(&self, line: &[u8]) {
        if self.lines.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let deadline = Instant::now() + FLUSH_LIMIT;
        let (written, is_written) = sync_channel(1);
        while self.lines.try_send(Message::Flush(written.clone())).is_err() {
            if Instant::now() >= deadline {
                return;
            }
            thread::sleep(FLUSH_PAUSE);
        }
        // It is fine if the time is over first.
        is_written.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or_default();
    }
}

/// A line of the log.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes lines as they come, many at a time if many wait. Returns when there will be no more.
fn write_lines(received: &Receiver<Message>, to: &mut impl Write, lost: &AtomicU64) {
    let mut batch = Vec::new();
    for first in received {
        thread::sleep(LINGER);
        let mut next = Some(first);
        let mut flushes = Vec::new();
        while let Some(message) = next {
            match message {
                Message::Line(line) => batch.extend_from_slice(&line),
                Message::Flush(written) => flushes.push(written),
            }
            next = if batch.len() < BATCH_BYTES { received.try_recv().ok() } else { None };
        }
        // Ignore errors: a standard error that is closed stops nothing.
        to.write_all(&batch).unwrap_or_default();
        batch.clear();
        // Ignore send errors: whoever waits has given up.
        flushes.into_iter().for_each(|written| written.send(()).unwrap_or_default());
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(lines, "lines of the log were lost, because standard error did not take them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(lines: usize) -> (Queue, Receiver<Message>) {
        let (lines, received) = sync_channel(lines);
        (Queue { lines, lost: Arc::default() }, received)
    }

    #[test]
    fn lines_are_written_in_order_and_a_flush_waits_for_those_before_it() {
        let (queue, received) = queue(8);
        for line in ["one\n", "two\n", "three\n"] {
            queue.push(line.as_bytes());
        }
        let (written, is_written) = sync_channel(1);
        queue.lines.send(Message::Flush(written)).unwrap();
        let lost = Arc::clone(&queue.lost);
        drop(queue);
        let mut to = Vec::new();
        write_lines(&received, &mut to, &lost);
        assert_eq!(to, b"one\ntwo\nthree\n");
        assert!(is_written.try_recv().is_ok(), "the flush is not answered");
    }

    #[test]
    fn lines_beyond_the_queue_are_counted_and_hold_up_nobody() {
        let (queue, received) = queue(2);
        (0..5).for_each(|_| queue.push(b"line\n"));
        assert_eq!((queue.lost.load(Ordering::Relaxed), received.try_iter().count()), (3, 2));
    }

    #[test]
    fn a_line_takes_no_more_than_a_write_and_errors_are_ignored() {
        struct Closed(usize);
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (queue, received) = queue(100);
        (0..100).for_each(|_| queue.push(b"line\n"));
        drop(queue);
        let mut to = Closed(0);
        write_lines(&received, &mut to, &AtomicU64::new(0));
        assert_eq!(to.0, 1, "waiting lines are not written together");
    }
}
