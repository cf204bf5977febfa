//! `aquifer frame ls`: the frames there are.

use aquifer_frame::{Clock, TimeType, TimeUnit};
use aquifer_proto::from_status;
use aquifer_proto::v1::{FrameSummary, ListFramesRequest};
use clap::Args;

use super::{count, size};
use crate::launch::{Planned, Purpose, with_cluster};
use crate::options::ClusterOptions;
use crate::output::{self, Format, Table, grouped, say};

/// List the frames
#[derive(Args)]
pub(super) struct List {
    /// List the frames of the cache too: those of files that were trained on or shown without a name
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    cluster: ClusterOptions,
}

impl List {
    pub(super) async fn run(self, format: Format) -> anyhow::Result<()> {
        let cached = self.all;
        let frames = with_cluster(&self.cluster, Planned::new(Purpose::Ask)?, async |launched| {
            let frames = launched.client.jobs.list_frames(ListFramesRequest { cached }).await;
            Ok(frames.map_err(|status| from_status(&status, "listing frames"))?.into_inner().frames)
        });
        let frames = frames.await?;
        if format == Format::Json {
            let frames: Vec<_> = frames.iter().map(json).collect();
            return output::json("FrameList", &serde_json::json!({ "frames": frames }));
        }
        if frames.is_empty() && format == Format::Table {
            say("there are no frames; `aquifer frame import NAME FILE...` makes one");
            return Ok(());
        }
        let mut head: Vec<String> = ["frame", "rows", "columns", "shards", "size"].map(str::to_owned).into();
        if self.all {
            head.extend(["last used", "source"].map(str::to_owned));
        }
        let mut table = Table::with_head(head);
        for frame in &frames {
            let name = if frame.name.is_empty() { "-".to_owned() } else { frame.name.clone() };
            let columns = frame.columns.to_string();
            let mut row = vec![
                name,
                count(frame.rows, format),
                columns,
                frame.shards.to_string(),
                size(frame.size_bytes, format),
            ];
            if self.all {
                row.extend([used(frame, format), source(frame)]);
            }
            table.row_of(row);
        }
        table.print(format);
        Ok(())
    }
}

fn json(frame: &FrameSummary) -> serde_json::Value {
    let name = (!frame.name.is_empty()).then_some(&frame.name);
    serde_json::json!({ "name": name, "rows": frame.rows, "columns": frame.columns, "shards": frame.shards,
        "bytes": frame.size_bytes, "source": frame.source, "source_files": frame.source_files, "used_ms": frame.used_ms })
}

/// In UTC, to the minute.
fn used(frame: &FrameSummary, format: Format) -> String {
    let time = TimeType { clock: Clock::Timestamp, unit: TimeUnit::Milli, zone: None };
    let text = time.format(frame.used_ms as i64);
    match format {
        Format::Csv => format!("{text}Z"),
        _ => text.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).chain("Z".chars()).collect(),
    }
}

fn source(frame: &FrameSummary) -> String {
    match frame.source_files {
        0 | 1 => frame.source.clone(),
        count => format!("{} and {} more", frame.source, grouped(u64::from(count) - 1)),
    }
}
