//! `aquifer verify`: is a model what its data and spec make? It is trained again from the spec that it carries, and the
//! bytes are compared. Nothing that is found or made here is kept.

use std::path::{Path, PathBuf};

use aquifer_frame::{Frame, short_hash};
use aquifer_model::{FitSpec, Kind, Model, Part, Report, Score, Spec, model_hash};
use aquifer_proto::JobEvent;
use clap::Args;
use serde::Serialize;

use crate::commands::frame::import;
use crate::data::{Data, check_names};
use crate::failure::usage;
use crate::launch::{Launched, Planned, Purpose, with_cluster};
use crate::options::{ClusterOptions, SourceArgs};
use crate::output::{self, Format, grouped};
use crate::precheck::{self, get_frame};
use crate::progress::Display;
use crate::scan::Loaded;
use crate::submission::Submission;

mod difference;

use difference::Difference;

/// Train a model again from the spec that it carries, and compare the bytes
#[derive(Args)]
#[command(
    after_help = "Ends with 0 if they are the same, 1 if not, and 3 if the data is not what the model was made from.\n\
    Scores of data that is not given are not made again, and taken as they are.\n\n\
    Examples:\n  aquifer verify model.safetensors --data train.parquet\n  \
    aquifer verify model.safetensors --data train.parquet --test test.parquet --workers 3"
)]
pub(crate) struct Verify {
    /// Model file
    model: PathBuf,
    /// What it was trained on: Parquet files, folders or globs, or the name of a frame; may be repeated
    #[arg(long, value_name = "DATA", required = true, num_args = 1..)]
    data: Vec<String>,
    /// Its validation data; needed where training stopped by it
    #[arg(long, value_name = "DATA", num_args = 1..)]
    valid: Vec<String>,
    /// Its test data: the score of it is made again
    #[arg(long, value_name = "DATA", num_args = 1..)]
    test: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// What came of it.
#[derive(Serialize)]
struct Verified {
    equal: bool,
    model: ModelPair,
    /// Parts whose score was taken as it is recorded.
    not_scored: Vec<Part>,
    difference: Option<Difference>,
    seconds: f64,
}

/// Hashes of the file as it is, and as it was made again.
#[derive(Serialize)]
struct ModelPair {
    path: PathBuf,
    blake3: String,
    again_blake3: String,
}

impl Verify {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        let recorded = Loaded::open(&self.model)?;
        let fit = &recorded.model.spec;
        self.check_parts(&recorded.model)?;
        let spec = self.spec_of(fit);
        let submission = Submission::new(spec, &self.source.ignore, "aquifer verify MODEL --data FILE")?;
        check_names(&submission.all(), &self.cluster).await?;
        check_rows(fit, &submission)?;
        let work = async |launched: &mut Launched| {
            self.check_content(launched, &submission, fit, format).await?;
            self.train_again(launched, &submission, format).await
        };
        let (again, seconds) = with_cluster(&self.cluster, Planned::new(Purpose::Verify)?, work).await?;
        let verified = self.compare(&recorded, again, seconds)?;
        verified.print(format)?;
        match verified.difference {
            None => Ok(()),
            Some(difference) => {
                let message = format!("{} is not what its data and spec make: {difference}", self.model.display());
                Err(Report::new(Kind::Work, "not_equal", message)
                    .hint("equal data, spec and seed give equal bytes on every machine: the file was made otherwise, or a machine computes wrongly; `aquifer doctor` tests this one")
                    .into())
            }
        }
    }

    /// The recorded spec, with the data that is given.
    fn spec_of(&self, fit: &FitSpec) -> Spec {
        Spec {
            data: self.data.clone(),
            valid: self.valid.clone(),
            test: self.test.clone(),
            schema: self.source.schema,
            partitions: self.source.partitions,
            rename: self.source.rename.then_some(true),
            ..Spec::default().resolved(fit)
        }
    }

    /// What is given must be what the model was made with.
    fn check_parts(&self, model: &Model) -> Result<(), Report> {
        if self.valid.is_empty() && model.spec.validation.is_some() {
            return Err(usage("no_validation", "training stopped by validation data, and none is given")
                .hint("give --valid with the data that it was trained with"));
        }
        if !self.test.is_empty() && model.spec.split.is_some() {
            return Err(usage("nothing_to_score", "the model was tested on a part of its training data")
                .hint("leave --test out: that part is scored again in any case"));
        }
        for (option, given, part) in [("--valid", &self.valid, Part::Validation), ("--test", &self.test, Part::Test)] {
            if !given.is_empty() && !model.scores.iter().any(|score| score.part == part) {
                return Err(usage("nothing_to_score", format!("the model has no score of {part} data"))
                    .hint(format!("leave {option} out")));
            }
        }
        Ok(())
    }

    /// Before anything is trained: is this the data?
    async fn check_content(
        &self,
        launched: &mut Launched,
        submission: &Submission,
        fit: &FitSpec,
        format: Format,
    ) -> anyhow::Result<()> {
        let validation = submission.validation.as_ref().zip(fit.validation.as_ref());
        let parts = [("--data", Some((&submission.train, &fit.data))), ("--valid", validation)];
        for (option, part) in parts {
            let Some((data, content)) = part else { continue };
            let frame = match data {
                Data::Frame(name) => get_frame(&mut launched.client.clone(), name).await?,
                Data::Files(_) => import(launched, "", data, &submission.options, None, format).await?.frame,
            };
            launched.renew()?;
            if frame.content != *content {
                return Err(other_data(option, data, &frame, content).into());
            }
        }
        Ok(())
    }

