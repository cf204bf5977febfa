//! `aquifer coordinator`: a lasting coordinator.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use aquifer_frame::Roots;
use aquifer_learn::{Isa, self_test};
use aquifer_model::Report;
use clap::Args;

use crate::credentials::{COORDINATOR, NodeTls};
use crate::dir;
use crate::dir::DirOption;
use crate::failure::{unwritable, usage};
use crate::newfile::NewFile;
use crate::options::{CacheOption, GraceOption};

/// Run the coordinator of a cluster
#[derive(Args)]
pub(crate) struct Coordinator {
    /// Address to listen on: loopback, or with certificates any; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:7400", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Folder whose files clients may name; may be repeated [default: none, so clients upload]
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// Token that is good for everything; beside it, in `tokens`, are the weaker ones [default: `token` in --dir, made at the
    /// first start]
    #[arg(long, env = "AQUIFER_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    tls: NodeTls,
    /// End when standard input closes
    #[arg(long, hide = true)]
    exit_with_parent: bool,
    #[command(flatten)]
    cache: CacheOption,
    #[command(flatten)]
    grace: GraceOption,
    #[command(flatten)]
    dir: DirOption,
}

impl Coordinator {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let folder = self.dir.open()?;
        let lock = dir::lock(&folder)?;
        let token = match &self.token_file {
            Some(file) => dir::read_token(file)?,
            None => {
                dir::worker_token_of(&folder)?;
                dir::token_of(&folder)?
            }
        };
        let tokens = self.token_file.clone().unwrap_or_else(|| folder.join("token")).with_file_name(dir::TOKENS);
        // One that was killed left its address: while this one starts there is none.
        let address = folder.join("address");
        let _ = std::fs::remove_file(&address);
        let config = aquifer_coordinator::Config {
            listen: self.listen,
            dir: folder.clone(),
            journal_dir: folder.clone(),
            roots: roots(&self.root)?,
            token,
            tokens: Some(tokens),
            tls: self.tls.find(&folder, COORDINATOR)?,
            cache_bytes: self.cache.cache_bytes,
            continues: true,
            no_worker_grace: Duration::from_secs(self.grace.no_worker_grace),
            // Its own, not the first worker's: a machine that computes other bits must not be the measure.
            self_test: Some(tokio::task::block_in_place(|| self_test(Isa::detect())).map_err(Report::from)?),
            seams: Default::default(),
        };
        let coordinator = aquifer_coordinator::Coordinator::start(config).await.map_err(Report::from)?;
        let url = coordinator.url().to_owned();
        let mut file = NewFile::begin(&address)?; // whole or not there: a client may be reading
        file.write_all(url.as_bytes()).map_err(|error| unwritable(&address, &error))?;
        file.finish()?;
        tracing::info!(url, "listening");
        until_told(self.exit_with_parent).await;
        let _ = std::fs::remove_file(&address);
        coordinator.stop().await;
        drop(lock);
        Ok(())
    }
}

pub(crate) fn roots(folders: &[PathBuf]) -> anyhow::Result<Roots> {
    for folder in folders {
        folder.canonicalize().map_err(|error| {
            let message = format!("the folder {}, given with --root, cannot be used", folder.display());
            usage("bad_root", message).hint("give a folder that exists and can be read").caused_by(&error)
        })?;
    }
    Ok(Roots::new(folders).map_err(|error| usage("bad_root", "a folder of --root is gone").caused_by(&error))?)
}

/// Waits for Ctrl-C, SIGTERM, or the end of standard input if that means the parent is gone.
pub(crate) async fn until_told(exit_with_parent: bool) {
    let parent_gone = async {
        if !exit_with_parent {
            std::future::pending::<()>().await;
        }
        // Nothing is ever written there: reading ends when the parent does.
        let (gone, wait) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = gone.send(());
        });
        let _ = wait.await;
    };
    tokio::select! {
        () = parent_gone => {}
        () = terminated() => {}
        () = interrupted(exit_with_parent) => {}
    }
}

/// A terminal sends Ctrl-C to children as well; one that ends with its parent leaves the order of ending to it.
async fn interrupted(ignored: bool) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if !ignored {
            return;
        }
    }
    std::future::pending().await
}

async fn terminated() {
    #[cfg(unix)]
    if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        signal.recv().await;
        return;
    }
    std::future::pending().await
}
