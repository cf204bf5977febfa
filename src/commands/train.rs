//! `aquifer train`: from data and a target to a scored model.

use std::path::PathBuf;

use anyhow::Context;
use aquifer_frame::Meaning;
use aquifer_model::{Kind, Report, Spec, nearest};
use aquifer_proto::JobEvent;
use clap::Args;

use crate::commands::explain::explain;
use crate::commands::job::fetch_trained;
use crate::data::{Data, check_names};
use crate::failure::usage;
use crate::given::read_text;
use crate::launch::{Launched, Planned, Purpose, with_cluster};
use crate::options::{ClusterOptions, SourceArgs};
use crate::output::{self, Format};
use crate::precheck;
use crate::progress::Display;
use crate::scores::Trained;
use crate::submission::Submission;

/// Train a model from Parquet files or a frame
#[derive(Args)]
#[command(after_help = "Every key of a spec can be set with --set; docs/defaults.md lists them.\n\n\
    Examples:\n  aquifer train data.parquet --target y\n  aquifer train 'data/*.parquet' --target y --test test.parquet \
    --set hidden=[64,64] --set epochs=5\n  aquifer train adult --target income --workers 3")]
pub(crate) struct Train {
    /// Parquet files, folders or globs; or the name of a frame
    data: Vec<String>,
    /// Column to learn; without it the columns are listed
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Data that is scored at the end, and never learned from; may be repeated
    #[arg(long, value_name = "DATA")]
    test: Vec<String>,
    /// Validation data: scored, and never learned from; may be repeated
    #[arg(long, value_name = "DATA")]
    valid: Vec<String>,
    /// Share of the rows to train on; the others are the test data (stratified for classes)
    #[arg(long, value_name = "SHARE", conflicts_with = "test")]
    split: Option<f64>,
    /// With --split: train on the earlier rows by this column's dates or times
    #[arg(long, value_name = "COLUMN")]
    split_by: Option<String>,
    /// What a column means: numeric, categorical, time, day_first, month_first or text; may be repeated
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = column_type)]
    types: Vec<(String, Meaning)>,
    #[command(flatten)]
    source: SourceArgs,
    /// Number that all randomness follows from [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// One setting, as in a spec: `--set epochs=5`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Spec in TOML to start from; options and --set change it
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Model file to write [default: in the data folder, under its hash]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Parquet file for what each fold of a cross-validation predicts of the rows it held out, in row order
    #[arg(long, value_name = "FILE")]
    cv_predictions: Option<PathBuf>,
    /// Print passes, bytes, memory and expected time, and start nothing
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// `COLUMN=TYPE`; a column's name may have an equals sign itself.
fn column_type(text: &str) -> Result<(String, Meaning), String> {
    let (column, meaning) = text.rsplit_once('=').ok_or("COLUMN=TYPE is expected, for example age=numeric")?;
    let found = Meaning::ALL.into_iter().find(|known| known.name() == meaning);
    let names = Meaning::ALL.map(Meaning::name);
    let near = || match nearest(meaning, names.iter().copied()) {
        Some(near) => format!("`{meaning}` is no type: did you mean `{near}`?"),
        None => format!("`{meaning}` is no type: {} are known", names.join(", ")),
    };
    found.map(|meaning| (column.to_owned(), meaning)).ok_or_else(near)
}

