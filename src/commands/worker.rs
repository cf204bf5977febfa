//! `aquifer worker`: a worker that dials its coordinator.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aquifer_proto::Credentials;
use clap::Args;

use super::coordinator::{roots, until_told};
use crate::credentials::{NodeTls, WORKER, is_tls};
use crate::dir;
use crate::dir::DirOption;
use crate::options::{MemoryOption, cores};

/// Run a worker of a cluster
#[derive(Args)]
pub(crate) struct Worker {
    /// The coordinator's address
    #[arg(long, env = "AQUIFER_CLUSTER", hide_env_values = true, value_name = "URL")]
    cluster: String,
    /// A token of the cluster: `worker-token` of its --dir, or one of scope worker or admin [default: `worker-token` or
    /// `token` in --dir]
    #[arg(long, env = "AQUIFER_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Address that peers reach this worker at: loopback, or with certificates any; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// URL that peers are told [default: of the address listened on; of 0.0.0.0 the one that leads to the coordinator]
    #[arg(long, value_name = "URL")]
    advertise: Option<String>,
    #[command(flatten)]
    tls: NodeTls,
    /// Folder whose files a plan may name; may be repeated [default: none]
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// Compute threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    threads: Option<u32>,
    #[command(flatten)]
    memory: MemoryOption,
    /// End when standard input closes
    #[arg(long, hide = true)]
    exit_with_parent: bool,
    #[command(flatten)]
    dir: DirOption,
}

impl Worker {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let folder = self.dir.open()?;
        let token_file = self.token_file.clone().unwrap_or_else(|| own_token(&folder));
        // A cluster speaks TLS everywhere or nowhere.
        let tls = is_tls(&self.cluster).then(|| self.tls.open(&folder, WORKER)).transpose()?;
        let config = aquifer_worker::Config {
            coordinator: self.cluster.clone(),
            credentials: Credentials { token: dir::read_token(&token_file)?, tls },
            listen: self.listen,
            advertise: self.advertise.clone(),
            dir: folder,
            roots: roots(&self.root)?,
            memory_bytes: self.memory.bytes()?,
            threads: self.threads.unwrap_or_else(cores) as usize,
            seams: Default::default(),
        };
        let mut worker = aquifer_worker::Worker::start(config).await?;
        tokio::select! {
            ended = worker.ended() => return Ok(ended?),
            () = until_told(self.exit_with_parent) => {}
        }
        worker.stop().await;
        Ok(())
    }
}

/// The weaker one will do.
fn own_token(folder: &Path) -> PathBuf {
    let weaker = folder.join("worker-token");
    if weaker.exists() { weaker } else { folder.join("token") }
}
