//! `aquifer frame`: imported data sets.
//!
//! `shown` is what there is to say of a frame; `table`, `detail` and `plots` say it.

mod about;
mod detail;
mod histogram;
mod import;
mod list;
mod plots;
mod remove;
mod show;
mod shown;
mod table;

pub(crate) use import::import;

use clap::{Args, Subcommand};

use crate::output::{Format, bytes, grouped};

/// Import, list, show and remove frames
#[derive(Args)]
pub(crate) struct Frame {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Import(import::Import),
    Ls(list::List),
    Show(Box<show::Show>),
    Rm(remove::Remove),
}

impl Frame {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        match self.verb {
            Verb::Import(import) => import.run(format).await,
            Verb::Ls(list) => list.run(format).await,
            Verb::Show(show) => show.run(format).await,
            Verb::Rm(remove) => remove.run(format).await,
        }
    }
}

fn count(number: u64, format: Format) -> String {
    if format == Format::Csv { number.to_string() } else { grouped(number) }
}

fn size(number: u64, format: Format) -> String {
    if format == Format::Csv { number.to_string() } else { bytes(number) }
}

fn plural(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}