impl Train {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        let spec = self.read_spec()?;
        if spec.search.is_some() {
            return Err(usage("is_search", "the spec has a table [search]")
                .hint("run it with `aquifer grid FILE`")
                .into());
        }
        let submission = Submission::new(spec, &self.source.ignore, "aquifer train FILE --target COLUMN")?;
        let all = submission.all();
        check_names(&all, &self.cluster).await?;
        let (train, options) = (&submission.train, &submission.options);
        if submission.spec.target.is_none() {
            precheck::list_columns(train, options, &self.cluster, format).await?;
            return Err(usage("no_target", "no target was given")
                .hint("give --target with one of these columns")
                .into());
        }
        submission.check()?;
        if self.explain {
            return explain(&submission.spec, train, options, &self.cluster, format).await;
        }
        if let (true, Data::Frame(_)) = (submission.spec.keeps_cross_validation_predictions(), train) {
            return Err(usage(
                "predictions_of_frame",
                "predictions of held-out rows are made from files, not from a frame",
            )
            .hint("give the files that the frame was imported from")
            .into());
        }
        for file in [&self.out, &self.cv_predictions].into_iter().flatten() {
            precheck::check_out(file, &all)?;
        }
        // The folds of a cross-validation that are done need not be done again.
        let purpose = if submission.spec.folds().is_some() { Purpose::Search } else { Purpose::Train };
        let work = async |launched: &mut Launched| self.run_job(launched, &submission, format).await;
        let planned = Planned::new(purpose)?.with_out(self.out.as_deref());
        let (trained, path) = with_cluster(&self.cluster, planned, work).await?;
        trained.print(Some(&path), format)
    }

    /// The spec file with the options and `--set` on top.
    fn read_spec(&self) -> anyhow::Result<Spec> {
        let mut spec = match &self.spec {
            Some(path) => {
                let text = read_text(path).map_err(|error| {
                    usage("no_spec", format!("cannot read the spec {}", path.display()))
                        .hint("give a TOML file; `aquifer model show MODEL --spec` prints one")
                        .caused_by(&error)
                })?;
                Spec::parse(&text).map_err(Report::from).with_context(|| format!("{}", path.display()))?
            }
            None => Spec::default(),
        };
        if !self.data.is_empty() {
            spec.data.clone_from(&self.data);
            spec.frame = None;
        }
        spec.target = self.target.clone().or(spec.target);
        spec.params.seed = self.seed.or(spec.params.seed);
        spec.split = self.split.or(spec.split);
        spec.split_by = self.split_by.clone().or(spec.split_by);
        spec.types.extend(self.types.iter().cloned());
        spec.schema = self.source.schema.or(spec.schema);
        spec.partitions = self.source.partitions.or(spec.partitions);
        spec.rename = self.source.rename.then_some(true).or(spec.rename);
        for (from, to) in [(&self.valid, &mut spec.valid), (&self.test, &mut spec.test)] {
            if !from.is_empty() {
                to.clone_from(from);
            }
        }
        for setting in &self.settings {
            spec.set(setting).map_err(Report::from)?;
        }
        let splits = spec.cross_validation.nfolds.is_some() || spec.cross_validation.fold_column.is_some();
        if self.cv_predictions.is_some() && !splits {
            let message =
                "--cv-predictions does not apply: neither `nfolds` nor `fold_column` asks for cross-validation";
            return Err(usage("unused", message).hint("give `--set nfolds=5`, or leave out --cv-predictions").into());
        }
        if self.cv_predictions.is_some() {
            spec.cross_validation.keep_cross_validation_predictions = Some(true);
        }
        Ok(spec)
    }

    async fn run_job(
        &self,
        launched: &mut Launched,
        submission: &Submission,
        format: Format,
    ) -> anyhow::Result<(Trained, PathBuf)> {
        let mut client = launched.client.clone();
        let job = submission.offer(&mut client).await?;
        let mut display = Display::new(format != Format::Table);
        match launched.run_job(job, &mut display).await? {
            JobEvent::Trained(summary) => {
                let (job, dir) = (launched.job(), &launched.dir);
                let path = fetch_trained(&mut client, &job, &summary, self.out.as_deref(), dir).await?;
                if let Some(cross) = summary.cross_validation.as_ref().filter(|cross| cross.assignment.is_some()) {
                    let of = (&submission.train, &submission.options);
                    let to = self.cv_predictions.clone().unwrap_or_else(|| path.with_extension("folds.parquet"));
                    crate::holdout::write(&mut client, &job, cross, of, &to).await?;
                    output::say(&format!("predictions of held-out rows are in {}", to.display()));
                }
                Ok((Trained { summary: *summary, notes: display.notes }, path))
            }
            _ => Err(Report::new(Kind::Work, "job", "the training ended in an unknown way").into()),
        }
    }
}
