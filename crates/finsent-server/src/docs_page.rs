//! The page at /docs: Swagger UI over /openapi.json. build.rs prepares its files.

use actix_web::http::header::{self, AcceptEncoding};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::HttpError;
use crate::static_file::StaticFile;

macro_rules! file {
    ($name:literal, $content_type:literal) => {
        StaticFile::new($name, $content_type, include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")))
    };
}

static FILES: [StaticFile; 7] = [
    file!("favicon-16x16.png", "image/png"),
    file!("favicon-32x32.png", "image/png"),
    file!("index.css", "text/css"),
    file!("index.html", "text/html; charset=utf-8"),
    file!("swagger-ui-bundle.js", "text/javascript"),
    file!("swagger-ui-standalone-preset.js", "text/javascript"),
    file!("swagger-ui.css", "text/css"),
];

/// Starts Swagger UI. Without `validatorUrl`, the page would ask another host to validate the document. The path
/// is relative, for services behind a prefix.
const INITIALIZER: &str = r##"window.onload = () => {
  window.ui = SwaggerUIBundle({
    "url": "../openapi.json",
    "validatorUrl": "none",
    "dom_id": "#swagger-ui",
    "deepLinking": true,
    "layout": "StandaloneLayout",
    "presets": [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset]
  });
};
"##;

/// GET /docs. The page refers to its files by relative paths, so its own path must end in a slash.
pub(crate) async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

/// GET /docs/ and the files below it.
pub(crate) async fn file(
    request: HttpRequest,
    name: web::Path<String>,
    accepted: Option<web::Header<AcceptEncoding>>,
) -> Result<HttpResponse, HttpError> {
    let name = if name.is_empty() { "index.html" } else { name.as_str() };
    if name == "swagger-initializer.js" {
        return Ok(HttpResponse::Ok().content_type("text/javascript").body(INITIALIZER));
    }
    let file = FILES.iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| HttpError::NoRoute { path: request.path().into(), documentation: "/docs" })?;
    Ok(file.respond(accepted.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_there_and_not_damaged() {
        let page = FILES.iter().find(|file| file.name == "index.html").unwrap();
        let page = str::from_utf8(page.plain()).unwrap();
        for reference in page.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
            let name = reference.trim_start_matches("./");
            let is_there = name == "swagger-initializer.js" || FILES.iter().any(|file| file.name == name);
            assert!(is_there, "{name}");
        }
        for file in &FILES {
            assert!(!file.plain().is_empty(), "{}", file.name);
        }
    }
}
