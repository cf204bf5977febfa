//! A cluster of real processes that is maltreated, and what is asked of it meanwhile and afterwards: it lives, has not
//! panicked, took no more memory than it may, serves others, and trains the same bytes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aquifer_harness::{Aquifer, Cluster, LIMIT};
use aquifer_proto::{Callee, Token};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use crate::call::Node;

/// Address space of each process, so that no mistake of a test or of the product takes the machine with it. What a process may
/// really have is [`Bed::check`]'s.
const ADDRESSES_KIB: u64 = 16 << 20;

pub(crate) struct Bed {
    pub(crate) aquifer: Aquifer,
    pub(crate) cluster: Cluster,
    pids: Vec<(String, u32)>,
    pub(crate) worker_url: String,
}

/// Runs what only waits for the network.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limited = runtime.block_on(async { tokio::time::timeout(2 * LIMIT, work).await });
    limited.expect("an end within the limit")
}

impl Bed {
    /// A cluster that can read one folder, with one file in it.
    pub(crate) fn up(workers: u32) -> Self {
        let aquifer = Aquifer::new(env!("CARGO_BIN_EXE_aquifer"));
        let root = aquifer.file("root");
        std::fs::create_dir(&root).expect("a root");
        write_table(&root.join("table.parquet"));
        let script = format!("ulimit -v {ADDRESSES_KIB} && exec \"$@\"");
        let cluster = Cluster::with(&aquifer, workers)
            .option("--root", &root)
            .option("--threads", "1")
            .inside(&["sh", "-c", &script, "sh"])
            .start();
        let status = cluster.status(&aquifer);
        let pid = |node: &serde_json::Value| node["pid"].as_u64().expect("a process") as u32;
        let mut pids = vec![("the coordinator".to_owned(), pid(&status["coordinator"]))];
        let workers = status["workers"].as_array().expect("workers");
        pids.extend(workers.iter().map(|worker| ("a worker".to_owned(), pid(worker))));
        let worker_url = workers[0]["address"].as_str().expect("an address").to_owned();
        Self { aquifer, cluster, pids, worker_url }
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.aquifer.file("root").join("table.parquet")
    }

    pub(crate) fn token(&self) -> Token {
        let text = std::fs::read_to_string(self.cluster.token_file()).expect("the cluster's token");
        Token::new(&text).expect("a token")
    }

    /// Its token opens everything there.
    pub(crate) async fn coordinator(&self) -> Node {
        Node::at(&self.cluster.url(), &self.token(), Callee::Coordinator).await
    }

    /// Of a worker's owner.
    pub(crate) fn worker_token(&self) -> Token {
        let text = std::fs::read_to_string(self.cluster.dir().join("worker-token")).expect("the worker's token");
        Token::new(&text).expect("a token")
    }

    /// For its owner, who looks at its health.
    pub(crate) async fn own_worker(&self) -> Node {
        Node::at(&self.worker_url, &self.worker_token(), Callee::Worker).await
    }

    pub(crate) async fn worker(&self) -> Node {
        Node::at(&self.worker_url, &self.token().for_peers(), Callee::Worker).await
    }

    /// What a worker of this machine says as it registers.
    pub(crate) fn self_test(&self) -> String {
        let doctor = self.aquifer.run(["doctor", "--output", "json"]).ok().json();
        doctor["self_test"].as_str().expect("a hash").to_owned()
    }

    /// A client is answered, at the first attempt.
    #[track_caller]
    pub(crate) fn is_served(&self) {
        let words = ["cluster", "status"].map(OsString::from).into_iter().chain(self.cluster.options());
        let asked = self.aquifer.run(words);
        assert!(asked.status.success(), "{}\n{}", asked.stderr, tail(&self.cluster.log()));
    }

    /// The bytes of a small training.
    pub(crate) fn train(&self) -> Vec<u8> {
        let out = self.aquifer.file("model.safetensors");
        let mut arguments: Vec<OsString> = vec!["train".into(), self.source().into()];
        for option in ["--target", "y", "--set", "hidden=[4]", "--set", "epochs=2", "--set", "ranks=2", "--out"] {
            arguments.push(option.into());
        }
        arguments.push(out.clone().into());
        arguments.extend(self.cluster.options());
        self.aquifer.run(arguments).ok();
        let model = std::fs::read(&out).expect("a model");
        std::fs::remove_file(out).expect("the model");
        model
    }

    /// The same processes are there, none has panicked, and none ever had more than so many MiB of memory.
    #[track_caller]
    pub(crate) fn check(&self, memory_mib_max: u64) {
        let log = self.cluster.log();
        let panicked = log.find("panicked").map(|at| &log[at.saturating_sub(200)..(at + 800).min(log.len())]);
        assert!(panicked.is_none(), "{}", panicked.unwrap_or_default());
        for (name, pid) in &self.pids {
            let peak = self.peak_mib(*pid).unwrap_or_else(|| panic!("{name} is gone:\n{}", tail(&log)));
            println!("{name}: at most {peak} MiB");
            assert!(peak <= memory_mib_max, "{name} took {peak} MiB");
        }
    }

    /// The most memory that a process had, in MiB.
    fn peak_mib(&self, pid: u32) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib >> 10)
    }
}

fn tail(log: &str) -> &str {
    let from = log.len().saturating_sub(3000);
    (from..log.len()).find_map(|at| log.get(at..)).unwrap_or_default()
}

/// Three blocks of rows: small, and still something that ranks share.
fn write_table(path: &Path) {
    let rows = 0..3000u32;
    let number = |factor: u32| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| f64::from(row * factor % 97) / 97.0)))
    };
    let classes = rows.clone().map(|row| if row * 7 % 97 > 48 { "yes" } else { "no" });
    let y: ArrayRef = Arc::new(StringArray::from_iter_values(classes));
    let table = RecordBatch::try_from_iter([("a", number(7)), ("b", number(31)), ("y", y)]).expect("a table");
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, table.schema(), None).expect("a writer");
    writer.write(&table).expect("rows");
    writer.close().expect("a footer");
}
