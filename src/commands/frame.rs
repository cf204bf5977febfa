//! `aquifer frame`: imported data sets.

use aquifer_frame::{ColumnKind, Frame as Imported, FrameColumn, Value};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{ImportJob, ListFramesRequest, submit_request};
use aquifer_proto::{JobEvent, from_status};
use clap::{Args, Subcommand};

use crate::data::{Data, could_be_frame};
use crate::failure::usage;
use crate::launch::{Purpose, with_cluster};
use crate::options::ClusterOptions;
use crate::output::{self, Format, Table, bytes, escape, grouped, say};
use crate::precheck::get_frame;
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
        /// Name of the frame
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
        /// Name of the frame
        name: String,
        #[command(flatten)]
        cluster: ClusterOptions,
    },
}

impl Frame {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        match self.verb {
            Verb::Import { name, files, cluster } => import(&name, files, &cluster, format).await,
            Verb::Ls { cluster } => list(&cluster, format).await,
            Verb::Show { name, cluster } => show(&name, &cluster, format).await,
        }
    }
}

async fn import(name: &str, files: Vec<String>, options: &ClusterOptions, format: Format) -> anyhow::Result<()> {
    if !could_be_frame(name) {
        let message = format!("`{name}` cannot be a frame's name: it would be taken for a file");
        return Err(usage("frame_name", message).hint("aquifer frame import NAME FILE...").into());
    }
    let data = Data::Files(files);
    let ended = with_cluster(options, Purpose::Import, async |launched| {
        let source = Some(data.offer(&mut launched.client.clone()).await?);
        if let Ok(old) = get_frame(&mut launched.client.clone(), name).await {
            eprintln!(
                "note: the name `{name}` stood for a frame of {} rows; now it stands for this data",
                grouped(old.rows)
            );
        }
        let job = submit_request::Job::Import(ImportJob { name: name.to_owned(), source });
        launched.run_job(job, &mut Display::new(format != Format::Table)).await
    });
    match ended.await? {
        JobEvent::Imported { name, frame } => print_frame(&name, &frame, format),
        _ => Err(Report::new(Kind::Work, "job", "the import ended in an unknown way").into()),
    }
}

async fn list(options: &ClusterOptions, format: Format) -> anyhow::Result<()> {
    let frames = with_cluster(options, Purpose::Ask, async |launched| {
        let frames = launched.client.jobs.list_frames(ListFramesRequest {}).await;
        Ok(frames.map_err(|status| from_status(&status, "listing frames"))?.into_inner().frames)
    });
    let frames = frames.await?;
    if format == Format::Json {
        let item = |frame: &aquifer_proto::v1::FrameSummary| {
            serde_json::json!({ "name": frame.name, "rows": frame.rows, "columns": frame.columns, "shards": frame.shards,
                "bytes": frame.size_bytes })
        };
        return output::json(
            "FrameList",
            &serde_json::json!({ "frames": frames.iter().map(item).collect::<Vec<_>>() }),
        );
    }
    if frames.is_empty() && format == Format::Table {
        say("there are no frames; `aquifer frame import NAME FILE...` makes one");
        return Ok(());
    }
    let mut table = Table::new(["frame", "rows", "columns", "shards", "size"]);
    for frame in frames {
        table.row([
            frame.name,
            count(frame.rows, format),
            frame.columns.to_string(),
            frame.shards.to_string(),
            size(frame.size_bytes, format),
        ]);
    }
    table.print(format);
    Ok(())
}

async fn show(name: &str, options: &ClusterOptions, format: Format) -> anyhow::Result<()> {
    let name = name.strip_prefix("frame:").unwrap_or(name);
    let frame = with_cluster(options, Purpose::Ask, async |launched| Ok(get_frame(&mut launched.client, name).await?));
    print_frame(name, &frame.await?, format)
}

fn print_frame(name: &str, frame: &Imported, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        let data = serde_json::json!({ "name": name, "rows": frame.rows,
            "columns": frame.columns.iter().map(column_json).collect::<Vec<_>>(),
            "shards": frame.shards.len(), "bytes": frame.bytes, "content": frame.content });
        return output::json("FrameResult", &data);
    }
    if format == Format::Table {
        let shards = frame.shards.len();
        let plural = if shards == 1 { "" } else { "s" };
        let (rows, size) = (grouped(frame.rows), bytes(frame.bytes));
        output::line(&format!("frame {}: {rows} rows, {shards} shard{plural}, {size}", escape(name)));
        output::line("");
    }
    let mut table = Table::new(["column", "type", "missing", "distinct", "min", "max", "mean", "sd"]);
    for column in &frame.columns {
        let about = About::of(column);
        let number = |value: Option<f64>| match (value, format) {
            (None, _) => "-".to_owned(),
            (Some(value), Format::Csv) => value.to_string(),
            (Some(value), _) => significant(value),
        };
        table.row([
            column.name.clone(),
            column.source_type.clone(),
            count(about.missing, format),
            about.distinct.map_or("many".to_owned(), |distinct| count(distinct, format)),
            number(about.min),
            number(about.max),
            number(about.mean),
            number(about.deviation),
        ]);
    }
    table.print(format);
    Ok(())
}

/// What is shown of a column.
struct About {
    /// Null or NaN.
    missing: u64,
    /// None if they are too many to be counted.
    distinct: Option<u64>,
    min: Option<f64>,
    max: Option<f64>,
    mean: Option<f64>,
    deviation: Option<f64>,
}

impl About {
    fn of(column: &FrameColumn) -> Self {
        let tally = &column.stats.tally;
        let extreme = |value: &Option<Value>| value.as_ref().and_then(Value::number);
        let finite = |value: f64| value.is_finite();
        Self {
            missing: tally.missing + tally.nan,
            distinct: tally.levels.as_ref().map(|levels| levels.len() as u64),
            min: extreme(&tally.min),
            max: extreme(&tally.max),
            mean: column.stats.moments.map(|moments| moments.mean).filter(|mean| finite(*mean)),
            deviation: column.stats.deviation().filter(|deviation| finite(*deviation)),
        }
    }
}

/// Levels are in it, if they are counted and texts: they are what a model makes inputs of.
fn column_json(column: &FrameColumn) -> serde_json::Value {
    let about = About::of(column);
    let levels = column.stats.tally.levels.as_ref().filter(|_| column.kind == ColumnKind::Text);
    let level =
        |level: &aquifer_frame::Level| serde_json::json!({ "value": level.value.to_string(), "rows": level.rows });
    serde_json::json!({
        "name": column.name,
        "type": column.source_type,
        "missing": about.missing,
        "infinite": column.stats.tally.infinite,
        "distinct": about.distinct,
        "min": about.min,
        "max": about.max,
        "mean": about.mean,
        "sd": about.deviation,
        "levels": levels.map(|levels| levels.iter().map(level).collect::<Vec<_>>()),
    })
}

fn count(number: u64, format: Format) -> String {
    if format == Format::Csv { number.to_string() } else { grouped(number) }
}

fn size(number: u64, format: Format) -> String {
    if format == Format::Csv { number.to_string() } else { bytes(number) }
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
        for (value, text) in [
            (38.581_646, "38.5816"),
            (0.5, "0.5"),
            (7.0, "7"),
            (1_484_705.0, "1484705"),
            (0.0, "0"),
            (1e-9, "1.00000e-9"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}
