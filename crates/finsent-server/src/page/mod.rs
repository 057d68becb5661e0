//! The page at `/`: what browsers get there, and the files that it consists of.
//!
//! It is made of the files in the folder `page` of this package, which the build script compresses. They refer to each other
//! and to the routes by relative paths, so the page works behind any prefix that a proxy puts before the path.

mod service_json;

use actix_web::dev::ServiceRequest;
use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::Method;
use actix_web::http::header::{
    self, Accept, AcceptEncoding, EntityTag, Header, HeaderName, HeaderValue, IfNoneMatch, Quality,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

pub(crate) use self::service_json::service_json;
use crate::error::HttpError;
use crate::route::DOCUMENTATION;
use crate::static_file::StaticFile;

// `static FILES: [StaticFile; N]`, by build/page.rs.
include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// What the page may do. It loads nothing from elsewhere, has no code or style inside its HTML, and cannot be framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The data of an app that has the page.
struct HasPage;

/// Registers what browsers get at `/`. All other requests go on to the route that clients use.
pub(crate) fn register(app: &mut ServiceConfig) {
    app.app_data(HasPage);
    app.service(web::resource("/").guard(fn_guard(is_for_page)).route(web::route().to(index)));
}

/// Whether a request gets the page at `/`.
pub(crate) fn is_asked_for(request: &ServiceRequest) -> bool {
    is_read(request.method())
        && request.path() == "/"
        && request.app_data::<HasPage>().is_some()
        && names_html(request.get_header().as_ref())
}

fn is_for_page(context: &GuardContext<'_>) -> bool {
    is_read(&context.head().method) && names_html(context.header().as_ref())
}

fn is_read(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// Whether HTML is asked for by name, as browsers do. curl and other clients accept anything, which is no wish for a page.
fn names_html(accepted: Option<&Accept>) -> bool {
    let names_it = |name: &str, quality: Quality| {
        quality > Quality::ZERO && ["text/html", "application/xhtml+xml"].contains(&name)
    };
    accepted.is_some_and(|accepted| accepted.iter().any(|range| names_it(range.item.essence_str(), range.quality)))
}

/// GET / of a browser.
async fn index(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    respond(&request, "index.html", "Accept, Accept-Encoding")
}

/// GET /page/ and the files below it.
pub(crate) async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, HttpError> {
    // It refers to the others as if it were at `/`.
    if *name == "index.html" {
        return Err(HttpError::NoRoute { path: request.path().into(), documentation: DOCUMENTATION });
    }
    respond(&request, &name, "Accept-Encoding")
}

fn respond(request: &HttpRequest, name: &str, vary: &'static str) -> Result<HttpResponse, HttpError> {
    let file = FILES.iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| HttpError::NoRoute { path: request.path().into(), documentation: DOCUMENTATION })?;
    let etag = file.etag();
    let mut response = match is_known(request, &etag) {
        true => HttpResponse::NotModified().finish(),
        false => file.respond(AcceptEncoding::parse(request).ok().as_ref()),
    };
    let headers = [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        // Browsers ask each time: what is unchanged is not sent again, and an upgrade is seen at once.
        ("cache-control", "no-cache"),
        ("vary", vary),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let etag = HeaderValue::from_str(&etag.to_string()).expect("hexadecimal digits are a valid tag");
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// Whether the client has the file with this tag already.
fn is_known(request: &HttpRequest, etag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(etag)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most bytes that the page may add to the binary.
    const MAX_BYTES: usize = 150_000;

    #[test]
    fn the_files_are_not_damaged_and_small_enough() {
        for file in &FILES {
            assert!(!file.plain().is_empty(), "{}", file.name);
        }
        let bytes: usize = FILES.iter().map(StaticFile::compressed_bytes).sum();
        assert!(bytes <= MAX_BYTES, "{bytes}");
    }

    #[test]
    fn what_the_files_refer_to_is_there() {
        let is_there = |name: &str| FILES.iter().any(|file| file.name == name);
        for file in FILES.iter().filter(|file| file.name.ends_with(".html") || file.name.ends_with(".mjs")) {
            let text = str::from_utf8(file.plain()).unwrap();
            for part in text.split('"').filter(|part| part.starts_with("page/") || part.starts_with("./")) {
                let name = part.trim_start_matches("page/").trim_start_matches("./");
                assert!(name == "service.json" || name.is_empty() || is_there(name), "{}: {part}", file.name);
            }
        }
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere_and_has_no_code_or_style_inside() {
        let own = FILES.iter().filter(|file| !file.name.starts_with("vendor/") && !file.name.ends_with(".csv"));
        for file in own {
            let text = str::from_utf8(file.plain()).unwrap();
            // The name of a namespace, which nothing is loaded from.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://"), "{}", file.name);
            for inline in ["<style", " style=\"", " onclick=", "javascript:"] {
                assert!(!text.contains(inline), "{}: {inline}", file.name);
            }
        }
    }

    #[test]
    fn only_html_that_is_asked_for_by_name_gets_the_page() {
        let accepts = |value: &str| {
            let request = actix_web::test::TestRequest::get().insert_header(("accept", value)).to_http_request();
            names_html(request.get_header().as_ref())
        };
        let of_browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for page in [of_browsers, "text/html", "application/json;q=0.5, TEXT/HTML;q=0.1"] {
            assert!(accepts(page), "{page}");
        }
        for other in ["*/*", "text/*", "application/json", "text/html;q=0", "text/htmlx", ""] {
            assert!(!accepts(other), "{other}");
        }
    }
}
