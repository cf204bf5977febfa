//! What a person should know of a frame before training on it: what each column is taken for, and warnings.
//!
//! They are made from statistics and from the sampled rows, which are the same rows of every column: no row is read, and
//! nothing here decides what a model is. Start at [`View`] for one column, at [`insights`] for a frame.

mod columns;
mod rank;
mod target;
mod view;

pub use target::target_notes;
pub use view::{TakenFor, View};

use crate::encode::{Note, Roles, TaskChoice, fit_target};
use crate::error::Error;
use crate::frame::Frame;
use crate::plan::Plan;

/// What there is to say of the columns of a frame; with a target also of features that give it away, and of its order.
pub fn insights(frame: &Frame, target: Option<&str>) -> Result<Vec<Note>, Error> {
    let mut notes: Vec<Note> = frame.columns.iter().flat_map(|column| columns::notes(column, frame.rows)).collect();
    if let Some(name) = target {
        let roles = plain_roles(name);
        roles.check(frame)?;
        let target = fit_target(frame, &roles, &mut notes)?;
        notes.extend(target_notes(frame, &target, |_| true));
    }
    Ok(notes)
}

/// What of the sources is not simply a column of the frame.
pub fn source_notes(plan: &Plan) -> Vec<Note> {
    let left_out = plan.left_out.iter().map(|column| {
        let message = format!("{} is left out: it is {}: {}", column.name, column.source_type, column.reason);
        Note::of("left_out", &column.name, message)
    });
    let absent = plan.absent.iter().map(|column| {
        let files = if column.files == 1 { "1 file".to_owned() } else { format!("{} files", column.files) };
        Note::of("absent", &column.name, format!("{} is not in {files}: it is missing in their rows", column.name))
    });
    left_out.chain(absent).collect()
}

/// Columns are what they look like.
fn plain_roles(target: &str) -> Roles {
    Roles {
        target: target.to_owned(),
        features: None,
        ignored_columns: Vec::new(),
        weights_column: None,
        task: TaskChoice::Auto,
        types: Default::default(),
        options: Default::default(),
    }
}
