//! Tokens, as callers keep and send them. What they are good for is decided in `access`.

use tonic::codegen::http::HeaderMap;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::Tls;

const HEADER: &str = "authorization";

/// A shared secret; never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// `None` unless the text could be a header's value.
    pub fn new(secret: &str) -> Option<Self> {
        let secret = secret.trim();
        let fits = !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(secret.to_owned()))
    }

    /// What workers show one another: made of the cluster's token, so that it outlives the coordinator's process.
    pub fn for_peers(&self) -> Self {
        let key = blake3::derive_key("aquifer 2026-11 token of peers", self.0.as_bytes());
        Self(blake3::Hash::from(key).to_hex().as_str().to_owned())
    }

    /// The secret itself, to be written to its file.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What a caller brings: its token, and where TLS is spoken whom it believes and who it is.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub token: Token,
    pub tls: Option<Tls>,
}

/// Client side: adds the token to each request.
#[derive(Clone)]
pub struct TokenSender(MetadataValue<Ascii>);

impl TokenSender {
    pub fn new(token: &Token) -> Self {
        let value = format!("Bearer {}", token.0).parse::<MetadataValue<Ascii>>();
        let mut value = value.unwrap_or_else(|_| MetadataValue::from_static("Bearer"));
        value.set_sensitive(true);
        Self(value)
    }
}

impl Interceptor for TokenSender {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert(HEADER, self.0.clone());
        Ok(request)
    }
}

/// Server side: what a request brings as its token.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(HEADER)?.as_bytes().strip_prefix(b"Bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_never_shown() {
        let token = Token::new("secret\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        let sent = TokenSender::new(&token).call(Request::new(())).unwrap();
        assert!(!format!("{sent:?}").contains("secret"), "{sent:?}");
        assert_eq!(bearer(sent.metadata().as_ref()), Some(&b"secret"[..]));
        assert!(Token::new(" \n").is_none());
    }

    #[test]
    fn peers_have_a_token_of_their_own() {
        let (a, b) = (Token::new("a").unwrap(), Token::new("b").unwrap());
        assert_ne!(a.for_peers().secret(), a.secret());
        assert_ne!(a.for_peers().secret(), b.for_peers().secret());
    }
}
