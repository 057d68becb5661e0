//! A route: its path, methods, handler, error format and documentation.

use actix_web::dev::Handler;
use actix_web::guard::{GuardContext, fn_guard};
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, Resource, Responder, web};
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{RefOr, Schema};

use crate::error::HttpError;
use crate::error_format::ErrorFormat;

/// Where the routes are listed for people.
pub(crate) const DOCUMENTATION: &str = if cfg!(feature = "swagger-ui") { "/docs" } else { "/openapi.json" };

/// One route.
pub(crate) struct Route {
    /// The path as actix-web matches it, which is also the `route` of metrics and logs.
    pub(crate) path: &'static str,
    pub(crate) verb: Verb,
    pub(crate) purpose: Purpose,
    pub(crate) errors: ErrorFormat,
    /// The errors that the documentation lists.
    pub(crate) error_statuses: &'static [u16],
    pub(crate) documentation: Option<Documentation>,
    register: Box<dyn Fn(&mut ServiceConfig) + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// GET, and HEAD.
    Get,
    Post,
}

/// What a route is for. It decides about keys, logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Computes predictions. Its metrics have the model and the time.
    Compute,
    /// Describes the service or its models.
    Describe,
    /// Changes which models are loaded.
    Manage,
    /// Probes, metrics and documentation. Needs no key, and is logged on level debug.
    Observe,
}

/// What the OpenAPI document says about a route. The path, the method, the path's parameters, the errors and the security
/// come from the route; the rest comes from `#[utoipa::path]` at the handler.
#[derive(Clone, Copy)]
pub(crate) struct Documentation {
    pub(crate) operation: fn() -> Operation,
    pub(crate) tags: fn() -> Vec<&'static str>,
    pub(crate) schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Verb {
    /// The value of the header `Allow`.
    fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
        }
    }
}

impl Route {
    /// A route for GET and HEAD.
    pub(crate) fn get<F, Args>(path: &'static str, purpose: Purpose, errors: ErrorFormat, handler: F) -> Self
    where
        F: Handler<Args> + Copy + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(path, Verb::Get, purpose, errors, move |resource| {
            resource.route(web::get().to(handler)).route(web::head().to(handler))
        })
    }

    /// A route for POST that computes predictions.
    pub(crate) fn post<F, Args>(path: &'static str, errors: ErrorFormat, handler: F) -> Self
    where
        F: Handler<Args> + Copy + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(path, Verb::Post, Purpose::Compute, errors, move |resource| resource.route(web::post().to(handler)))
    }

    /// A route for POST with a second handler, which gets the requests that `guard` accepts.
    pub(crate) fn post_either<F, Args, G, OtherArgs>(
        path: &'static str,
        errors: ErrorFormat,
        handler: F,
        guard: fn(&GuardContext<'_>) -> bool,
        guarded: G,
    ) -> Self
    where
        F: Handler<Args> + Copy + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
        G: Handler<OtherArgs> + Copy + Send + Sync,
        OtherArgs: FromRequest + 'static,
        G::Output: Responder + 'static,
    {
        Self::new(path, Verb::Post, Purpose::Compute, errors, move |resource| {
            // The first route that accepts a request gets it.
            resource.route(web::post().guard(fn_guard(guard)).to(guarded)).route(web::post().to(handler))
        })
    }

    fn new(
        path: &'static str,
        verb: Verb,
        purpose: Purpose,
        errors: ErrorFormat,
        handlers: impl Fn(Resource) -> Resource + Send + Sync + 'static,
    ) -> Self {
        let register = move |app: &mut ServiceConfig| {
            app.service(handlers(resource(path, verb.allow())));
        };
        Self { path, verb, purpose, errors, error_statuses: &[], documentation: None, register: Box::new(register) }
    }

    /// The same route for another purpose.
    pub(crate) fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// Documents the route. `D` is the `__path_…` type that `#[utoipa::path]` makes for the handler. The traits in utoipa's
    /// `__dev` are hidden, but without them the handlers would have to be listed a second time, for `derive(OpenApi)`.
    pub(crate) fn documented<D>(mut self, error_statuses: &'static [u16]) -> Self
    where
        D: utoipa::Path + SchemaReferences + Tags<'static>,
    {
        self.error_statuses = error_statuses;
        self.documentation = Some(Documentation { operation: D::operation, tags: D::tags, schemas: D::schemas });
        self
    }

    pub(crate) fn register(&self, app: &mut ServiceConfig) {
        (self.register)(app);
    }
}

/// A resource that refuses other methods than these.
fn resource(path: &str, allow: &'static str) -> Resource {
    let refuse = move || std::future::ready(Err::<String, _>(HttpError::Method { allow }));
    web::resource(path).default_service(web::to(refuse))
}
