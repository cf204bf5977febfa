//! The token that every service asks for and every client sends.

use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

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

/// Server side: refuses a request without the token, in time that does not depend on how much of it was right.
#[derive(Clone)]
pub struct TokenCheck(Token);

impl TokenCheck {
    pub fn new(token: &Token) -> Self {
        Self(token.clone())
    }
}

impl Interceptor for TokenCheck {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let given = request.metadata().get(HEADER).map(|value| value.as_bytes());
        let Some(given) = given.and_then(|value| value.strip_prefix(b"Bearer ")) else {
            return Err(Status::unauthenticated("a token is required"));
        };
        match bool::from(given.ct_eq(self.0.0.as_bytes())) {
            true => Ok(request),
            false => Err(Status::unauthenticated("the token is wrong")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_in_only_the_same_token() {
        let token = |s| Token::new(s).unwrap();
        let send = |t: &Token| TokenSender::new(t).call(Request::new(())).unwrap();
        let mut check = TokenCheck::new(&token("secret"));
        assert!(check.call(send(&token("secret"))).is_ok());
        for wrong in ["secre", "secrets", "x"] {
            assert!(check.call(send(&token(wrong))).is_err());
        }
        assert!(check.call(Request::new(())).is_err());
        assert!(Token::new(" \n").is_none());
    }
}
