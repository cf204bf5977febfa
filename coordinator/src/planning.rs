//! The plan of a job's files: read under the roots, or from uploads, and cut into shards.

use std::path::{Path, PathBuf};

use aquifer_frame::{Listed, Plan, Roots, SourceFile, SourceOptions, is_hash, survey_beneath};
use aquifer_model::{Kind, Report};

use crate::core::{FileRef, StoredFrame, uploads_of};
use crate::store::Store;

/// Reads the footers, and looks up whether the same files were imported before.
pub(crate) fn plan_files(
    store: &Store,
    roots: &Roots,
    files: &[FileRef],
    options: &SourceOptions,
    shuffle: Option<u64>,
) -> Result<(Plan, Option<Box<StoredFrame>>), Report> {
    let listed = |file: &FileRef| {
        let path = local_path(store, roots, file)?;
        Ok::<_, Report>(Listed { path, partitions: file.partitions.clone() })
    };
    let listed = files.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    let mut survey = survey_beneath(&store.readable(roots)?, &listed, options)?;
    for (file, found) in files.iter().zip(&mut survey.files) {
        if file.footer_hash != found.footer || file.size_bytes != found.bytes {
            let message = format!("{} is not the file that was submitted: it has changed", file.path);
            return Err(Report::new(Kind::Data, "source_changed", message).hint("submit the job again"));
        }
        name_as_client(file, found);
    }
    let plan = Plan { shuffle, ..aquifer_frame::plan(survey) };
    let stored = store.find(&plan, &uploads_of(files))?.map(Box::new);
    aquifer_fault::kill_point("coordinator.planned");
    Ok((plan, stored))
}

/// An upload keeps its client's path in messages.
fn name_as_client(file: &FileRef, found: &mut SourceFile) {
    if file.upload.is_some() {
        found.path.clone_from(&file.path);
        found.modified = 0;
    }
}

pub(crate) fn local_path(store: &Store, roots: &Roots, file: &FileRef) -> Result<PathBuf, Report> {
    let refused = || {
        let message = format!("{} is not under a root of the coordinator, or does not exist there", file.path);
        Report::new(Kind::Access, "outside_roots", message).hint("start the cluster with --root FOLDER")
    };
    match &file.upload {
        Some(hash) if is_hash(hash) => Ok(store.upload_path(hash)),
        Some(_) => Err(Report::new(Kind::Config, "upload", "an upload is named by 64 hexadecimal digits")),
        None => roots.allow(Path::new(&file.path)).ok_or_else(refused),
    }
}
