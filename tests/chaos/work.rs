//! The jobs that are disturbed, and what they come to when nothing disturbs them.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use aquifer_harness::{Aquifer, data};

/// What a cluster is at when a fault hits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A frame is made; the model is then trained on it in peace.
    Import,
    /// One model, spread over all workers, scored while it trains.
    Train,
    /// The same, with gradients summed at every step: hundreds of rounds.
    Steps,
    /// Three folds and a final model.
    Cross,
    /// Six candidates of two folds each.
    Grid,
}

const ALL: [Work; 5] = [Work::Import, Work::Train, Work::Steps, Work::Cross, Work::Grid];

/// Half a second of work, in which states change hands and many messages are sent.
const SETTINGS: [&str; 4] = ["hidden=[16]", "ranks=6", "epochs=2", "seed=7"];
const EXCHANGES: &str = "averaging.interval=1152";
const SCORES: [&str; 2] = ["score_interval=0.25", "stopping_metric=logloss"];

impl Work {
    /// The words of the command; of an import those of the command that may be disturbed.
    pub(crate) fn words(self, aquifer: &Aquifer, out: &Path) -> Vec<OsString> {
        match self {
            Work::Import => words(["frame", "import", "adult"], &[source(), json()].concat()),
            Work::Train => train(&source(), &[&[EXCHANGES][..], &SCORES].concat(), out),
            Work::Steps => train(&source(), &["averaging.mode=gradient"], out),
            Work::Cross => train(&source(), &[EXCHANGES, "nfolds=3"], out),
            Work::Grid => {
                let file = aquifer.file("search.toml");
                std::fs::write(&file, search()).unwrap();
                let out = [vec![file.into()], vec!["--out".into(), out.into()], json()].concat();
                words(["grid"], &out)
            }
        }
    }

    /// What is done after it, in peace.
    pub(crate) fn words_after(self, out: &Path) -> Option<Vec<OsString>> {
        (self == Work::Import).then(|| train(&["adult".into()], &[EXCHANGES], out))
    }

    /// The model of a run that nothing disturbs: one process, made once.
    pub(crate) fn undisturbed(self) -> &'static [u8] {
        static MADE: [OnceLock<Vec<u8>>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];
        let at = ALL.iter().position(|work| *work == self).unwrap();
        MADE[at].get_or_init(|| {
            let aquifer = aquifer();
            let out = aquifer.file("undisturbed.safetensors");
            aquifer.run(self.words(&aquifer, &out)).ok();
            if let Some(after) = self.words_after(&out) {
                aquifer.run(after).ok();
            }
            std::fs::read(&out).unwrap()
        })
    }
}

pub(crate) fn aquifer() -> Aquifer {
    Aquifer::new(env!("CARGO_BIN_EXE_aquifer"))
}

fn json() -> Vec<OsString> {
    vec!["--output".into(), "json".into()]
}

fn source() -> Vec<OsString> {
    vec![data("adult/train.parquet").into()]
}

fn words<const N: usize>(first: [&str; N], rest: &[OsString]) -> Vec<OsString> {
    first.iter().map(OsString::from).chain(rest.iter().cloned()).collect()
}

fn train(source: &[OsString], settings: &[&str], out: &Path) -> Vec<OsString> {
    let mut arguments = words(["train"], source);
    arguments.extend(["--target".into(), "income".into(), "--out".into(), out.into()]);
    for setting in SETTINGS.iter().chain(settings) {
        arguments.extend(["--set".into(), setting.into()]);
    }
    arguments.extend(json());
    arguments
}

fn search() -> String {
    format!(
        "data = [{:?}]\ntarget = \"income\"\n[params]\nhidden = [8]\nranks = 2\nepochs = 1\n\
         [search.params]\nl2 = [0.0, 1e-4, 1e-3]\nlearning_rate = [1e-3, 1e-2]\n[cross_validation]\nnfolds = 2\n",
        data("adult/train.parquet")
    )
}
