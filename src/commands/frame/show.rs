//! `aquifer frame show`: the columns of a frame, or of files.

use std::path::PathBuf;

use aquifer_frame::{Frame, Note};
use clap::Args;

use super::import::import;
use super::shown::Shown;
use super::table::Chosen;
use crate::data::{Data, check_names};
use crate::launch::{Planned, Purpose, with_cluster};
use crate::options::{ClusterOptions, SourceArgs};
use crate::output::Format;
use crate::precheck::get_frame_and_notes;

/// Show the columns of a frame or of Parquet files: what they hold, and what to look out for
#[derive(Args)]
#[command(
    after_help = "Counts, extremes, mean and sd are of all rows. So are quartiles, levels and histograms of columns\n\
    with few distinct values; the others' are of up to 65,536 rows. Warnings about a target look at\n\
    up to 1,024 rows.\n\n\
    Examples:\n  aquifer frame show adult --target income\n  aquifer frame show data.parquet --column age --column pay\n  \
    aquifer frame show 'data/*.parquet' --plots report/"
)]
pub(super) struct Show {
    /// Name of the frame; or Parquet files, folders or globs
    #[arg(required = true)]
    data: Vec<String>,
    /// Column to show in detail; may be repeated
    #[arg(long = "column", value_name = "COLUMN")]
    columns: Vec<String>,
    /// Column that is to be learned: warn of features that give it away, and of rows in its order
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Show every column, however many there are
    #[arg(long)]
    all: bool,
    /// Draw each column into this folder, as SVG, with a page that shows them: index.html
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    cluster: ClusterOptions,
}

impl Show {
    pub(super) async fn run(self, format: Format) -> anyhow::Result<()> {
        let data = Data::read(&self.data)?;
        check_names(&[&data], &self.cluster).await?;
        let (frame, notes) = self.get(&data, format).await?;
        let name = match data {
            Data::Frame(name) => Some(name),
            Data::Files(_) => None,
        };
        let title = name.clone().unwrap_or_else(|| self.data.join(" "));
        let shown = Shown { name, title, frame, notes };
        let chosen = Chosen { columns: self.columns, all: self.all };
        shown.check(&chosen)?;
        if let Some(folder) = &self.plots {
            shown.draw(folder, &chosen, self.target.as_deref())?;
        }
        shown.print(&chosen, self.target.as_deref(), format)
    }

    /// Files become a frame of the cache first, as for a training.
    async fn get(&self, data: &Data, format: Format) -> anyhow::Result<(Frame, Vec<Note>)> {
        match data {
            Data::Frame(name) => {
                let ask = with_cluster(&self.cluster, Planned::new(Purpose::Ask)?, async |launched| {
                    Ok(get_frame_and_notes(&mut launched.client, name).await?)
                });
                ask.await
            }
            Data::Files(_) => {
                let imported = with_cluster(&self.cluster, Planned::new(Purpose::Import)?, async |launched| {
                    import(launched, "", data, &self.source.options(), None, format).await
                });
                let imported = imported.await?;
                Ok((imported.frame, imported.notes))
            }
        }
    }
}
