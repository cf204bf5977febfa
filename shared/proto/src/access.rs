//! Who may call what: the one table of all methods, and the check in front of every service of every node.
//!
//! A method that is not in the table is refused to everybody; a test goes through all that there are.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use aquifer_model::{Kind, Report};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;
use tonic::codegen::{Service, http};
use tower_layer::Layer;
use tracing::debug;

use crate::auth::bearer;
use crate::operations::PAGES;
use crate::{Caller, Tokens, to_status};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Looks at jobs, frames and the cluster, and takes models.
    Read,
    /// Reads, uploads and submits, and ends jobs.
    Submit,
    /// All that there is.
    Admin,
    /// Does the work: joins, and speaks with peers.
    Worker,
}

use Scope::{Admin, Read, Submit, Worker};

/// Every method of every service.
const METHODS: &[(&str, &[(&str, Scope)])] = &[
    (
        "aquifer.v1.Jobs",
        &[
            ("ProbeFiles", Submit),
            ("Upload", Submit),
            ("Submit", Submit),
            ("Watch", Read),
            ("Cancel", Submit),
            ("FetchModel", Read),
            ("ListJobs", Read),
            ("GetJob", Read),
            ("Resume", Submit),
            ("ListFrames", Read),
            ("GetFrame", Read),
            ("RemoveFrames", Admin),
            ("Status", Read),
        ],
    ),
    (
        "aquifer.v1.Membership",
        &[
            ("Session", Worker),
            ("PutModel", Worker),
            ("FetchUpload", Worker),
            ("PutCheckpoint", Worker),
            ("FetchCheckpoint", Worker),
        ],
    ),
    ("aquifer.v1.Peer", &[("Exchange", Worker), ("FetchShard", Worker), ("FetchState", Worker)]),
    ("grpc.health.v1.Health", &[("Check", Read), ("List", Read), ("Watch", Read)]),
    ("grpc.reflection.v1.ServerReflection", &[("ServerReflectionInfo", Read)]),
];

/// What a call of `/service/method` takes; `None` of what is not known.
pub fn scope_of(path: &str) -> Option<Scope> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let (_, methods) = METHODS.iter().find(|(name, _)| *name == service)?;
    methods.iter().find(|(name, _)| *name == method).map(|(_, scope)| *scope)
}

impl Scope {
    pub const ALL: [Scope; 4] = [Read, Submit, Admin, Worker];

    /// Whether a token of this scope is good for what takes `needed`.
    pub fn allows(self, needed: Scope) -> bool {
        match self {
            Admin => true,
            Submit => matches!(needed, Submit | Read),
            Read => needed == Read,
            Worker => needed == Worker,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Read => "read",
            Submit => "submit",
            Admin => "admin",
            Worker => "worker",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or("read, submit, worker or admin".to_owned())
    }
}

/// The check, in front of all services of a server.
#[derive(Clone)]
pub struct Access {
    tokens: Tokens,
    /// Workers are asked for a certificate besides: with TLS.
    certificates: bool,
}

impl Access {
    pub fn new(tokens: Tokens, certificates: bool) -> Self {
        Self { tokens, certificates }
    }

    pub(crate) fn check_token(&self, headers: &HeaderMap, what: &str, needed: Scope) -> Result<(), Status> {
        check_scope(self.scope(headers)?, what, needed)
    }

    fn scope(&self, headers: &HeaderMap) -> Result<Scope, Status> {
        let given = bearer(headers).ok_or_else(|| Status::unauthenticated("a token is required"))?;
        self.tokens.scope(given).ok_or_else(|| Status::unauthenticated("the token is wrong"))
    }

