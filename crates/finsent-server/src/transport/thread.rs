//! A thread with a runtime of its own, whose start can fail.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::oneshot;

use super::StartError;

/// Threads per runtime for work that would delay its connections.
const BLOCKING_THREADS: usize = 2;
/// How long such a thread waits for more work: as good as always. The system may refuse a new one when it is needed.
const BLOCKING_THREAD_IDLE: Duration = Duration::from_secs(365 * 86_400);

/// Resolves when the thread has ended.
pub(super) type Ended = oneshot::Receiver<()>;

/// Reports that the thread has started, or why it cannot.
pub(super) struct Starting(mpsc::Sender<Result<(), StartError>>);

impl Starting {
    pub(super) fn report(self, outcome: Result<(), StartError>) {
        // Ignore send errors: the starter waits for as long as this has not been dropped.
        self.0.send(outcome).unwrap_or_default();
    }
}

/// Starts a thread that runs `body` on a runtime of its own, and waits for its report.
pub(super) fn start<F>(name: &str, body: F) -> Result<Ended, StartError>
where
    F: FnOnce(Starting) -> LocalBoxFuture<'static, ()> + Send + 'static,
{
    let (report, reported) = mpsc::channel();
    let (ending, ended) = oneshot::channel::<()>();
    let thread = move || {
        let starting = Starting(report);
        match runtime() {
            Ok(runtime) => {
                runtime.block_on(body(starting));
                runtime.shutdown_background();
            }
            Err(error) => starting.report(Err(StartError::Runtime(error))),
        }
        drop(ending);
    };
    thread::Builder::new().name(name.into()).spawn(thread).map_err(StartError::Thread)?;
    // A thread that ends without a report has panicked.
    reported.recv().unwrap_or(Err(StartError::Routes))?;
    Ok(ended)
}

fn runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(BLOCKING_THREAD_IDLE)
        .build_local(LocalOptions::default())
}

/// Starts a first thread for work that would delay connections: without any, the runtime would panic on the first request
/// that needs one.
pub(super) async fn start_blocking_thread() -> Result<(), StartError> {
    // The runtime panics if it cannot start a thread, so this is tried first.
    let tried = thread::Builder::new().name("trial".into()).spawn(|| ()).map_err(StartError::Thread)?;
    tried.join().map_err(|_| StartError::Routes)?;
    tokio::task::spawn_blocking(|| ()).await.map_err(|_| StartError::Routes)
}
