//! Options that several commands share.

use std::path::PathBuf;

use aquifer_frame::{SchemaMode, SourceOptions};
use clap::Args;

/// The data folder.
#[derive(Args, Clone, Debug)]
pub(crate) struct DirOption {
    /// Data folder: frames, shards, models [default: ~/.local/share/aquifer]
    #[arg(long, env = "AQUIFER_DIR", hide_env_values = true, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
}

/// How large frames without a name may become.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct CacheOption {
    /// Bytes of frames without a name that are kept for the next command [default: 50 GB, at most a fifth of the disk]
    #[arg(long, env = "AQUIFER_CACHE_BYTES", hide_env_values = true, value_name = "BYTES")]
    pub(crate) cache_bytes: Option<u64>,
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
    #[command(flatten)]
    pub(crate) cache: CacheOption,
}

/// How Parquet files are read.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SourceArgs {
    /// What becomes of a column that some of the files lack: an error, or missing in their rows [default: strict]
    #[arg(long, value_name = "strict|union", value_parser = schema_mode)]
    pub(crate) schema: Option<SchemaMode>,
    /// Whether folders named `key=value` make columns [default: on]
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    pub(crate) partitions: Option<bool>,
    /// Give columns of one name names of their own: NAME, NAME.1, NAME.2, …
    #[arg(long)]
    pub(crate) rename: bool,
    /// Column to leave out, whatever its type; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub(crate) ignore: Vec<String>,
}

impl SourceArgs {
    pub(crate) fn options(&self) -> SourceOptions {
        SourceOptions {
            schema: self.schema.unwrap_or_default(),
            partitions: self.partitions.unwrap_or(true),
            rename: self.rename,
            ignored: self.ignore.clone(),
        }
    }
}

fn schema_mode(text: &str) -> Result<SchemaMode, String> {
    match text {
        "strict" => Ok(SchemaMode::Strict),
        "union" => Ok(SchemaMode::Union),
        _ => Err("strict or union".to_owned()),
    }
}

fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off".to_owned()),
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u32)
}
