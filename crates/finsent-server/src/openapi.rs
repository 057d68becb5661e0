//! The OpenAPI document, made from the table of routes.

use actix_web::http::StatusCode;
use utoipa::OpenApi;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Header, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Type};

use crate::route::{Documentation, Purpose, Route, Verb};

/// Everything that is not about one route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "finsent",
        description = "Financial sentiment of texts with FinBERT on the CPU. The same models can be used through six protocols.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/")),
    tags(
        (name = "finsent", description = "finsent's own protocol"),
        (name = "hugging face", description = "For clients of the Hugging Face inference API"),
        (name = "text-embeddings-inference", description = "For clients of text-embeddings-inference"),
        (name = "vllm", description = "For clients of vLLM and SGLang"),
        (name = "open inference", description = "For clients of KServe, Triton and MLServer"),
        (name = "operations", description = "Probes and metrics")
    )
)]
struct Overview;

/// The document of these routes. If the service has API keys, it says so.
pub(crate) fn document(routes: &[Route], has_keys: bool) -> utoipa::openapi::OpenApi {
    let mut document = Overview::openapi();
    let components = document.components.get_or_insert_default();
    for route in routes {
        let Some(documentation) = route.documentation else { continue };
        let mut schemas = vec![(route.errors.schema)()];
        (documentation.schemas)(&mut schemas);
        components.schemas.extend(schemas);
        let item = PathItem::new(http_method(route.verb), operation(route, documentation));
        document.paths.paths.insert(openapi_path(route.path), item);
    }
    if has_keys {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.add_security_scheme("key", bearer);
        document.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    }
    document
}

/// Adds what the table says about a route to what its handler says.
fn operation(route: &Route, documentation: Documentation) -> Operation {
    let mut operation = (documentation.operation)();
    operation.tags = Some((documentation.tags)().into_iter().map(String::from).collect());
    let parameters: Vec<RefOr<Parameter>> =
        path_parameters(route.path).map(|name| RefOr::T(path_parameter(name))).collect();
    if !parameters.is_empty() {
        operation.parameters = Some(parameters);
    }
    for &status in route.error_statuses {
        operation.responses.responses.insert(status.to_string(), RefOr::T(error_response(route, status)));
    }
    if route.purpose == Purpose::Observe {
        operation.security = Some(vec![SecurityRequirement::default()]);
    }
    operation
}

fn http_method(verb: Verb) -> HttpMethod {
    match verb {
        Verb::Get => HttpMethod::Get,
        Verb::Post => HttpMethod::Post,
    }
}

/// The path without the patterns of its parameters.
fn openapi_path(path: &str) -> String {
    path_parameters(path).fold(path.to_owned(), |path, parameter| {
        let start = path.find(&format!("{{{parameter}:")).map(|start| start + 1 + parameter.len());
        let end = start.and_then(|start| Some(start + path[start..].find('}')?));
        start.zip(end).map_or_else(|| path.clone(), |(start, end)| path[..start].to_owned() + &path[end..])
    })
}

/// The names of the parameters in a path.
fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next())
}

fn path_parameter(name: &str) -> Parameter {
    let (description, example) = match name {
        "version" => ("The version of the model, `1` or `latest`", "1"),
        _ => ("The name of a loaded model", "mini"),
    };
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(text))
        .example(Some(example.into()))
        .build()
}

fn error_response(route: &Route, status: u16) -> Response {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let schema = Ref::from_schema_name((route.errors.schema)().0);
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response =
        ResponseBuilder::new().description(reason.unwrap_or_default()).content(route.errors.content_type, content);
    if status != 429 {
        return response.build();
    }
    let mut retry_after = Header::new(ObjectBuilder::new().schema_type(Type::Integer));
    retry_after.description = Some("Seconds to wait before the next attempt".into());
    response.header("Retry-After", retry_after).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_not_part_of_documented_paths() {
        assert_eq!(openapi_path("/v1/models"), "/v1/models");
        assert_eq!(openapi_path("/models/{model:.+}"), "/models/{model}");
        assert_eq!(openapi_path("/v1/models/{model}:predict"), "/v1/models/{model}:predict");
        let two = "/v2/models/{model}/versions/{version}/infer";
        assert_eq!(openapi_path(two), two);
        assert_eq!(path_parameters(two).collect::<Vec<_>>(), ["model", "version"]);
    }
}
