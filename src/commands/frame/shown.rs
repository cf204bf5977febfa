//! A frame with all there is to say of it.

use std::path::Path;

use aquifer_frame::{Frame, Note, insights};
use aquifer_model::{Kind, Report, nearest};

use super::about::About;
use super::table::{self, Chosen};
use super::{detail, plots, plural};
use crate::output::{self, Format, bytes, escape, grouped};

/// Warnings shown, unless all columns are.
const NOTES_SHOWN: usize = 50;

pub(super) struct Shown {
    /// None for a frame of the cache.
    pub(super) name: Option<String>,
    /// The name, or what was shown.
    pub(super) title: String,
    pub(super) frame: Frame,
    /// Of its sources.
    pub(super) notes: Vec<Note>,
}

impl Shown {
    /// Columns that were asked for must be there.
    pub(super) fn check(&self, chosen: &Chosen) -> Result<(), Report> {
        let is_there = |name: &&String| self.frame.column(name).is_some();
        let Some(name) = chosen.columns.iter().find(|name| !is_there(name)) else { return Ok(()) };
        let report = Report::new(Kind::Data, "unknown_column", format!("{name:?} is no column of the data"));
        Err(match nearest(name, self.frame.columns.iter().map(|column| column.name.as_str())) {
            Some(near) => report.hint(format!("did you mean `{near}`?")),
            None => report.hint("without --column all columns are listed"),
        })
    }

    /// Columns as they were asked for, each by its place in the frame; else the first ones, or all.
    fn about(&self, chosen: &Chosen) -> Vec<About<'_>> {
        let columns = self.frame.columns.iter().enumerate();
        let about = |(at, column)| About::of(column, at, self.frame.rows);
        match chosen.columns.is_empty() {
            true => columns.take(if chosen.all { usize::MAX } else { table::COLUMNS_SHOWN }).map(about).collect(),
            false => columns.filter(|(_, column)| chosen.columns.contains(&column.name)).map(about).collect(),
        }
    }

    /// Of the sources, the columns and the target.
    fn all_notes(&self, target: Option<&str>) -> Result<Vec<Note>, Report> {
        let found = insights(&self.frame, target)?;
        Ok(self.notes.iter().cloned().chain(found).collect())
    }

    pub(super) fn print(&self, chosen: &Chosen, target: Option<&str>, format: Format) -> anyhow::Result<()> {
        let mut notes = self.all_notes(target)?;
        if !chosen.columns.is_empty() {
            notes.retain(|note| note.column.as_ref().is_none_or(|column| chosen.columns.contains(column)));
        }
        match format {
            Format::Json => self.print_json(chosen, &notes),
            Format::Csv => {
                table::flat(&self.about(chosen)).print(format);
                Ok(())
            }
            Format::Table => {
                self.print_text(chosen, &notes);
                Ok(())
            }
        }
    }

    fn print_text(&self, chosen: &Chosen, notes: &[Note]) {
        let Frame { rows, columns, shards, bytes: size, .. } = &self.frame;
        let (shards, columns) = (plural(shards.len() as u64, "shard"), plural(columns.len() as u64, "column"));
        let title = format!("{}{}", if self.name.is_some() { "frame " } else { "" }, escape(&self.title));
        output::line(&format!("{title}: {} rows, {shards}, {}, {columns}", grouped(*rows), bytes(*size)));
        let about = self.about(chosen);
        let width = table::screen_width();
        match chosen.columns.is_empty() {
            true => table::print(&about, width),
            false => about.iter().for_each(|about| detail::print(about, width)),
        }
        let left = self.frame.columns.len() - about.len();
        if chosen.columns.is_empty() && left > 0 {
            output::line("");
            output::line(&format!(
                "… and {} more: --all shows them, --column NAME one of them",
                plural(left as u64, "column")
            ));
        }
        if !notes.is_empty() {
            output::line("");
            let shown = if chosen.all { notes.len() } else { NOTES_SHOWN };
            notes.iter().take(shown).for_each(|note| output::line(&format!("note: {}", escape(&note.message))));
            if notes.len() > shown {
                output::line(&format!("… and {} more: --all shows them", plural((notes.len() - shown) as u64, "note")));
            }
        }
    }

    /// Programs get every column, unless some were asked for.
    fn print_json(&self, chosen: &Chosen, notes: &[Note]) -> anyhow::Result<()> {
        let Frame { rows, shards, bytes, content, .. } = &self.frame;
        let all = Chosen { columns: chosen.columns.clone(), all: true };
        let columns: Vec<_> = self.about(&all).iter().map(About::json).collect();
        let data = serde_json::json!({ "name": self.name, "rows": rows, "columns": columns, "shards": shards.len(),
            "bytes": bytes, "content": content, "notes": notes });
        output::json("FrameResult", &data)
    }

    /// Draws the columns, and a page of all pictures.
    pub(super) fn draw(&self, folder: &Path, chosen: &Chosen, target: Option<&str>) -> anyhow::Result<()> {
        let (notes, about) = (self.all_notes(target)?, self.about(chosen));
        let report = plots::Report { title: &self.title, frame: &self.frame, about: &about, notes: &notes, target };
        Ok(plots::draw(&report, folder)?)
    }
}
