//! Model files: flipped, cut, rewritten, made by hand. What stands behind the hash is reached by files that are sealed
//! again once they were changed. Each is read as `predict` and `model show` read it, to the predictions of a small table.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use aquifer_frame::{
    Apply, BLOCK_ROWS, Batch, EncodedFrame, Mixing, Plan, Reader, Shard, ShardRecord, block_count,
    import_shard_in_memory,
};
use aquifer_learn::{Isa, PartRows, Trial, Workspace};
use aquifer_model::{Model, Report, Spec};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::case::{Case, Cases, Expect, Input, planned};
use crate::seeds::{Numbers, table, written};
use crate::{headers, json, sealed};

/// A class of two, of four, a number; each with other settings, so that there is more to be wrong.
const TARGETS: [(&str, &[&str]); 3] = [
    ("f", &["hidden=[4]", "l2=1e-4"]),
    ("c", &["hidden=[3,2]", "scaling=min_max", "missing_indicators=true"]),
    ("x", &["hidden=[]", "loss=huber", "optimizer=sgd", "split=0.7"]),
];
/// Flips that the hash must find, and changes that are sealed again.
const FLIPS: usize = 6_000;
const SCRAMBLED: usize = 8_000;
const REFUSED: Expect = Expect::Codes(&[
    "model_altered",
    "model_truncated",
    "model_header",
    "model_newer",
    "not_a_model",
    "not_safetensors",
]);

