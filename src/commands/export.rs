//! `aquifer model export`: the model of any candidate of a search. One that was not kept is trained again: same spec, same
//! bits, and its hash says so.

use std::path::{Path, PathBuf};

use aquifer_model::{Kind, Report, Spec, SpecValue, model_file_name};
use aquifer_proto::v1::{TrainJob, submit_request};
use aquifer_proto::{CandidateStatus, JobEvent, LeaderboardEntry, SearchSummary};
use clap::Args;

use crate::failure::{unwritable, usage};
use crate::jobs::{find, no_job};
use crate::launch::{Launched, Planned, Purpose, with_cluster};
use crate::newfile::NewFile;
use crate::options::ClusterOptions;
use crate::output::{self, Format};
use crate::precheck;
use crate::progress::Display;

#[derive(Args)]
pub(crate) struct Export {
    /// The search's id
    job: String,
    /// The candidate's number, as the leaderboard has it
    #[arg(long, value_name = "N", conflicts_with = "place", value_parser = clap::value_parser!(u32).range(1..))]
    candidate: Option<u32>,
    /// Its place on the leaderboard
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    place: u32,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    cluster: ClusterOptions,
}

impl Export {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        let dir = self.cluster.dir.open()?;
        let here = find(&dir, &self.job).filter(|_| self.cluster.cluster.is_none());
        let (event, request, folder) = match here {
            Some(found) => {
                let request = found.request().ok_or_else(|| no_job(&self.job))?;
                (found.row.result.clone().unwrap_or_default(), request, Some(found.folder))
            }
            None if self.cluster.cluster.is_none() && !dir.join("address").exists() => {
                return Err(no_job(&self.job).into());
            }
            None => {
                let mut client = super::cluster::join(&self.cluster).await?;
                let answer = client.get_job(&self.job).await?;
                (answer.event_json, answer.request.ok_or_else(|| no_job(&self.job))?, None)
            }
        };
        precheck::check_out_of(&self.out, &request)?;
        let Ok(JobEvent::Searched(summary)) = serde_json::from_str(&event) else {
            return Err(usage("no_leaderboard", format!("job {} has no leaderboard yet", self.job))
                .hint("`aquifer job show ID` says how far it is")
                .into());
        };
        let entry = self.entry(&summary)?;
        let Some(model) = &entry.model else {
            return Err(Report::new(Kind::Work, "no_model", "the candidate has no model").into());
        };
        if model.kept {
            match folder {
                Some(folder) => {
                    let from = folder.join("models").join(model_file_name(&model.blake3));
                    if from.exists() {
                        self.copy(&from)?;
                        return self.print(&model.blake3, format);
                    }
                }
                None => {
                    let mut client = super::cluster::join(&self.cluster).await?;
                    client.fetch_model(&self.job, &model.blake3, &self.out).await?;
                    return self.print(&model.blake3, format);
                }
            }
        }
        let job = again(request, entry)?;
        let work = async |launched: &mut Launched| {
            let mut display = Display::new(format != Format::Table);
            let JobEvent::Trained(summary) = launched.run_job(submit_request::Job::Train(job), &mut display).await?
            else {
                return Err(Report::new(Kind::Work, "job", "the training ended in an unknown way").into());
            };
            if summary.fit_blake3 != model.fit_blake3 {
                let message = format!("trained again, candidate {} is another model than it was", entry.candidate + 1);
                return Err(Report::new(Kind::Work, "other_model", message).hint("has the data changed?").into());
            }
            let mut client = launched.client.clone();
            client.fetch_model(&launched.job(), &summary.model_blake3, &self.out).await?;
            Ok(summary)
        };
        let trained = with_cluster(&self.cluster, Planned::new(Purpose::Train)?, work).await?;
        self.print(&trained.model_blake3, format)
    }

    fn copy(&self, from: &Path) -> Result<(), Report> {
        let mut file = NewFile::begin(&self.out)?;
        let copied = std::fs::File::open(from).and_then(|mut from| std::io::copy(&mut from, &mut file));
        copied.map_err(|error| unwritable(&self.out, &error))?;
        file.finish()
    }

    fn entry<'a>(&self, summary: &'a SearchSummary) -> Result<&'a LeaderboardEntry, Report> {
        let wanted = |entry: &&LeaderboardEntry| match self.candidate {
            Some(number) => entry.candidate + 1 == number,
            None => entry.place == Some(self.place),
        };
        let entry = summary.leaderboard.iter().find(wanted).ok_or_else(|| {
            let message = format!("the leaderboard of job {} has no such candidate", self.job);
            usage("no_candidate", message).hint("`aquifer job show ID` prints the leaderboard")
        })?;
        match (&entry.status, &entry.reason) {
            (CandidateStatus::Done, _) => Ok(entry),
            (_, Some(reason)) => Err(reason.clone()),
            (_, None) => Err(usage(
                "no_model",
                format!("candidate {} was left behind before its final fit", entry.candidate + 1),
            )
            .hint("train it with `aquifer train --set …`")),
        }
    }

    fn print(&self, blake3: &str, format: Format) -> anyhow::Result<()> {
        match format {
            Format::Json => output::json(
                "ModelExport",
                &serde_json::json!({ "model": { "path": self.out.display().to_string(), "blake3": blake3 } }),
            ),
            Format::Table | Format::Csv => {
                output::line(&format!("model   {}", self.out.display()));
                output::line(&format!("blake3  {blake3}"));
                Ok(())
            }
        }
    }
}

/// The final fit of a candidate, as a training of its own.
fn again(request: TrainJob, entry: &LeaderboardEntry) -> Result<TrainJob, Report> {
    let spec = Spec::parse(&request.spec_toml)?;
    let folds = spec.folds().is_some();
    let value = |given: &serde_json::Value| {
        SpecValue::try_from(given).map_err(|error| {
            Report::new(Kind::Work, "wire", "a parameter of the candidate cannot be read").caused_by(&error)
        })
    };
    let point = entry.params.iter().map(|(name, given)| Ok((name.clone(), value(given)?)));
    let point = point.collect::<Result<Vec<_>, Report>>()?;
    let mut spec = spec.candidate(&point)?;
    if folds {
        spec.stopping = Default::default();
    }
    spec.stopping.stop_at = entry.stop_at;
    Ok(TrainJob { spec_toml: spec.to_toml(), ..request })
}