    fn check<B>(&self, request: &http::Request<B>) -> Result<(), Status> {
        let path = request.uri().path();
        let scope = self.scope(request.headers());
        let caller = request.extensions().get::<Caller>();
        if let (Ok(_), Some(caller)) = (&scope, caller) {
            caller.standing.know();
        }
        if PAGES.contains(&path) {
            return Ok(());
        }
        // To strangers nothing is said of what there is and what there is not.
        let scope = scope?;
        let needed = scope_of(path).ok_or_else(|| Status::unimplemented("there is no such method"))?;
        check_scope(scope, path, needed)?;
        let certified = caller.is_some_and(|caller| caller.certified);
        if self.certificates && needed == Worker && !certified {
            let message = "a worker needs a certificate besides its token, and none was shown";
            let report = Report::new(Kind::Access, "no_certificate", message)
                .hint("give --ca-file, --cert-file and --key-file, as `aquifer certs init` made them");
            return Err(to_status(&report));
        }
        Ok(())
    }
}

/// Whether a token of a scope is enough for `what`.
fn check_scope(scope: Scope, what: &str, needed: Scope) -> Result<(), Status> {
    if scope.allows(needed) {
        return Ok(());
    }
    let (needed, scope) = (needed.name(), scope.name());
    let message = format!("{what} needs a token of scope `{needed}`, and this one has `{scope}`");
    let hint = format!("`aquifer certs token --scope {needed}` makes one");
    Err(to_status(&Report::new(Kind::Access, "scope", message).hint(hint)))
}

impl<S> Layer<S> for Access {
    type Service = Checked<S>;

    fn layer(&self, inner: S) -> Checked<S> {
        Checked { inner, access: self.clone() }
    }
}

/// Services behind the check.
#[derive(Clone)]
pub struct Checked<S> {
    inner: S,
    access: Access,
}

impl<S, B> Service<http::Request<B>> for Checked<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answer<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        match self.access.check(&request) {
            Ok(()) => Answer::Service(Box::pin(self.inner.call(request))),
            Err(status) => {
                debug!(path = request.uri().path(), reason = status.message(), "a call was refused");
                Answer::Refusal(ready(Ok(status.into_http())))
            }
        }
    }
}

/// The service's answer, or that there is none.
pub enum Answer<F, R> {
    Service(Pin<Box<F>>),
    Refusal(R),
}

impl<F: Future, R: Future<Output = F::Output> + Unpin> Future for Answer<F, R> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.get_mut() {
            Answer::Service(answer) => answer.as_mut().poll(cx),
            Answer::Refusal(refusal) => Pin::new(refusal).poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Token;

    fn request(path: &str, token: Option<&str>, certified: bool) -> http::Request<()> {
        let mut request = http::Request::builder().uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.extension(Caller { certified, standing: Default::default() }).body(()).unwrap()
    }

    #[test]
    fn stronger_scopes_hold_the_weaker() {
        let allowed: Vec<Vec<&str>> = Scope::ALL
            .map(|have| Scope::ALL.into_iter().filter(|needed| have.allows(*needed)).map(Scope::name).collect())
            .into();
        assert_eq!(
            allowed,
            [vec!["read"], vec!["read", "submit"], vec!["read", "submit", "admin", "worker"], vec!["worker"]]
        );
        assert!(Scope::ALL.into_iter().all(|scope| scope.name().parse() == Ok(scope)));
    }

    #[test]
    fn workers_show_certificates_where_there_are_any() {
        let tokens = Tokens::new(&Token::new("w").unwrap(), Worker);
        let session = "/aquifer.v1.Membership/Session";
        let check = |certificates, certified| {
            Access::new(tokens.clone(), certificates).check(&request(session, Some("w"), certified)).is_ok()
        };
        assert!(check(false, false) && check(true, true) && !check(true, false));
    }

    #[test]
    fn a_token_makes_its_bearer_known_whatever_is_asked() {
        let access = Access::new(Tokens::new(&Token::new("a").unwrap(), Admin), false);
        let known = |path, token| {
            let request = request(path, token, false);
            let _ = access.check(&request);
            request.extensions().get::<Caller>().unwrap().standing.is_known()
        };
        for path in ["/metrics", "/healthz", "/aquifer.v1.Jobs/Status"] {
            let became = [Some("a"), Some("b"), None].map(|token| known(path, token));
            assert_eq!(became, [true, false, false], "{path}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_for_nobody() {
        let access = Access::new(Tokens::new(&Token::new("a").unwrap(), Admin), false);
        let code = |path, token| access.check(&request(path, token, true)).map_err(|status| status.code());
        assert_eq!(code("/aquifer.v1.Jobs/Status", Some("a")), Ok(()));
        for path in ["/aquifer.v1.Jobs/Other", "/aquifer.v1.Jobs", "/", "/x/aquifer.v1.Jobs/Status"] {
            assert_eq!(code(path, Some("a")), Err(tonic::Code::Unimplemented), "{path}");
            assert_eq!(code(path, None), Err(tonic::Code::Unauthenticated), "{path}");
        }
    }
}
