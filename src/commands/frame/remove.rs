//! `aquifer frame rm`: removes frames and their shards.

use aquifer_proto::from_status;
use aquifer_proto::v1::RemoveFramesRequest;
use clap::Args;

use super::plural;
use crate::launch::{Planned, Purpose, with_cluster};
use crate::options::ClusterOptions;
use crate::output::{self, Format, bytes};

/// Remove frames, and what no other frame needs of them
#[derive(Args)]
#[command(after_help = "The files that they were imported from stay.")]
pub(super) struct Remove {
    /// Names of frames
    #[arg(required_unless_present = "cache")]
    names: Vec<String>,
    /// Remove all frames without a name: those of files that were trained on or shown
    #[arg(long)]
    cache: bool,
    #[command(flatten)]
    cluster: ClusterOptions,
}

impl Remove {
    pub(super) async fn run(self, format: Format) -> anyhow::Result<()> {
        let names = self.names.iter().map(|name| name.strip_prefix("frame:").unwrap_or(name).to_owned()).collect();
        let request = RemoveFramesRequest { names, cached: self.cache };
        let removed = with_cluster(&self.cluster, Planned::new(Purpose::Ask)?, async |launched| {
            let removed = launched.client.jobs.remove_frames(request).await;
            Ok(removed.map_err(|status| from_status(&status, "removing frames"))?.into_inner())
        });
        let removed = removed.await?;
        if format == Format::Json {
            let data = serde_json::json!({ "frames": removed.frames, "bytes": removed.size_bytes });
            return output::json("FrameRemoval", &data);
        }
        let (frames, size) = (plural(u64::from(removed.frames), "frame"), bytes(removed.size_bytes));
        output::line(&format!("{frames} and {size} of shards are removed"));
        Ok(())
    }
}
