//! Figures as pages for people: HTML without scripts, by content negotiation. What a page shows is
//! what the same address shows as JSON.

mod clearing;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;

pub use clearing::clearing_accounts;

use super::docs::html::escape;

/// The largest quality of a media range: 1.000.
const QUALITY_MAX: u16 = 1_000;

/// Whether the caller would rather have HTML than JSON, by its `Accept` headers (RFC 9110 §12.5.1).
/// Who wants both alike gets JSON.
pub fn prefers_html(request: &HttpRequest) -> bool {
    let accepted = accepted(request.headers());
    quality(&accepted, "json") < quality(&accepted, "html")
}

/// The accepted media ranges, each with its quality in thousandths.
fn accepted(headers: &HeaderMap) -> Vec<(String, u16)> {
    let lines = headers.get_all("accept").filter_map(|value| value.to_str().ok());
    let ranges = lines.flat_map(|line| line.split(','));
    let range = |text: &str| {
        let mut words = text.split(';').map(str::trim);
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        let weight = words.find_map(|word| word.strip_prefix("q=").or(word.strip_prefix("Q=")));
        (name, weight.map_or(QUALITY_MAX, thousandths))
    };
    ranges.map(range).filter(|(name, _)| !name.is_empty()).collect()
}

/// `0.85` as 850; what is no weight counts as the most.
fn thousandths(weight: &str) -> u16 {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match weight.split_once('.') {
        Some(("0", rest)) if rest.len() <= 3 && digits(rest) => {
            format!("{rest:0<3}").parse().unwrap_or(0)
        }
        None if weight == "0" => 0,
        _ => QUALITY_MAX,
    }
}

/// How much one of the two is wanted. The most specific range that fits counts; without any header
/// everything is wanted alike.
fn quality(accepted: &[(String, u16)], form: &str) -> u16 {
    let ranges: [&str; 3] = match form {
        "html" => ["text/html", "text/*", "*/*"],
        _ => ["application/json", "application/*", "*/*"],
    };
    let found = ranges.iter().find_map(|range| accepted.iter().find(|(name, _)| name == range));
    match found {
        Some((_, quality)) => *quality,
        None if accepted.is_empty() => QUALITY_MAX,
        None => 0,
    }
}

/// A page with a title and what stands below it, which is HTML.
pub fn page(title: &str, body: &str) -> HttpResponse {
    let title = escape(title);
    let style = include_str!("../docs/style.css");
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{style}body {{ display: block; }}\n</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"))
        .insert_header(("Vary", "Accept"))
        .insert_header(("Cache-Control", "no-store"))
        .body(page)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn prefers(accept: &str) -> bool {
        prefers_html(&TestRequest::default().insert_header(("accept", accept)).to_http_request())
    }

    #[test]
    fn a_browser_gets_the_page_and_a_program_the_figures() {
        assert!(prefers("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(prefers("text/html"));
        assert!(prefers("application/json;q=0.85, TEXT/HTML;q=0.9"));
        assert!(prefers("text/*, application/json;q=0.5"));
        assert!(prefers("application/json;q=0, */*"));
        for accept in [
            "*/*",
            "application/json",
            "text/html, application/json",
            "text/html;q=0.1, */*",
            "text/html;q=0, text/*",
            "application/json;q=0.9, text/html;q=0.85",
            "image/png",
        ] {
            assert!(!prefers(accept), "{accept}");
        }
        assert!(!prefers_html(&TestRequest::default().to_http_request()));
    }
}