pub(crate) fn prepare(folder: &Path) {
    let data = folder.join("table.parquet");
    std::fs::write(&data, written(&table(), WriterProperties::builder().build())).expect("a table");
    for (target, settings) in TARGETS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aquifer"));
        command.arg("train").arg(&data).args(["--target", target, "--dir"]).arg(folder.join("dir"));
        command.arg("--out").arg(folder.join(format!("{target}.safetensors"))).args(["--set", "epochs=2"]);
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        let output = command.output().expect("a training");
        assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

pub(crate) fn cases(folder: &Path) -> Box<dyn Cases> {
    let rows = Arc::new(Table::read(folder));
    let models: Vec<Vec<u8>> =
        TARGETS.map(|(target, _)| std::fs::read(folder.join(format!("{target}.safetensors"))).expect("a model")).into();
    let lies = models
        .iter()
        .enumerate()
        .flat_map(|(at, model)| lies(model).into_iter().map(move |(what, lie)| (format!("model {at}, {what}"), lie)))
        .collect();
    let by_hand = headers::all(&models[0]);
    Box::new(Models { rows, models, lies, by_hand })
}

struct Models {
    rows: Arc<Table>,
    models: Vec<Vec<u8>>,
    /// Headers in which one value is another.
    lies: Vec<(String, String)>,
    by_hand: Vec<headers::Made>,
}

impl Cases for Models {
    fn count(&self) -> usize {
        self.models.len() + self.cuts() + FLIPS + SCRAMBLED + self.lies.len() + self.by_hand.len()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let (whole, cuts, lies) = (self.models.len(), self.cuts(), self.lies.len());
        let (what, bytes, expect) = match at {
            _ if at < whole => (format!("model {at} as it is"), self.models[at].clone(), Expect::Right),
            _ if at < whole + cuts => self.cut(at - whole),
            _ if at < whole + cuts + FLIPS => self.flipped(at - whole - cuts),
            _ if at < whole + cuts + FLIPS + SCRAMBLED => self.scrambled(at - whole - cuts - FLIPS),
            _ if at < whole + cuts + FLIPS + SCRAMBLED + lies => {
                let (what, header) = &self.lies[at - whole - cuts - FLIPS - SCRAMBLED];
                let model: usize = what.split([' ', ',']).nth(1).and_then(|word| word.parse().ok()).expect("a model");
                let bytes = sealed::file(header.as_bytes(), sealed::parts(&self.models[model]).1);
                (what.clone(), bytes, Expect::Any)
            }
            _ => {
                let headers::Made { what, bytes, expect } = &self.by_hand[at - (self.count() - self.by_hand.len())];
                (what.clone(), bytes.clone(), *expect)
            }
        };
        let rows = self.rows.clone();
        Case { what, input: Input::work(move || predicted(&bytes, &rows)), expect }
    }
}

impl Models {
    fn cuts(&self) -> usize {
        self.models[0].len()
    }

    /// At every length, as it is; only a file that is whole has the right hash.
    fn cut(&self, length: usize) -> (String, Vec<u8>, Expect) {
        (format!("cut at {length}"), self.models[0][..length].to_vec(), REFUSED)
    }

    fn flipped(&self, at: usize) -> (String, Vec<u8>, Expect) {
        let mut numbers = Numbers(at as u64);
        let model = at % self.models.len();
        let mut bytes = self.models[model].clone();
        let (place, bit) = (numbers.below(bytes.len()), numbers.below(8));
        bytes[place] ^= 1 << bit;
        (format!("model {model}, bit {bit} of byte {place}"), bytes, REFUSED)
    }

    /// A few bytes of the header are others, and all that is counted and summed is mended.
    fn scrambled(&self, at: usize) -> (String, Vec<u8>, Expect) {
        let mut numbers = Numbers(!(at as u64));
        let model = at % self.models.len();
        let (header, data) = sealed::parts(&self.models[model]);
        let mut header = header.to_vec();
        let first = sealed::DIGITS_END;
        let mut what = format!("model {model}, sealed again with");
        for _ in 0..=numbers.below(3) {
            let place = first + numbers.below(header.len() - first);
            let end = (place + 1 + numbers.below(12)).min(header.len());
            match numbers.below(5) {
                0 => header[place] ^= 1 << numbers.below(8),
                1 => header[place] = b"\"{}[],:-0919eE.\\ntf"[numbers.below(19)],
                2 => drop(header.drain(place..end)),
                3 => {
                    let copy = header[place..end].to_vec();
                    header.splice(place..place, copy);
                }
                _ => {
                    let token = json::TOKENS[numbers.below(json::TOKENS.len())];
                    header.splice(place..end, token.bytes());
                }
            }
            what.push_str(&format!(" {place}"));
        }
        (what, sealed::file(&header, data), Expect::Any)
    }
}

/// The headers of a model in which one value, of the tensors or of what is said beside them, is another.
fn lies(model: &[u8]) -> Vec<(String, String)> {
    let (header, _) = sealed::parts(model);
    let outer: Value = serde_json::from_slice(header).expect("a header");
    let inner: Value =
        outer["__metadata__"]["aquifer"].as_str().and_then(|text| serde_json::from_str(text).ok()).expect("a model");
    let beside = json::lies(&inner).into_iter().map(|(what, lie)| {
        let mut outer = outer.clone();
        outer["__metadata__"]["aquifer"] = lie.to_string().into();
        (what, outer.to_string())
    });
    let of_tensors =
        json::lies(&outer).into_iter().map(|(what, lie)| (format!("the header's {what}"), lie.to_string()));
    beside.chain(of_tensors).collect()
}

/// The rows that are predicted.
struct Table {
    plan: Plan,
    shard: Arc<Shard>,
    record: ShardRecord,
}

impl Table {
    fn read(folder: &Path) -> Self {
        let plan = planned(&[folder.join("table.parquet")]).expect("a table");
        let (shard, record) = import_shard_in_memory(&plan, 0).expect("a shard");
        Self { plan, shard: Arc::new(shard), record }
    }
}

fn predicted(bytes: &[u8], rows: &Table) -> Result<Result<(), Report>, String> {
    match predict(bytes, rows) {
        Err(report) => Ok(Err(report)),
        Ok((model, values)) => {
            let toml = Spec::default().resolved_toml(&model.spec);
            Spec::parse(&toml).map_err(|error| format!("a spec that cannot be read: {error}"))?;
            model.encoding.feature_names();
            if values.is_empty() || !values.len().is_multiple_of(rows.plan.rows as usize) {
                return Err(format!("{} values of {} rows", values.len(), rows.plan.rows));
            }
            Ok(Ok(()))
        }
    }
}

/// The way of `predict`.
fn predict(bytes: &[u8], rows: &Table) -> Result<(Model, Vec<f32>), Report> {
    let model = Model::from_bytes(bytes)?;
    let apply = Apply { with_target: false, impute_absent: true };
    model.encoding.check_schema(&rows.plan.columns, apply)?;
    let parts = PartRows { train: model.spec.rows, validation: None, holdout: None, test: None };
    let encoding = Arc::new(model.encoding.clone());
    let trial = Trial::new(model.spec.params.clone(), encoding.clone(), parts, Isa::detect())?;
    let weights = trial.network().weights_from_tensors(&model.tensors)?;
    trial.initial_state();
    model.encoding.check_shard(&rows.record, apply)?;
    let frame = Arc::new(EncodedFrame::new(rows.plan.rows, vec![rows.shard.clone()], encoding, apply)?);
    let blocks = 0..block_count(rows.plan.rows);
    let mut reader = Reader::new(frame, blocks.clone(), 0, 0, Mixing::Rows);
    let (mut batch, mut workspace, mut outputs) = (Batch::default(), Workspace::default(), Vec::new());
    assert!(rows.plan.rows <= BLOCK_ROWS, "a table of one block");
    for block in blocks {
        reader.block(block, &mut batch)?;
        trial.network().predict(&weights, &batch, &mut workspace, &mut outputs);
    }
    let mut probabilities = Vec::new();
    trial.network().probabilities(&outputs, &mut probabilities);
    Ok((model, if probabilities.is_empty() { outputs } else { probabilities }))
}
