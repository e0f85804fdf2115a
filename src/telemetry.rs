//! Logs and measurements.
//!
//! Logs are JSON lines on standard error: a sentence for people, dotted fields for machines, the
//! unit in the name. Never a secret, a signature, a token, a name or a body.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Starts logging; a second call changes nothing.
pub fn log(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .finish();
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// Seconds of a request or of a stage of a batch (OpenTelemetry's buckets, with finer ones below).
const SECONDS: [f64; 17] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0,
    2.5, 5.0, 10.0,
];

/// Commands of a batch.
const COMMANDS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1_000.0];

/// Starts measuring, once for the process, and gives back where measurements are read.
///
/// # Panics
/// If another part of the process measures in its own way.
pub fn measure() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &COMMANDS)
            })
            .expect("there are buckets");
        let handle = builder.install_recorder().expect("nothing else records in this process");
        metrics::describe_histogram!(
            "http_server_request_duration_seconds",
            "Duration of requests by method, route and status"
        );
        metrics::describe_histogram!(
            "coalition_engine_stage_seconds",
            "Duration of the stages of a batch"
        );
        metrics::describe_histogram!("coalition_engine_batch_commands", "Commands of a batch");
        handle
    });
    handle.clone()
}
