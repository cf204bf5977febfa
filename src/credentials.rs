//! What a command brings to a cluster, and a node to its services: tokens and certificates, by option or from the data
//! folder, under the names that `certs init` gives them.

use std::path::{Path, PathBuf};

use aquifer_proto::{Credentials, Tls};
use clap::Args;

use crate::dir;

/// The authority's certificate: whom to believe.
pub(crate) const AUTHORITY: &str = "ca.pem";
/// Begins the names of the coordinator's certificate and key.
pub(crate) const COORDINATOR: &str = "coordinator";
/// Begins the names of every worker's certificate and key.
pub(crate) const WORKER: &str = "worker";

pub(crate) fn certificate_of(role: &str) -> String {
    format!("{role}.pem")
}

pub(crate) fn key_of(role: &str) -> String {
    format!("{role}.key")
}

/// True where callers are to speak TLS.
pub(crate) fn is_tls(url: &str) -> bool {
    url.starts_with("https://")
}

/// Of a client: `dir` has what no option names.
pub(crate) fn of_client(
    url: &str,
    token_file: Option<&Path>,
    authority: Option<&Path>,
    dir: &Path,
) -> anyhow::Result<Credentials> {
    let or_in_dir = |given: Option<&Path>, name: &str| given.map_or_else(|| dir.join(name), Path::to_owned);
    let token = dir::read_token(&or_in_dir(token_file, "token"))?;
    let authority = or_in_dir(authority, AUTHORITY);
    // Without any the dialling itself says what is missing.
    let tls = (is_tls(url) && (authority.exists())).then(|| Tls::client(&authority)).transpose();
    Ok(Credentials { token, tls: tls.map_err(aquifer_model::Report::from)? })
}

/// Certificates of a node.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct NodeTls {
    /// Certificate of the cluster's authority [default: `ca.pem` in --dir]
    #[arg(long, env = "AQUIFER_CA_FILE", hide_env_values = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Certificate of this node [default: `coordinator.pem`, of a worker `worker.pem`, in --dir]
    #[arg(long, env = "AQUIFER_CERT_FILE", hide_env_values = true, value_name = "FILE")]
    cert_file: Option<PathBuf>,
    /// Key of that certificate [default: `coordinator.key`, of a worker `worker.key`, in --dir]
    #[arg(long, env = "AQUIFER_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl NodeTls {
    /// TLS, if files are named or lie in the folder.
    pub(crate) fn find(&self, dir: &Path, role: &str) -> anyhow::Result<Option<Tls>> {
        let named = self.ca_file.is_some() || self.cert_file.is_some() || self.key_file.is_some();
        match named || has_certificate(dir, role) {
            true => self.open(dir, role).map(Some),
            false => Ok(None),
        }
    }

    /// TLS, which is needed.
    pub(crate) fn open(&self, dir: &Path, role: &str) -> anyhow::Result<Tls> {
        let or_in_dir = |given: &Option<PathBuf>, name: String| given.clone().unwrap_or_else(|| dir.join(name));
        let authority = or_in_dir(&self.ca_file, AUTHORITY.to_owned());
        let certificate = or_in_dir(&self.cert_file, certificate_of(role));
        let tls = Tls::node(&authority, &certificate, &or_in_dir(&self.key_file, key_of(role)));
        Ok(tls.map_err(aquifer_model::Report::from)?)
    }
}

pub(crate) fn has_certificate(dir: &Path, role: &str) -> bool {
    dir.join(AUTHORITY).exists() && dir.join(certificate_of(role)).exists()
}
