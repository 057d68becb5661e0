//! The standard health service, `grpc.health.v1.Health`.

use std::pin::pin;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::{Either, select};
use futures_util::stream;
use tokio::sync::watch;

use super::answer::{answer, framed, read, success};
use super::messages::{HealthCheckRequest, HealthCheckResponse, ServingStatus};
use super::reflection;
use super::status::not_found;
use crate::error::HttpError;
use crate::memory_budget::Holder;
use crate::request::{GrpcMessage, MemoryPermit, service};
use crate::service::Phase;

/// What probes may name instead of a service: whether the process is alive, and whether it is ready.
const LIVENESS: &str = "liveness";
const READINESS: &str = "readiness";

/// Whether a service is ready. The name of none stands for the whole server.
pub(crate) async fn check(request: HttpRequest, GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    let HealthCheckRequest { service: name } = read(message).await?;
    Ok(match status(&name, service(&request).phase()) {
        ServingStatus::ServiceUnknown => not_found("no such service; server reflection lists all"),
        status => answer(&HealthCheckResponse { status: status.into() }),
    })
}

/// The same, now and whenever it changes.
pub(crate) async fn watch(request: HttpRequest, GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    let decode = |bytes: &[u8]| {
        let request: Result<HealthCheckRequest, _> = prost::Message::decode(bytes);
        request.map_err(|_| super::wire::malformed())
    };
    let (HealthCheckRequest { service: name }, mut memory) = message.parse(decode).await?;
    memory.move_to(Holder::Stream)?;
    let service = service(&request);
    service.phase();
    let watching =
        Watching { name, phases: service.phases(), ending: service.streams_end(), last: None, _memory: memory };
    let answers = stream::unfold(watching, async |mut watching| {
        let status = watching.next().await?;
        let answer = framed(&HealthCheckResponse { status: status.into() });
        Some((Ok::<_, std::convert::Infallible>(answer), watching))
    });
    Ok(success().streaming(answers))
}

struct Watching {
    name: String,
    phases: watch::Receiver<Phase>,
    /// Becomes true when the service ends.
    ending: watch::Receiver<bool>,
    last: Option<ServingStatus>,
    _memory: MemoryPermit,
}

impl Watching {
    /// The next status that is not the last one; `None` when the service has ended.
    async fn next(&mut self) -> Option<ServingStatus> {
        let (name, last) = (&self.name, self.last);
        let changed = pin!(self.phases.wait_for(|&phase| last != Some(status(name, phase))));
        let Either::Left((phase, _)) = select(changed, pin!(self.ending.wait_for(|&ending| ending))).await else {
            return None;
        };
        self.last = Some(status(name, *phase.ok()?));
        self.last
    }
}

fn status(name: &str, phase: Phase) -> ServingStatus {
    let is_ready = if phase == Phase::Ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    match name {
        LIVENESS => ServingStatus::Serving,
        "" | READINESS => is_ready,
        _ if reflection::has_service(name) => is_ready,
        _ => ServingStatus::ServiceUnknown,
    }
}
