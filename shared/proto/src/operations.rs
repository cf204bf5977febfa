//! What a node tells those who operate it, over plain HTTP on the port of its services: `/healthz`, `/readyz`, `/metrics`.
//!
//! The first two are for supervisors and load balancers, which have no token: they say `ok`, or which of a few fixed reasons
//! stands against it. Metrics tell more, and ask for the token as every method does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tonic::Code;
use tonic::service::Routes;

use crate::metrics::Metrics;
use crate::{Access, Scope};

/// Whoever asks hears something within this time.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";
const METRICS: &str = "/metrics";
/// What stands beside the services, and sees itself to who may ask.
pub(crate) const PAGES: [&str; 3] = [HEALTHZ, READYZ, METRICS];
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A node, as its operators see it. Reasons are words of the program: strangers read them.
#[tonic::async_trait]
pub trait Operated: Send + Sync + 'static {
    /// `Err` if the process does not work any more, and should be started again.
    async fn healthy(&self) -> Result<(), &'static str>;
    /// `Err` if it cannot do its work now.
    async fn ready(&self) -> Result<(), &'static str>;
    async fn metrics(&self) -> Metrics;
}

/// The services of a node, and beside them what its operators ask. `access` guards the metrics; of these pages it lets
/// requests through that bring no token.
pub fn with_operations(services: Routes, node: Arc<dyn Operated>, access: Access) -> Routes {
    let (healthy, ready) = (node.clone(), node.clone());
    let healthz = move || {
        let node = healthy.clone();
        async move { answer(limited(node.healthy()).await) }
    };
    let readyz = move || {
        let node = ready.clone();
        async move { answer(limited(node.ready()).await) }
    };
    let metrics = move |headers: HeaderMap| {
        let (node, access) = (node.clone(), access.clone());
        async move {
            if let Err(refused) = access.check_token(&headers, "the metrics", Scope::Read) {
                let code = match refused.code() {
                    Code::Unauthenticated => StatusCode::UNAUTHORIZED,
                    _ => StatusCode::FORBIDDEN,
                };
                let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
                return (code, challenge, format!("{}\n", refused.message())).into_response();
            }
            match tokio::time::timeout(ANSWER_MAX, node.metrics()).await {
                Ok(metrics) => ([(header::CONTENT_TYPE, PROMETHEUS)], metrics.into_text()).into_response(),
                Err(_) => answer(Err("it does not answer")),
            }
        }
    };
    let operations = Router::new().route(HEALTHZ, get(healthz)).route(READYZ, get(readyz)).route(METRICS, get(metrics));
    services.into_axum_router().merge(operations).into()
}

async fn limited(question: impl Future<Output = Result<(), &'static str>>) -> Result<(), &'static str> {
    tokio::time::timeout(ANSWER_MAX, question).await.unwrap_or(Err("it does not answer"))
}

fn answer(said: Result<(), &'static str>) -> Response {
    match said {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()).into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}
