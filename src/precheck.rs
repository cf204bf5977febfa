//! What can be known to be wrong before anything starts: from the spec and from footers alone.

use std::collections::BTreeSet;
use std::path::Path;

use aquifer_frame::{Frame, LeftOut, Listed, Note, Origin, SourceColumn, SourceOptions, Survey, list};
use aquifer_model::{FoldChoice, Kind, Report, Spec, nearest};
use aquifer_proto::from_status;
use aquifer_proto::v1::{GetFrameRequest, TrainJob};

use crate::client::Client;
use crate::data::{Data, survey_files};
use crate::failure::usage;
use crate::launch::{Planned, Purpose, with_cluster};
use crate::newfile::NewFile;
use crate::options::ClusterOptions;
use crate::output::{self, Format, Table};

/// Ranges, contradictions, and columns that are not there. A frame's columns are checked by the cluster that has them.
pub(crate) fn check(spec: &Spec, train: &Data, options: &SourceOptions) -> Result<(), Report> {
    spec.check()?;
    let Data::Files(arguments) = train else { return Ok(()) };
    let found = survey_files(arguments, options)?;
    check_columns(spec, &found)?;
    // The content's hash is not known yet, and decides nothing that is checked here.
    spec.resolve(found.rows, "")?;
    Ok(())
}

/// Each column that the spec names is one of the files.
pub(crate) fn check_columns(spec: &Spec, found: &Survey) -> Result<(), Report> {
    let all: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
    let names: BTreeSet<&str> = all.iter().copied().collect();
    let lists: BTreeSet<&str> = found.columns.iter().filter_map(list_of).collect();
    let features = spec.features.iter().flatten().map(|name| ("the feature", name));
    let ignored = spec.ignored_columns.iter().map(|name| ("the ignored column", name));
    let named = spec.target.iter().map(|name| ("the target", name));
    let weights = spec.weights_column.iter().map(|name| ("the weights column", name));
    let typed = spec.types.keys().map(|name| ("the column with a type,", name));
    let order = spec.split_by.iter().map(|name| ("the column to split by,", name));
    let folds = spec.folds().and_then(|folds| match folds {
        FoldChoice::Column(column) | FoldChoice::Time { column, .. } => Some(column),
        FoldChoice::Count { .. } => None,
    });
    let folds = folds.iter().map(|name| ("the fold column", name));
    for (role, name) in named.chain(weights).chain(features).chain(typed).chain(order).chain(folds).chain(ignored) {
        if names.contains(name.as_str()) || lists.contains(name.as_str()) {
            continue;
        }
        let left_out = found.left_out.iter().find(|left_out| left_out.name == *name);
        match left_out {
            Some(_) if role == "the ignored column" => {}
            Some(left_out) => return Err(left_out_column(role, left_out)),
            None => return Err(unknown_column(role, name, &all)),
        }
    }
    Ok(())
}

/// The list that a column is an element of.
fn list_of(column: &SourceColumn) -> Option<&str> {
    match &column.origin {
        Some(Origin::Element { column, .. }) => Some(column),
        _ => None,
    }
}

fn left_out_column(role: &str, left_out: &LeftOut) -> Report {
    let LeftOut { name, source_type, reason } = left_out;
    let message = format!("{role} {name:?} cannot be read: it is {source_type}: {reason}");
    Report::new(Kind::Data, "unsupported_column", message).hint("write it as flat columns, or choose others")
}

fn unknown_column(role: &str, name: &str, names: &[&str]) -> Report {
    let message = format!("{role} {name:?} is no column of the data");
    Report::new(Kind::Data, "unknown_column", message).hint(match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the columns are {}", some_of(names)),
    })
}

/// As many as fit on a few lines.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 20;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(", … ({} in all)", names.len()));
    }
    text
}

/// Training takes time: that its result could not be written is said first.
pub(crate) fn check_out(out: &Path, inputs: &[&Data]) -> Result<(), Report> {
    for data in inputs {
        let Data::Files(arguments) = data else { continue };
        check_not_input(out, arguments)?;
    }
    NewFile::begin(out).map(drop)
}

/// Nobody means to replace the data by what is made of it.
pub(crate) fn check_not_input(out: &Path, arguments: &[String]) -> Result<(), Report> {
    let Ok(out) = out.canonicalize() else { return Ok(()) };
    let same = |file: &Listed| file.path.canonicalize().is_ok_and(|path| path == out);
    if list(arguments)?.iter().any(same) { Err(out_is_input(&out)) } else { Ok(()) }
}

/// The same of a job that was submitted before.
pub(crate) fn check_out_of(out: &Path, job: &TrainJob) -> Result<(), Report> {
    let sources = [&job.train, &job.validation, &job.test].into_iter().flatten();
    let mut files = sources.flat_map(|source| &source.files);
    if let Ok(out) = out.canonicalize()
        && files.any(|file| Path::new(&file.path).canonicalize().is_ok_and(|path| path == out))
    {
        return Err(out_is_input(&out));
    }
    check_out(out, &[])
}

fn out_is_input(out: &Path) -> Report {
    usage("out_is_input", format!("{} is one of the inputs", out.display())).hint("give another --out FILE")
}

/// Prints names and types.
pub(crate) async fn list_columns(
    data: &Data,
    source: &SourceOptions,
    options: &ClusterOptions,
    format: Format,
) -> anyhow::Result<()> {
    let columns: Vec<(String, String)> = match data {
        Data::Files(files) => {
            survey_files(files, source)?.columns.into_iter().map(|c| (c.name, c.source_type)).collect()
        }
        Data::Frame(name) => {
            let frame = with_cluster(options, Planned::new(Purpose::Ask)?, async |launched| {
                Ok(get_frame(&mut launched.client, name).await?)
            });
            frame.await?.columns.into_iter().map(|c| (c.name, c.source_type)).collect()
        }
    };
    if format == Format::Json {
        let column = |(name, source_type)| serde_json::json!({ "name": name, "type": source_type });
        let columns: Vec<_> = columns.iter().map(|(name, source_type)| (name, source_type)).map(column).collect();
        return output::json("ColumnList", &serde_json::json!({ "columns": columns }));
    }
    let mut table = Table::new(["column", "type"]);
    columns.into_iter().for_each(|(name, source_type)| table.row([name, source_type]));
    table.print(format);
    Ok(())
}

/// A frame of the cluster.
pub(crate) async fn get_frame(client: &mut Client, name: &str) -> Result<Frame, Report> {
    Ok(get_frame_and_notes(client, name).await?.0)
}

/// A frame of the cluster, and what there is to say of its sources.
pub(crate) async fn get_frame_and_notes(client: &mut Client, name: &str) -> Result<(Frame, Vec<Note>), Report> {
    let answer = client.jobs.get_frame(GetFrameRequest { name: name.to_owned() }).await;
    let answer = answer.map_err(|status| from_status(&status, "asking for a frame"))?.into_inner();
    let unreadable = |error: serde_json::Error| {
        Report::new(Kind::Work, "wire", "the frame that the cluster sent cannot be read").caused_by(&error)
    };
    let frame = serde_json::from_str(&answer.frame_json).map_err(unreadable)?;
    Ok((frame, serde_json::from_str(&answer.notes_json).map_err(unreadable)?))
}
