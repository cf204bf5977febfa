//! `aquifer frame import`: files become a frame with a name.

use aquifer_frame::{Frame, Note, SourceOptions, source_notes};
use aquifer_model::{Kind, Report};
use aquifer_proto::JobEvent;
use aquifer_proto::v1::{ImportJob, submit_request};
use clap::Args;

use super::shown::Shown;
use super::table::Chosen;
use super::{count, plural, size};
use crate::data::{Data, could_be_frame, survey_files};
use crate::failure::usage;
use crate::launch::{Launched, Planned, Purpose, with_cluster};
use crate::options::{ClusterOptions, SourceArgs};
use crate::output::{self, Format, Table, escape, grouped, say_notes};
use crate::precheck::get_frame;
use crate::progress::Display;

/// Import Parquet files under a name
#[derive(Args)]
#[command(
    after_help = "Files that were imported before are not read again. A name that stood for other data stands for\n\
    these from then on."
)]
pub(super) struct Import {
    /// Name of the frame
    name: String,
    /// Parquet files, folders or globs
    #[arg(required = true)]
    files: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    /// Scatter the rows, by a seed: where files are sorted, neighbours are then unlike [without a seed: 1]
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    shuffle: Option<u64>,
    /// Say what would be imported, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// What an import came to.
pub(crate) struct Imported {
    pub(crate) frame: Frame,
    pub(super) notes: Vec<Note>,
    reused: bool,
}

impl Import {
    pub(super) async fn run(self, format: Format) -> anyhow::Result<()> {
        let name = &self.name;
        if !could_be_frame(name) {
            let message = format!("`{name}` cannot be a frame's name: it would be taken for a file");
            return Err(usage("frame_name", message).hint("aquifer frame import NAME FILE...").into());
        }
        let options = self.source.options();
        if self.dry_run {
            return self.print_plan(&options, format);
        }
        let data = Data::Files(self.files.clone());
        let done = with_cluster(&self.cluster, Planned::new(Purpose::Import)?, async |launched| {
            let before = get_frame(&mut launched.client.clone(), name).await.ok();
            Ok((import(launched, name, &data, &options, self.shuffle, format).await?, before))
        });
        let (Imported { frame, notes, reused }, before) = done.await?;
        let happened = what_happened(name, &frame, reused, before.as_ref());
        if format != Format::Json {
            say_notes(&happened);
        }
        let shown = Shown { name: Some(name.clone()), title: name.clone(), frame, notes };
        shown.print(&Chosen::default(), None, format)
    }

    /// From footers alone.
    fn print_plan(&self, options: &SourceOptions, format: Format) -> anyhow::Result<()> {
        let plan = aquifer_frame::plan(survey_files(&self.files, options)?);
        let notes = source_notes(&plan);
        let bytes: u64 = plan.files.iter().map(|file| file.bytes).sum();
        if format == Format::Json {
            let file = |file: &aquifer_frame::SourceFile| serde_json::json!({ "path": file.path, "rows": file.rows, "bytes": file.bytes });
            let column = |column: &aquifer_frame::SourceColumn| serde_json::json!({ "name": column.name, "type": column.source_type });
            let data = serde_json::json!({ "name": self.name, "rows": plan.rows, "bytes": bytes,
                "shards": plan.shards.len(), "shuffle": self.shuffle,
                "files": plan.files.iter().map(file).collect::<Vec<_>>(),
                "columns": plan.columns.iter().map(column).collect::<Vec<_>>(),
                "left_out": plan.left_out, "notes": notes });
            return output::json("ImportPlan", &data);
        }
        if format == Format::Table {
            let files = plural(plan.files.len() as u64, "file");
            let scattered = if self.shuffle.is_some() { ", in scattered order" } else { "" };
            output::line(&format!(
                "frame {} would have {} rows, {} and {} from {files} of {}{scattered}; nothing was written",
                escape(&self.name),
                grouped(plan.rows),
                plural(plan.columns.len() as u64, "column"),
                plural(plan.shards.len() as u64, "shard"),
                size(bytes, format),
            ));
            output::line("");
            if plan.files.len() > 1 {
                let mut table = Table::new(["file", "rows", "size"]);
                plan.files.iter().take(FILES_SHOWN).for_each(|file| {
                    table.row([file.path.clone(), count(file.rows, format), size(file.bytes, format)]);
                });
                table.print(format);
                if plan.files.len() > FILES_SHOWN {
                    output::line(&format!("… and {} more", plural((plan.files.len() - FILES_SHOWN) as u64, "file")));
                }
                output::line("");
            }
        }
        let mut table = Table::new(["column", "type"]);
        plan.columns.iter().for_each(|column| table.row([column.name.clone(), column.source_type.clone()]));
        table.print(format);
        say_notes(&notes);
        Ok(())
    }
}

/// Of a folder with very many.
const FILES_SHOWN: usize = 20;

/// Imports files, under a name if it is not empty.
pub(crate) async fn import(
    launched: &mut Launched,
    name: &str,
    data: &Data,
    options: &SourceOptions,
    shuffle: Option<u64>,
    format: Format,
) -> anyhow::Result<Imported> {
    let mut source = data.offer(&mut launched.client.clone(), options).await?;
    source.shuffle = shuffle;
    let job = submit_request::Job::Import(ImportJob { name: name.to_owned(), source: Some(source) });
    match launched.run_job(job, &mut Display::new(format != Format::Table)).await? {
        JobEvent::Imported { frame, reused, notes, .. } => Ok(Imported { frame: *frame, notes, reused }),
        _ => Err(Report::new(Kind::Work, "job", "the import ended in an unknown way").into()),
    }
}

fn what_happened(name: &str, frame: &Frame, reused: bool, before: Option<&Frame>) -> Option<Note> {
    let note = |code: &str, message: String| Some(Note { code: code.to_owned(), column: None, message });
    match before {
        Some(before) if before.content == frame.content && reused => note(
            "unchanged",
            format!("the frame `{name}` was there already, and its files have not changed: nothing was done"),
        ),
        Some(before) if before.content == frame.content => note(
            "same_rows",
            format!("the files of the frame `{name}` were written anew, and have the same rows as before"),
        ),
        Some(before) => {
            let rows = grouped(before.rows);
            note("replaced", format!("the name `{name}` stood for a frame of {rows} rows; now it stands for this data"))
        }
        None if reused => note("reused", "these files had been imported before: they were not read again".to_owned()),
        None => None,
    }
}
