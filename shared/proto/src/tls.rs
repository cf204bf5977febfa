//! TLS: who a node is, and whom it believes. Files are read at each handshake, so renewed certificates are taken without a
//! restart.
//!
//! Servers are known by the name they were dialled by, workers by the name of their role: their addresses come and go. Which
//! method needs a caller with a certificate is decided in `access`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aquifer_model::{Kind, Report};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig, crypto, version};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// A name that the certificate of every worker has, and no other's.
pub const WORKER_NAME: &str = "aquifer-worker";

/// HTTP/1 is for what operators ask.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Certificates and keys are small; a device has no end.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Whom a caller dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    Coordinator,
    Worker,
}

/// The certificate authority of a cluster, and for a node its own certificate and key: files, by their paths.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    authority: PathBuf,
    /// Certificate and key.
    own: Option<(PathBuf, PathBuf)>,
    /// The newest configuration of a server that could be made: files may be half renewed.
    good: Mutex<Option<Arc<ServerConfig>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} holds no {what} in PEM form")]
    NotPem { path: PathBuf, what: &'static str },
    #[error("the certificate in {certificate} and the key in {key} cannot be used together")]
    Mismatch { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("{path} is not the certificate of an authority")]
    NoAuthority { path: PathBuf, source: VerifierBuilderError },
    #[error("a server needs a certificate and a key of its own")]
    NoOwn,
}

impl From<TlsError> for Report {
    fn from(error: TlsError) -> Self {
        let report = Report::new(Kind::Config, "tls", error.to_string())
            .hint("`aquifer certs init` makes them, once for a cluster: copy this node's from its folder");
        match std::error::Error::source(&error) {
            Some(source) => report.caused_by(source),
            None => report,
        }
    }
}

impl Tls {
    /// Of who only dials: believes servers of this authority.
    pub fn client(authority: &Path) -> Result<Self, TlsError> {
        Self::of(authority, None)
    }

    /// Of a node: it also shows a certificate of its own, whoever dials.
    pub fn node(authority: &Path, certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::of(authority, Some((certificate.to_owned(), key.to_owned())))
    }

    fn of(authority: &Path, own: Option<(PathBuf, PathBuf)>) -> Result<Self, TlsError> {
        let tls = Self(Arc::new(Inner { authority: authority.to_owned(), own, good: Mutex::new(None) }));
        // What cannot be used is said at the start, and not at the first handshake.
        match tls.0.own {
            Some(_) => tls.server_config().map(drop)?,
            None => certificates(authority).map(drop)?,
        }
        Ok(tls)
    }

    /// For a channel to a node, as the files are now.
    pub(crate) fn client_config(&self, callee: Callee) -> Result<ClientTlsConfig, TlsError> {
        let Inner { authority, own, .. } = &*self.0;
        let config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(authority)?));
        let config = match callee {
            Callee::Coordinator => config,
            Callee::Worker => config.domain_name(WORKER_NAME),
        };
        let Some((certificate, key)) = own else { return Ok(config) };
        Ok(config.identity(Identity::from_pem(read(certificate)?, read(key)?)))
    }

    /// For the next handshake: as the files are now, or as they were when they could last be used.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let mut good = self.0.good.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match (self.server_config(), &*good) {
            (Ok(config), _) => *good = Some(Arc::new(config)),
            (Err(_), Some(_)) => {}
            (Err(error), None) => return Err(error),
        }
        good.clone().map(TlsAcceptor::from).ok_or(TlsError::NoOwn)
    }

    /// TLS 1.3 alone. A caller without a certificate is let in as far as the services; one with a wrong one is not.
    fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let Inner { authority, own, .. } = &*self.0;
        let (certificate, key) = own.as_ref().ok_or(TlsError::NoOwn)?;
        let provider = Arc::new(crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(authority)?);
        let callers = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let callers = callers.allow_unauthenticated().build();
        let callers = callers.map_err(|source| TlsError::NoAuthority { path: authority.clone(), source })?;
        let chain = certificates(certificate)?;
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| TlsError::NotPem { path: key.clone(), what: "private key" })?;
        let mismatch = |source| TlsError::Mismatch { certificate: certificate.clone(), key: key.clone(), source };
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&version::TLS13]);
        let config = config.map_err(mismatch)?.with_client_cert_verifier(callers);
        let mut config = config.with_single_cert(chain, secret).map_err(mismatch)?;
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if read as u64 > PEM_BYTES_MAX { Err(failed(std::io::ErrorKind::FileTooLarge.into())) } else { Ok(bytes) }
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = || TlsError::NotPem { path: path.to_owned(), what: "certificate" };
    let read: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    read.ok().filter(|found| !found.is_empty()).ok_or_else(none)
}

/// What TLS says of a handshake that failed, if it is TLS that failed.
pub(crate) fn tls_failure<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut link = Some(error);
    while let Some(error) = link {
        // An I/O error hides what it wraps from the chain.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let found = error.downcast_ref().or_else(|| wrapped.and_then(|wrapped| wrapped.downcast_ref()));
        if found.is_some() {
            return found;
        }
        link = error.source();
    }
    None
}
