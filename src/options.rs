//! Options that several commands share.

use std::path::{Path, PathBuf};

use aquifer_coordinator::core::NO_WORKER_GRACE;
use aquifer_frame::{SchemaMode, SourceOptions};
use aquifer_model::Report;
use aquifer_proto::Credentials;
use aquifer_worker::{BASE_BYTES, cgroup_memory_bytes, memory_bytes};
use clap::Args;

use crate::credentials;
use crate::dir::DirOption;
use crate::failure::usage;
use crate::output::say;

/// How large frames without a name may become.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct CacheOption {
    /// Bytes of frames without a name that are kept for the next command [default: 50 GB, at most a fifth of the disk]
    #[arg(long, env = "AQUIFER_CACHE_BYTES", hide_env_values = true, value_name = "BYTES")]
    pub(crate) cache_bytes: Option<u64>,
}

/// How long jobs wait for workers.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct GraceOption {
    /// Seconds that a job waits while there is no worker, before it fails
    #[arg(long, default_value_t = NO_WORKER_GRACE.as_secs(), value_name = "SECONDS")]
    pub(crate) no_worker_grace: u64,
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
    /// Certificate of the authority of a cluster at https:// [default: the file `ca.pem` in --dir]
    #[arg(long, env = "AQUIFER_CA_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Run with this many worker processes for the length of the command
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) workers: Option<u32>,
    /// Compute threads of each worker [default: all cores, shared out]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) threads: Option<u32>,
    #[command(flatten)]
    pub(crate) memory: MemoryOption,
    #[command(flatten)]
    pub(crate) cache: CacheOption,
}

impl ClusterOptions {
    /// What is brought to the cluster at `url`.
    pub(crate) fn credentials(&self, url: &str, dir: &Path) -> anyhow::Result<Credentials> {
        credentials::of_client(url, self.token_file.as_deref(), self.ca_file.as_deref(), dir)
    }

    /// The options that say which cluster or folder, as they were given: for commands that are shown. Those of the environment
    /// are there the next time, too.
    pub(crate) fn given(&self) -> String {
        let own = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let given = [
            ("--cluster", "AQUIFER_CLUSTER", self.cluster.clone()),
            ("--token-file", "AQUIFER_TOKEN_FILE", own(&self.token_file)),
            ("--ca-file", "AQUIFER_CA_FILE", own(&self.ca_file)),
            ("--dir", "AQUIFER_DIR", own(&self.dir.dir)),
        ];
        let typed = given.into_iter().filter_map(|(name, variable, value)| {
            let value = value.filter(|value| std::env::var(variable).ok().as_ref() != Some(value))?;
            Some(format!(" {name} {value}"))
        });
        typed.collect()
    }

    /// Memory of each worker that this command starts: as asked for, or an equal share.
    pub(crate) fn worker_memory(&self) -> Result<Option<u64>, Report> {
        let workers = u64::from(self.workers.unwrap_or(1));
        if self.cluster.is_some() && self.memory.memory.is_some() {
            let message = "--memory is a worker's, and the workers of a running cluster have theirs";
            return Err(usage("memory_of_cluster", message).hint("give --memory to `cluster up` or `worker`"));
        }
        let asked = self.memory.of(workers)?;
        Ok(asked.or((workers > 1).then(|| memory_bytes() / workers).filter(|bytes| *bytes > 0)))
    }
}

/// How much memory of its own a worker may take.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct MemoryOption {
    /// Memory that each worker may take, as 512MiB or 2GB; page cache is not counted [default: what the machine has]
    #[arg(long, env = "AQUIFER_MEMORY", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
}

impl MemoryOption {
    /// Checked: what is too little for anything, or more than there is, is refused here.
    pub(crate) fn bytes(self) -> Result<Option<u64>, Report> {
        self.of(1)
    }

    /// Of so many workers on this machine each.
    pub(crate) fn of(self, workers: u64) -> Result<Option<u64>, Report> {
        let Some(asked) = self.memory else { return Ok(None) };
        let there = memory_bytes() / workers.max(1);
        let mib = |bytes: u64| bytes >> 20;
        if asked < BASE_BYTES {
            let message = format!("--memory {} MiB is less than any training takes", mib(asked));
            return Err(usage("memory_too_small", message).hint(format!("give {} MiB or more", mib(BASE_BYTES))));
        }
        if there > 0 && asked > there {
            let whose = match cgroup_memory_bytes() {
                Some(_) => "the limit of this process's cgroup",
                None => "the memory of this machine",
            };
            let message = format!("--memory {} MiB is more than {whose}, {} MiB", mib(asked), mib(there));
            return Err(usage("memory_too_large", message).hint(format!("give {} MiB or less", mib(there))));
        }
        Ok(Some(asked))
    }
}

/// Bytes, or a number with a unit.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1u64,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        other => return Err(format!("{other} is no unit: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB are")),
    };
    let number: f64 = number.parse().map_err(|_| "a size is expected, as 512MiB or 2GB".to_owned())?;
    let bytes = number * unit as f64;
    if (1.0..1e18).contains(&bytes) { Ok(bytes as u64) } else { Err("a size above 0 is expected".to_owned()) }
}

/// Says that more threads than cores only get into each other's way.
pub(crate) fn say_if_crowded(threads: Option<u32>, workers: u32) {
    let asked = u64::from(threads.unwrap_or(1)) * u64::from(workers.max(1));
    if threads.is_some() && asked > u64::from(cores()) {
        say(&format!(
            "note: {asked} threads on {} cores get into each other's way: nothing is gained by them",
            cores()
        ));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("1024"), Ok(1024));
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("1.5 g"), Ok(3 << 29));
        assert_eq!(size("2GB"), Ok(2_000_000_000));
        for bad in ["", "MiB", "0", "-1", "5 parsecs", "1e30TB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
