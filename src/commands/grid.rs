//! `aquifer grid`: from a search file to a leaderboard and the best model.

use std::path::{Path, PathBuf};

use anyhow::Context;
use aquifer_frame::Note;
use aquifer_model::{Kind, Report, Spec};
use aquifer_proto::JobEvent;
use aquifer_proto::v1::TrainJob;
use clap::Args;

use crate::client::Client;
use crate::data::check_names;
use crate::failure::usage;
use crate::given::read_text;
use crate::launch::{Launched, Planned, Purpose, with_cluster};
use crate::leaderboard::Board;
use crate::options::ClusterOptions;
use crate::output::Format;
use crate::precheck;
use crate::progress::Display;
use crate::submission::Submission;

/// Search for the best parameters: many models from one pass over the data
#[derive(Args)]
#[command(after_help = "A search file is a spec with a table [search]; docs/defaults.md lists every key, and \
    tests/data/adult/search.toml is an example.\n\nInterrupted, it goes on with `aquifer job resume ID`; run again, it \
    trains only candidates that are new.\n\nExit code 5: some candidates failed, the others are done.")]
pub(crate) struct Grid {
    /// Search file, in TOML
    file: PathBuf,
    /// One setting, as in the file: `--set max_models=20`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    result: ResultArgs,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// What becomes of the result of a search.
#[derive(Args, Clone, Debug)]
pub(crate) struct ResultArgs {
    /// File to write the best model to [default: in the data folder, under its hash]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// SVG file of learning curves to write; needs score_interval or stopping_rounds
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

impl ResultArgs {
    /// What would end in no file, or in place of the job's data, is said before anything begins.
    pub(crate) fn check(&self, job: Option<&TrainJob>) -> Result<(), Report> {
        for file in [&self.out, &self.plot].into_iter().flatten() {
            precheck::check_out_of(file, job.unwrap_or(&TrainJob::default()))?;
        }
        Ok(())
    }
}

impl Grid {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        let submission = Submission::new(self.read()?, &[], "give `data` or `frame` in the search file")?;
        check_names(&submission.all(), &self.cluster).await?;
        submission.check()?;
        for file in [&self.result.out, &self.result.plot].into_iter().flatten() {
            precheck::check_out(file, &submission.all())?;
        }
        // The same file on the same data is the same job, whoever submits it.
        let request = format!("grid {}", submission.fingerprint()?);
        let work = async |launched: &mut Launched| {
            let job = submission.offer(&mut launched.client).await?;
            let mut display = Display::new(format != Format::Table);
            let ended = launched.run_job(job, &mut display).await?;
            take_result(&mut launched.client, &launched.dir, ended, &self.result, display.notes).await
        };
        let planned = Planned::of(Purpose::Search, request).with_out(self.result.out.as_deref());
        let board = with_cluster(&self.cluster, planned, work).await?;
        board.print(format)
    }

    fn read(&self) -> anyhow::Result<Spec> {
        let name = self.file.display();
        let text = read_text(&self.file).map_err(|error| {
            usage("no_spec", format!("cannot read the search file {name}"))
                .hint("give a TOML file with a table [search]")
                .caused_by(&error)
        })?;
        let mut spec = Spec::parse(&text).map_err(Report::from).with_context(|| name.to_string())?;
        for setting in &self.settings {
            spec.set(setting).map_err(Report::from)?;
        }
        if spec.search.is_none() {
            return Err(usage("no_search", format!("{name} has no table [search]"))
                .hint("add [search] and [search.params], or train one model with `aquifer train --spec FILE`")
                .into());
        }
        if spec.target.is_none() {
            let report = usage("no_target", format!("{name} names no target"));
            return Err(report.hint("add `target = \"COLUMN\"`; `aquifer train DATA` lists the columns").into());
        }
        Ok(spec)
    }
}

/// Fetches the best model, and draws the curves.
pub(crate) async fn take_result(
    client: &mut Client,
    dir: &Path,
    ended: JobEvent,
    result: &ResultArgs,
    notes: Vec<Note>,
) -> anyhow::Result<Board> {
    let JobEvent::Searched(summary) = ended else {
        return Err(Report::new(Kind::Work, "job", "the search ended in an unknown way").into());
    };
    let mut board = Board::new(*summary, notes);
    board.take_best(client, result.out.as_deref(), dir).await?;
    if let Some(path) = &result.plot {
        board.plot(path)?;
    }
    Ok(board)
}
