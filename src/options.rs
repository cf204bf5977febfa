//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;

/// The data folder.
#[derive(Args, Clone, Debug)]
pub(crate) struct DirOption {
    /// Data folder: frames, shards, models [default: ~/.local/share/aquifer]
    #[arg(long, env = "AQUIFER_DIR", hide_env_values = true, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
}

/// Where the work is done: in this process, in worker processes of this command, or in a running cluster.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClusterOptions {
    #[command(flatten)]
    pub(crate) dir: DirOption,
    /// Use a running cluster at this address
    #[arg(long, env = "AQUIFER_CLUSTER", hide_env_values = true, value_name = "URL", conflicts_with = "workers")]
    pub(crate) cluster: Option<String>,
    /// The cluster's token [default: the file `token` in --dir]
    #[arg(long, env = "AQUIFER_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Run with this many worker processes for the length of the command
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) workers: Option<u32>,
    /// Compute threads of each worker [default: all cores, shared out]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) threads: Option<u32>,
}

/// Cores that this process may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u32)
}