    async fn train_again(
        &self,
        launched: &mut Launched,
        submission: &Submission,
        format: Format,
    ) -> anyhow::Result<(Vec<u8>, f64)> {
        let mut client = launched.client.clone();
        let job = submission.offer(&mut client).await?;
        let JobEvent::Trained(summary) = launched.run_job(job, &mut Display::new(format != Format::Table)).await?
        else {
            return Err(Report::new(Kind::Work, "job", "the training ended in an unknown way").into());
        };
        let failed = |path: &Path, error| {
            let message = format!("cannot keep the model in {} to compare it", path.display());
            Report::new(Kind::Work, "io_error", message).hint("is there space left?").caused_by(&error)
        };
        let folder = tempfile::tempdir().map_err(|error| failed(&std::env::temp_dir(), error))?;
        let path = folder.path().join("again.safetensors");
        client.fetch_model(&launched.job(), &summary.model_blake3, &path).await?;
        let bytes = std::fs::read(&path).map_err(|error| failed(&path, error))?;
        Ok((bytes, summary.seconds.total))
    }

    /// Byte by byte; only scores that could not be made again are taken from the file.
    fn compare(&self, recorded: &Loaded, again: Vec<u8>, seconds: f64) -> Result<Verified, Report> {
        let mut model = Model::from_bytes(&again)?;
        let not_scored = take_scores(&mut model.scores, &recorded.model.scores);
        let bytes = if not_scored.is_empty() { again } else { model.to_bytes()? };
        let again_blake3 = model_hash(&bytes);
        let equal = again_blake3 == recorded.hash;
        Ok(Verified {
            equal,
            difference: (!equal).then(|| Difference::of(&recorded.model, &model)),
            model: ModelPair { path: self.model.clone(), blake3: recorded.hash.clone(), again_blake3 },
            not_scored,
            seconds,
        })
    }
}

/// Footers tell at once what would otherwise be known after an import.
fn check_rows(fit: &FitSpec, submission: &Submission) -> Result<(), Report> {
    precheck::check(&submission.spec, &submission.train, &submission.options)?;
    let Data::Files(files) = &submission.train else { return Ok(()) };
    let rows = crate::data::survey_files(files, &submission.options)?.rows;
    if rows == fit.rows {
        return Ok(());
    }
    let message = format!(
        "the model was made from other data: from {} rows, and --data has {}",
        grouped(fit.rows),
        grouped(rows)
    );
    Err(Report::new(Kind::Data, "other_data", message).hint(HOW_TO_GIVE_DATA))
}

const HOW_TO_GIVE_DATA: &str = "give the same files in the same order, and --ignore, --schema, --partitions and --rename as \
    it was trained with; for a frame, its name";

fn other_data(option: &str, data: &Data, frame: &Frame, content: &str) -> Report {
    let named = match data {
        Data::Frame(name) => format!("the frame `{name}`"),
        Data::Files(files) => files.join(" "),
    };
    let message = format!(
        "the model was made from other data: from a frame of hash {}, and {option} {named} gives {}",
        short_hash(content),
        short_hash(&frame.content)
    );
    Report::new(Kind::Data, "other_data", message).hint(HOW_TO_GIVE_DATA)
}

/// Scores of parts that were not made again, in the places where the file has them.
fn take_scores(made: &mut Vec<Score>, recorded: &[Score]) -> Vec<Part> {
    let mut taken = Vec::new();
    for (at, score) in recorded.iter().enumerate() {
        if !made.iter().any(|other| other.part == score.part) {
            made.insert(at.min(made.len()), score.clone());
            taken.push(score.part);
        }
    }
    taken
}

impl Verified {
    fn print(&self, format: Format) -> anyhow::Result<()> {
        let ModelPair { blake3, again_blake3, .. } = &self.model;
        match format {
            Format::Json => output::json("VerifyResult", self)?,
            Format::Csv => {
                output::line("equal,blake3,again_blake3,seconds");
                output::line(&format!("{},{blake3},{again_blake3},{}", self.equal, self.seconds));
            }
            Format::Table => {
                let verdict = if self.equal { "equal  " } else { "differs" };
                output::line(&format!("{verdict}  {blake3} in the file, {again_blake3} trained again"));
                for part in &self.not_scored {
                    let option = if *part == Part::Validation { "--valid" } else { "--test" };
                    output::say(&format!("note: the score of {part} data was not made again: give it with {option}"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_taken_where_they_stood() {
        let score = |part, position| Score { part, position, metrics: Default::default() };
        let recorded = [score(Part::Train, 1), score(Part::Validation, 1), score(Part::Test, 1)];
        let mut made = vec![score(Part::Train, 2), score(Part::Test, 2)];
        assert_eq!(take_scores(&mut made, &recorded), [Part::Validation]);
        assert_eq!(made, [score(Part::Train, 2), score(Part::Validation, 1), score(Part::Test, 2)]);
        assert_eq!(take_scores(&mut made, &recorded), [], "what was made is not replaced");
    }
}
