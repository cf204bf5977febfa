//! `aquifer frame`: imported data sets.

use aquifer_frame::{ColumnKind, Frame as Imported};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{GetFrameRequest, ImportJob, ListFramesRequest, submit_request};
use aquifer_proto::{JobEvent, from_status};
use clap::{Args, Subcommand};

use crate::data::Data;
use crate::failure::{interrupted, usage};
use crate::launch::{Launched, launch, new_id};
use crate::options::ClusterOptions;
use crate::output::{self, Format, Table, bytes, grouped};
use crate::progress::Display;

/// Import, list and show frames
#[derive(Args)]
pub(crate) struct Frame {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Import Parquet files under a name
    Import {
        name: String,
        /// Parquet files, folders or globs
        #[arg(required = true)]
        files: Vec<String>,
        #[command(flatten)]
        cluster: ClusterOptions,
    },
    /// List the frames
    Ls {
        #[command(flatten)]
        cluster: ClusterOptions,
    },
    /// Show the columns of a frame
    Show {
        name: String,
        #[command(flatten)]
        cluster: ClusterOptions,
    },
}

impl Frame {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        match self.verb {
            Verb::Import { name, files, cluster } => import(&name, files, &cluster, format).await,
            Verb::Ls { cluster } => with(&cluster, false, async |launched| list(launched, format).await).await,
            Verb::Show { name, cluster } => {
                with(&cluster, false, async |launched| show(launched, &name, format).await).await
            }
        }
    }
}

/// Runs with a cluster that ends afterwards, and leaves nothing of its own.
async fn with<T>(
    options: &ClusterOptions,
    needs_workers: bool,
    work: impl AsyncFnOnce(&mut Launched) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut launched = launch(options, needs_workers).await?;
    let result = work(&mut launched).await;
    launched.close(false).await;
    result
}

async fn import(name: &str, files: Vec<String>, options: &ClusterOptions, format: Format) -> anyhow::Result<()> {
    if name.is_empty() || name.contains(['/', '*', '?', '[', '\\', ':']) || name.ends_with(".parquet") {
        let message = format!("`{name}` cannot be a frame's name: it would be taken for a file");
        return Err(usage("frame_name", message).hint("aquifer frame import NAME FILE...").into());
    }
    let data = Data::Files(files);
    let ended = with(options, true, async |launched| {
        let mut client = launched.client.clone();
        let source = Some(data.offer(&mut client).await?);
        let job = submit_request::Job::Import(ImportJob { name: name.to_owned(), source });
        let job = client.submit(new_id()?, launched.workers, job).await?;
        let mut display = Display::new(format != Format::Table);
        let mut stopper = client.clone();
        tokio::select! {
            ended = client.watch(&job, |event| display.show(event)) => Ok(ended?),
            report = launched.worker_died() => Err(report.into()),
            _ = tokio::signal::ctrl_c() => {
                stopper.cancel(&job).await?;
                Ok(JobEvent::Cancelled)
            }
        }
    });
    match ended.await? {
        JobEvent::Imported { name, frame } => print_frame(&name, &frame, format),
        JobEvent::Failed { report } => Err(report.into()),
        JobEvent::Cancelled => Err(interrupted().into()),
        _ => Err(Report::new(Kind::Work, "job", "the import ended in an unknown way").into()),
    }
}

async fn list(launched: &mut Launched, format: Format) -> anyhow::Result<()> {
    let frames = launched.client.jobs.list_frames(ListFramesRequest {}).await;
    let frames = frames.map_err(|status| from_status(&status, "listing frames"))?.into_inner().frames;
    if format == Format::Json {
        let item = |frame: &aquifer_proto::v1::FrameSummary| {
            serde_json::json!({ "name": frame.name, "rows": frame.rows, "columns": frame.columns, "shards": frame.shards,
                "bytes": frame.size_bytes })
        };
        return output::json("FrameList", &serde_json::json!({ "frames": frames.iter().map(item).collect::<Vec<_>>() }));
    }
    let mut table = Table::new(["frame", "rows", "columns", "shards", "size"]);
    for frame in frames {
        table.row([
            frame.name,
            grouped(frame.rows),
            frame.columns.to_string(),
            frame.shards.to_string(),
            bytes(frame.size_bytes),
        ]);
    }
    table.print(format);
    Ok(())
}

async fn show(launched: &mut Launched, name: &str, format: Format) -> anyhow::Result<()> {
    let name = name.strip_prefix("frame:").unwrap_or(name);
    let frame = launched.client.jobs.get_frame(GetFrameRequest { name: name.to_owned() }).await;
    let frame = frame.map_err(|status| from_status(&status, "asking for a frame"))?.into_inner().frame_json;
    let frame: Imported = serde_json::from_str(&frame).map_err(|error| {
        Report::new(Kind::Work, "wire", "the frame that the cluster sent cannot be read").caused_by(&error)
    })?;
    print_frame(name, &frame, format)
}

fn print_frame(name: &str, frame: &Imported, format: Format) -> anyhow::Result<()> {
    let size = frame.bytes;
    if format == Format::Json {
        let data = serde_json::json!({ "name": name, "rows": frame.rows, "columns": frame.columns,
            "shards": frame.shards.len(), "bytes": size, "content": frame.content });
        return output::json("FrameResult", &data);
    }
    if format == Format::Table {
        let shards = frame.shards.len();
        let plural = if shards == 1 { "" } else { "s" };
        output::line(&format!("frame {name}: {} rows, {shards} shard{plural}, {}", grouped(frame.rows), bytes(size)));
        output::line("");
    }
    let mut table = Table::new(["column", "type", "missing", "distinct", "min", "max", "mean", "sd"]);
    for column in &frame.columns {
        let tally = &column.stats.tally;
        let extreme = |value: &Option<aquifer_frame::Value>| value.as_ref().and_then(aquifer_frame::Value::number);
        let number = |value: Option<f64>| value.map_or("-".to_owned(), significant);
        let numeric = column.kind != ColumnKind::Text;
        let if_numeric = |value: Option<f64>| number(value.filter(|_| numeric));
        table.row([
            column.name.clone(),
            format!("{:?}", column.kind).to_lowercase(),
            grouped(tally.missing + tally.nan),
            tally.levels.as_ref().map_or("many".to_owned(), |levels| grouped(levels.len() as u64)),
            if_numeric(extreme(&tally.min)),
            if_numeric(extreme(&tally.max)),
            if_numeric(column.stats.moments.map(|moments| moments.mean)),
            if_numeric(column.stats.deviation()),
        ]);
    }
    table.print(format);
    Ok(())
}

/// Six digits, without a tail of zeros.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e15).contains(&value.abs()) {
        return format!("{value:.5e}");
    }
    let before = (value.abs() as u64).to_string().len();
    let text = format!("{value:.*}", 6_usize.saturating_sub(before));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn shows_six_digits() {
        for (value, text) in [(38.581_646, "38.5816"), (0.5, "0.5"), (7.0, "7"), (1_484_705.0, "1484705"), (0.0, "0"), (1e-9, "1.00000e-9")] {
            assert_eq!(significant(value), text);
        }
    }
}
