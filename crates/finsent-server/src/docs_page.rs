//! The page at /docs: Swagger UI over /openapi.json.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::route::resource;

/// Everything below /docs/.
pub(crate) const FILES: &str = "/docs/{_:.*}";

/// Registers the page and its files.
pub(crate) fn register(app: &mut ServiceConfig) {
    // Without this setting, the page asks a foreign host to validate the document.
    let config = Config::new(["/openapi.json"]).validator_url("none");
    app.service(SwaggerUi::new(FILES).config(config)).service(resource(FILES, "GET"));
}

/// GET /docs.
pub(crate) async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}
