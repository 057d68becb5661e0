//! An application of actix-web as a service of connections, of HTTP/1.1 or HTTP/2.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpServiceBuilder, KeepAlive, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config};
use actix_web::dev::AppConfig;
use actix_web::http::header::HeaderName;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;

use super::connection::Connection;
use super::exchange::{AnswerBody, Exchange};
use crate::request_id;

/// How long actix-http reads on after an answer to a request whose body it did not want, so that the client gets the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Serves connections to their end.
#[derive(Clone)]
pub(crate) enum Serve {
    Http1(Rc<dyn Fn(Connection) -> LocalBoxFuture<'static, ()>>),
    #[cfg(feature = "grpc")]
    Http2(Rc<super::http2::Shared>),
}

/// Sets up the routes on a worker. The argument becomes true when connections must end with their current answer.
pub(crate) type AppFactory = Arc<dyn Fn(watch::Receiver<bool>) -> LocalBoxFuture<'static, Option<Serve>> + Send + Sync>;

/// A factory of the connections' service from a factory of applications.
pub(crate) fn app_factory<F, I, S, B>(app: F) -> AppFactory
where
    F: Fn() -> I + Send + Sync + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error>,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    Arc::new(move |ending: watch::Receiver<bool>| {
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let app = map_config(app, |()| AppConfig::default());
        let app = apply_fn_factory(app, |request: Request, app: &_| {
            let in_progress = request.conn_data::<Exchange>().map(Exchange::begin);
            let answer = Service::call(app, request);
            async move {
                let answer = answer.await;
                answer.map(|answer| {
                    let in_progress = in_progress.expect("every connection has its exchange");
                    with_id(in_progress.until_end_of(answer.into()))
                })
            }
        });
        let service = HttpServiceBuilder::default()
            // The time limits are those of `Connection`.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(LINGER)
            // A client that closes its side has disconnected, and its work is dropped.
            .h1_allow_half_closed(false)
            .graceful_shutdown_signal(move || {
                let mut ending = ending.clone();
                async move { ending.wait_for(|ending| *ending).await.map(drop).unwrap_or_default() }
            })
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.exchange().clone());
            })
            .h1::<_, AnswerBody<B>>(app);
        async move {
            let service = service.new_service(()).await.ok()?;
            let serve = move |connection: Connection| {
                let peer = connection.peer();
                // Errors are the peer's: what it sent, or that it has left. The connection logs what is worth it.
                service.call((connection, peer)).map(|ended| ended.unwrap_or_default()).boxed_local()
            };
            Some(Serve::Http1(Rc::new(serve)))
        }
        .boxed_local()
    })
}

/// As [`app_factory`], for connections of HTTP/2.
#[cfg(feature = "grpc")]
pub(crate) fn http2_app_factory<F, I, S, B>(app: F, service: &Arc<crate::Service>) -> AppFactory
where
    F: Fn() -> I + Send + Sync + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error>,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let service = Arc::clone(service);
    Arc::new(move |ending: watch::Receiver<bool>| {
        let app = map_config(app().into_factory(), |()| AppConfig::default());
        let service = Arc::clone(&service);
        async move {
            let app = app.new_service(()).await.ok()?;
            let routes = move |request: Request| {
                let answer = app.call(request);
                async move {
                    match answer.await {
                        Ok(answer) => {
                            let answer: Response<B> = answer.into();
                            answer.map_into_boxed_body()
                        }
                        Err(error) => error.into().error_response().into(),
                    }
                }
                .boxed_local()
            };
            Some(Serve::Http2(Rc::new(super::http2::Shared { routes: Rc::new(routes), service, ending })))
        }
        .boxed_local()
    })
}

/// Adds an id to an answer that has none, because the middleware has not seen its request: a refused CORS preflight.
fn with_id<B>(mut answer: Response<B>) -> Response<B> {
    let name = HeaderName::from_static(request_id::HEADER);
    if !answer.headers().contains_key(&name) {
        answer.headers_mut().insert(name, request_id::new());
    }
    answer
}
