//! What every request gets: an id, a measurement by route, and a problem document for errors that
//! the framework answers by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant as Stopwatch;

use actix_web::ResponseError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::middleware::Next;

use super::problem::Problem;

/// Numbers requests within this process.
static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1);

/// The header of a request's id.
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Measures a request and gives it an id, which the log and the answer both carry.
///
/// # Errors
/// None of its own: handlers answer errors with problem documents.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Stopwatch::now();
    let number = NEXT_REQUEST.fetch_add(1, Ordering::Relaxed);
    let id = format!("{:08x}-{number:012x}", std::process::id());
    let method = method_label(request.method().as_str());
    let route = request.match_pattern();
    let mut response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        response = with_document(response);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID.clone(), value);
    }
    let duration = started.elapsed();
    let route = route.unwrap_or_else(|| "none".to_owned());
    if status.is_server_error() {
        tracing::warn!(request.id = %id, http.route = %route, http.status = status.as_u16(), duration_us = %duration.as_micros(), "answered {status}");
    } else {
        tracing::debug!(request.id = %id, http.route = %route, http.status = status.as_u16(), duration_us = %duration.as_micros(), "answered {status}");
    }
    metrics::histogram!(
        "http_server_request_duration_seconds",
        "method" => method, "route" => route, "status" => status_label(status)
    )
    .record(duration);
    Ok(response)
}

/// Errors that the framework answers by itself have no document; they get one.
fn with_document(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let type_of = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if type_of.is_some_and(|value| value.starts_with("application/problem+json"))
        || (response.request().path() == "/readyz"
            && response.status() == StatusCode::SERVICE_UNAVAILABLE)
    {
        return response;
    }
    let problem = match response.status() {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => Problem::method_not_allowed(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::payload_too_large(super::PHONE_BODY_BYTES_MAX),
        StatusCode::BAD_REQUEST => Problem::invalid("", "the address or its query can't be read"),
        _ => Problem::internal(),
    };
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, problem.error_response())
}

/// Methods that are not of the API share one label, so that nobody can make labels.
fn method_label(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "_OTHER",
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        201 => "201",
        202 => "202",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        409 => "409",
        413 => "413",
        422 => "422",
        429 => "429",
        500 => "500",
        503 => "503",
        _ => "other",
    }
}
