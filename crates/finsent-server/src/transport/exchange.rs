//! What a connection knows about the requests that it has delivered.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use actix_http::Response;
use actix_http::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use pin_project_lite::pin_project;

/// Shared by a connection and its requests, on one thread.
#[derive(Debug, Clone)]
pub(super) struct Exchange(Rc<State>);

#[derive(Debug)]
struct State {
    /// Requests that have reached the routes.
    begun: Cell<u64>,
    in_progress: Cell<usize>,
    /// When the connection began to wait for its peer: at its start, with an answer, with the first byte of a head.
    waiting_since: Cell<Instant>,
    /// Wakes the connection after an answer.
    waker: RefCell<Option<Waker>>,
}

/// A request that is in progress until this is dropped.
#[derive(Debug)]
pub(super) struct InProgress(Rc<State>);

impl Exchange {
    pub(super) fn new(waiting_since: Instant) -> Self {
        Self(Rc::new(State {
            begun: Cell::new(0),
            in_progress: Cell::new(0),
            waiting_since: Cell::new(waiting_since),
            waker: RefCell::new(None),
        }))
    }

    pub(super) fn begin(&self) -> InProgress {
        self.0.begun.set(self.0.begun.get() + 1);
        self.0.in_progress.set(self.0.in_progress.get() + 1);
        InProgress(Rc::clone(&self.0))
    }

    pub(super) fn begun(&self) -> u64 {
        self.0.begun.get()
    }

    pub(super) fn is_in_progress(&self) -> bool {
        self.0.in_progress.get() > 0
    }

    pub(super) fn waiting_since(&self) -> Instant {
        self.0.waiting_since.get()
    }

    pub(super) fn wait_from_now(&self) {
        self.0.waiting_since.set(Instant::now());
    }

    /// Wakes the task when no request is in progress any more.
    pub(super) fn wake_after_answer(&self, waker: &Waker) {
        self.0.waker.replace(Some(waker.clone()));
    }
}

impl InProgress {
    /// Keeps the request in progress until actix-http has taken the whole body of its answer.
    pub(super) fn until_end_of<B>(self, response: Response<B>) -> Response<AnswerBody<B>> {
        response.map_body(|_, body| AnswerBody { body, _in_progress: self })
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.in_progress.set(self.0.in_progress.get() - 1);
        self.0.waiting_since.set(Instant::now());
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }
}

pin_project! {
    /// The body of an answer, which knows the request that it answers.
    pub(super) struct AnswerBody<B> {
        #[pin]
        body: B,
        _in_progress: InProgress,
    }
}

impl<B: MessageBody> MessageBody for AnswerBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.project().body.poll_next(cx)
    }
}
