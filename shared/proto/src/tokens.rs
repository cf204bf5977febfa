//! The tokens that a node knows, by their hashes, and what each is good for.
//!
//! Those of a file are read again when the file changes: a token that is added or struck out counts from the next call.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use aquifer_model::{Kind, Report};
use subtle::ConstantTimeEq;
use tonic::metadata::MetadataMap;
use tracing::warn;

use crate::auth::bearer;
use crate::{Scope, Token};

/// A file of tokens is this large at most: some ten thousand of them.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Shared by all services of a node.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    own: Known,
    file: Option<PathBuf>,
    listed: RwLock<Listed>,
}

/// What a file held when it was last looked at, or what the coordinator has told.
#[derive(Default)]
struct Listed {
    stamp: Option<(SystemTime, u64)>,
    known: Vec<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    hash: [u8; 32],
    scope: Scope,
}

/// The token that a caller has shown, kept as its hash: to be looked up again later.
#[derive(Clone)]
pub struct Shown([u8; 32]);

impl Shown {
    pub fn of(metadata: &MetadataMap) -> Option<Self> {
        bearer(metadata.as_ref()).map(|token| Self(hash(token)))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("line {line} of {path} is not `SCOPE HASH`")]
    Line { path: PathBuf, line: usize },
}

impl From<TokensError> for Report {
    fn from(error: TokensError) -> Self {
        let report = Report::new(Kind::Config, "tokens", error.to_string())
            .hint("`aquifer certs token` adds to it; a line can be struck out by hand");
        match std::error::Error::source(&error) {
            Some(source) => report.caused_by(source),
            None => report,
        }
    }
}

impl Tokens {
    pub fn new(token: &Token, scope: Scope) -> Self {
        Self::of(token, scope, None, Listed::default())
    }

    /// Those of a file as well, which may come to be later.
    pub fn with_file(token: &Token, scope: Scope, file: &Path) -> Result<Self, TokensError> {
        let listed = Listed { stamp: stamp(file), known: read(file)? };
        Ok(Self::of(token, scope, Some(file.to_owned()), listed))
    }

    fn of(token: &Token, scope: Scope, file: Option<PathBuf>, listed: Listed) -> Self {
        let own = Known { hash: hash(token.secret().as_bytes()), scope };
        Self(Arc::new(Inner { own, file, listed: listed.into() }))
    }

    /// What a token is good for, if it is known: in time that does not depend on how much of it was right.
    pub(crate) fn scope(&self, given: &[u8]) -> Option<Scope> {
        self.scope_now(&Shown(hash(given)))
    }

    /// What it is good for now: it may have been struck out since it was shown.
    pub fn scope_now(&self, Shown(given): &Shown) -> Option<Scope> {
        self.look_at_file();
        let listed = self.listed();
        listed
            .known
            .iter()
            .chain([&self.0.own])
            .fold(None, |found, known| if bool::from(known.hash.ct_eq(given)) { Some(known.scope) } else { found })
    }

    /// Of all that are no worker's, as a file has them: what a coordinator tells its workers.
    pub fn lines(&self) -> Vec<String> {
        let listed = self.listed();
        let clients = listed.known.iter().chain([&self.0.own]).filter(|known| known.scope != Scope::Worker);
        clients.map(Known::line).collect()
    }

    /// What the coordinator of a worker tells it: replaces what it told before.
    pub fn learn(&self, peers: &Token, lines: &[String]) {
        let peers = Known { hash: hash(peers.secret().as_bytes()), scope: Scope::Worker };
        let known = lines.iter().filter_map(|line| Known::read(line)).chain([peers]).collect();
        *self.0.listed.write().unwrap_or_else(PoisonError::into_inner) = Listed { stamp: None, known };
    }

    fn look_at_file(&self) {
        let Some(file) = &self.0.file else { return };
        let now = stamp(file);
        if self.listed().stamp == now {
            return;
        }
        // What cannot be read lets nobody in.
        let known = read(file).unwrap_or_else(|error| {
            warn!(%error, "no token of the file is known until it is mended");
            Vec::new()
        });
        *self.0.listed.write().unwrap_or_else(PoisonError::into_inner) = Listed { stamp: now, known };
    }

    fn listed(&self) -> RwLockReadGuard<'_, Listed> {
        self.0.listed.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line that makes a token known to who reads the file.
pub fn token_line(token: &Token, scope: Scope) -> String {
    Known { hash: hash(token.secret().as_bytes()), scope }.line()
}

impl Known {
    fn line(&self) -> String {
        format!("{} {}", self.scope.name(), blake3::Hash::from(self.hash).to_hex())
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let scope = words.next()?.parse().ok()?;
        let hash = blake3::Hash::from_hex(words.next()?).ok()?;
        Some(Self { hash: hash.into(), scope })
    }
}

fn hash(secret: &[u8]) -> [u8; 32] {
    blake3::hash(secret).into()
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let found = file.metadata().ok()?;
    Some((found.modified().ok()?, found.len()))
}

/// Lines of `SCOPE HASH`, and after these whatever says whose it is; empty ones and `#` are passed over.
fn read(path: &Path) -> Result<Vec<Known>, TokensError> {
    let failed = |source| TokensError::Read { path: path.to_owned(), source };
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Ok(found) if found.len() > FILE_BYTES_MAX => return Err(failed(std::io::ErrorKind::FileTooLarge.into())),
        _ => {}
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| Known::read(line).ok_or_else(|| TokensError::Line { path: path.to_owned(), line: at + 1 }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Token {
        Token::new(text).unwrap()
    }

    #[test]
    fn only_whole_tokens_are_known() {
        let tokens = Tokens::new(&token("secret"), Scope::Admin);
        assert_eq!(tokens.scope(b"secret"), Some(Scope::Admin));
        for wrong in ["secre", "secrets", "x", ""] {
            assert_eq!(tokens.scope(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn workers_learn_who_may_ask_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        let line = |text: &str, scope| token_line(&token(text), scope);
        std::fs::write(&file, [line("r", Scope::Read), line("w", Scope::Worker)].join("\n")).unwrap();
        let coordinator = Tokens::with_file(&token("a"), Scope::Admin, &file).unwrap();
        let worker = Tokens::new(&token("w"), Scope::Admin);
        worker.learn(&token("p"), &coordinator.lines());
        let known = ["r", "a", "p", "w"].map(|text| worker.scope(text.as_bytes()));
        assert_eq!(known, [Some(Scope::Read), Some(Scope::Admin), Some(Scope::Worker), Some(Scope::Admin)]);
        worker.learn(&token("q"), &[]);
        assert_eq!(["r", "p", "q"].map(|text| worker.scope(text.as_bytes())), [None, None, Some(Scope::Worker)]);
        assert_eq!(coordinator.lines().len(), 2, "a worker's token is told to no other");
    }

    #[test]
    fn a_file_may_come_change_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        let tokens = Tokens::with_file(&token("a"), Scope::Admin, &file).unwrap();
        assert_eq!(tokens.scope(b"r"), None);
        let line = token_line(&token("r"), Scope::Read);
        std::fs::write(&file, format!("# who\n{line} of somebody\n")).unwrap();
        assert_eq!(tokens.scope(b"r"), Some(Scope::Read));
        std::fs::write(&file, format!("{line}\nmischief")).unwrap();
        assert_eq!(tokens.scope(b"r"), None, "a file that cannot be read lets nobody in");
        assert_eq!(tokens.scope(b"a"), Some(Scope::Admin));
        assert!(Tokens::with_file(&token("a"), Scope::Admin, &file).is_err(), "and nothing starts with it");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(tokens.scope(b"r"), None);
    }
}
