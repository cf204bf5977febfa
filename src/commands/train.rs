//! `aquifer train`: from data and a target to a scored model.

use std::path::{Path, PathBuf};

use anyhow::Context;
use aquifer_model::{Kind, Report, Spec, nearest};
use aquifer_proto::v1::{TrainJob, submit_request};
use aquifer_proto::{JobEvent, TrainSummary};
use clap::Args;

use crate::data::{Data, survey_files};
use crate::failure::{interrupted, usage};
use crate::launch::{Launched, launch, new_id};
use crate::options::ClusterOptions;
use crate::output::{self, Format, Table};
use crate::progress::Display;

/// Members that are asked to stop do so after their round; longer than this is not waited.
const STOP_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// Train a model from Parquet files or a frame
#[derive(Args)]
#[command(after_help = "Every key of a spec can be set with --set; docs/defaults.md lists them.\n\n\
    Examples:\n  aquifer train data.parquet --target y\n  aquifer train 'data/*.parquet' --target y --test test.parquet \
    --set hidden=[64,64] --set epochs=5\n  aquifer train adult --target income --workers 3")]
pub(crate) struct Train {
    /// Parquet files, folders or globs; or the name of a frame
    data: Vec<String>,
    /// Column to learn; without it the columns are listed
    #[arg(long)]
    target: Option<String>,
    /// Data that is scored, and never learned from
    #[arg(long, value_name = "DATA")]
    test: Vec<String>,
    /// Data that is scored beside the test data
    #[arg(long, value_name = "DATA")]
    valid: Vec<String>,
    /// Number that all randomness follows from
    #[arg(long)]
    seed: Option<u64>,
    /// One setting, as in a spec: `--set epochs=5`, `--set averaging.mode=gradient`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Spec to start from; options and --set change it
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Model file to write [default: in the data folder, under its hash]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterOptions,
}

impl Train {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        let spec = self.read_spec()?;
        let named = |arguments: &[String]| (!arguments.is_empty()).then(|| Data::read(arguments)).transpose();
        let train = match &spec.frame {
            Some(frame) => Data::Frame(frame.clone()),
            None => named(&spec.data)?.ok_or_else(|| {
                usage("no_data", "no data was given").hint("aquifer train FILE --target COLUMN")
            })?,
        };
        let (valid, test) = (named(&spec.valid)?, named(&spec.test)?);
        check_before_work(&spec, &train)?;
        if let Some(out) = &self.out {
            check_writable(out)?;
        }
        let mut launched = launch(&self.cluster, true).await?;
        let result = self.run_job(&mut launched, &spec, [Some(train), valid, test], format).await;
        launched.close(result.is_ok()).await;
        let (summary, path) = result?;
        print_result(&summary, &path, format)
    }

    /// The spec file with the options and `--set` on top.
    fn read_spec(&self) -> anyhow::Result<Spec> {
        let mut spec = match &self.spec {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    usage("no_spec", format!("cannot read the spec {}", path.display())).caused_by(&error)
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
        for (from, to) in [(&self.valid, &mut spec.valid), (&self.test, &mut spec.test)] {
            if !from.is_empty() {
                to.clone_from(from);
            }
        }
        for setting in &self.settings {
            spec.set(setting).map_err(Report::from)?;
        }
        Ok(spec)
    }

    async fn run_job(
        &self,
        launched: &mut Launched,
        spec: &Spec,
        data: [Option<Data>; 3],
        format: Format,
    ) -> anyhow::Result<(TrainSummary, PathBuf)> {
        let mut client = launched.client.clone();
        let [mut train, mut validation, mut test] = [None, None, None];
        for (data, source) in data.iter().zip([&mut train, &mut validation, &mut test]) {
            if let Some(data) = data {
                *source = Some(data.offer(&mut client).await?);
            }
        }
        let job = submit_request::Job::Train(TrainJob { spec_toml: spec.to_toml(), train, validation, test });
        let job = client.submit(new_id()?, launched.workers, job).await?;
        let mut display = Display::new(format != Format::Table);
        let mut stopper = client.clone();
        let watching = client.watch(&job, |event| display.show(event));
        let ended = tokio::select! {
            ended = watching => ended?,
            report = launched.worker_died() => return Err(report.into()),
            _ = tokio::signal::ctrl_c() => {
                stopper.cancel(&job).await?;
                let stopped = stopper.watch(&job, |_| {});
                let _ = tokio::time::timeout(STOP_MAX, stopped).await;
                JobEvent::Cancelled
            }
        };
        display.finish();
        match ended {
            JobEvent::Trained(summary) => {
                let path = self.out_path(&launched.dir, &summary)?;
                stopper.fetch_model(&job, &path).await?;
                Ok((*summary, path))
            }
            JobEvent::Failed { report } => Err(report.into()),
            JobEvent::Cancelled => Err(interrupted().into()),
            _ => Err(Report::new(Kind::Work, "job", format!("job {job} ended in an unknown way")).into()),
        }
    }

    fn out_path(&self, dir: &Path, summary: &TrainSummary) -> anyhow::Result<PathBuf> {
        if let Some(out) = &self.out {
            return Ok(out.clone());
        }
        let folder = dir.join("models");
        std::fs::create_dir_all(&folder).map_err(|error| crate::dir::unwritable(&folder, &error))?;
        Ok(folder.join(format!("{}.safetensors", &summary.model_blake3[..16])))
    }
}

/// What can be known to be wrong from footers alone is said before anything starts.
fn check_before_work(spec: &Spec, train: &Data) -> anyhow::Result<()> {
    let Data::Files(arguments) = train else {
        return match spec.target {
            Some(_) => Ok(()),
            None => Err(no_target().hint("give --target COLUMN; `aquifer frame show NAME` lists the columns").into()),
        };
    };
    let found = survey_files(arguments)?;
    let names = || found.columns.iter().map(|column| column.name.as_str());
    match &spec.target {
        None => {
            let mut table = Table::new(["column", "type"]);
            for column in &found.columns {
                table.row([column.name.clone(), column.source_type.clone()]);
            }
            table.print(Format::Table);
            Err(no_target().hint("give --target with one of the columns above").into())
        }
        Some(target) if !names().any(|name| name == target) => {
            let report = Report::new(Kind::Data, "target_missing", format!("there is no column `{target}`"));
            Err(match nearest(target, names()) {
                Some(near) => report.hint(format!("did you mean `{near}`?")),
                None => report.hint(format!("the columns are {}", names().collect::<Vec<_>>().join(", "))),
            }
            .into())
        }
        Some(_) => Ok(()),
    }
}

fn no_target() -> Report {
    usage("no_target", "no target was given")
}

/// Training takes time: that its result could not be written is said first.
fn check_writable(out: &Path) -> anyhow::Result<()> {
    if out.is_dir() {
        return Err(usage("out_is_folder", format!("{} is a folder", out.display())).hint("give --out FILE").into());
    }
    crate::data::NewFile::begin(out).map(drop)?;
    Ok(())
}

fn print_result(summary: &TrainSummary, path: &Path, format: Format) -> anyhow::Result<()> {
    let seconds = summary.seconds;
    let samples_per_second = if seconds.train > 0.0 { summary.samples as f64 / seconds.train } else { 0.0 };
    if format == Format::Json {
        let mut metrics = serde_json::Map::new();
        for score in &summary.scores {
            metrics.insert(score.part.to_string(), serde_json::to_value(&score.metrics)?);
        }
        let data = serde_json::json!({
            "model": { "path": path, "blake3": summary.model_blake3, "fit_blake3": summary.fit_blake3 },
            "metrics": metrics,
            "rows": summary.rows,
            "features": summary.features,
            "inputs": summary.inputs,
            "parameters": summary.parameters,
            "seconds": seconds,
            "samples": summary.samples,
            "samples_per_second": samples_per_second,
            "bytes_read": summary.bytes_read,
            "ranks": summary.ranks,
            "workers": summary.workers,
            "device": summary.device,
            "numeric_class": summary.numeric_class,
        });
        return output::json("TrainResult", &data);
    }
    let mut table = Table::new(["data", "rows", "logloss", "auc", "accuracy", "rmse", "mae"]);
    for score in &summary.scores {
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
        let m = &score.metrics;
        table.row([
            score.part.to_string(),
            output::grouped(m.rows),
            shown(m.logloss),
            shown(m.auc),
            shown(m.accuracy),
            shown(m.rmse),
            shown(m.mae),
        ]);
    }
    table.print(format);
    if format == Format::Table {
        output::line("");
        output::line(&format!("model   {}", path.display()));
        output::line(&format!("blake3  {}", summary.model_blake3));
        output::line(&format!(
            "time    {:.1} s: import {:.1}, training {:.1} ({} rows/s), scoring {:.1}",
            seconds.total,
            seconds.import,
            seconds.train,
            output::grouped(samples_per_second as u64),
            seconds.score
        ));
    }
    Ok(())
}
