//! Whether the files that a frame was imported from are what they were.

use std::path::PathBuf;

use aquifer_frame::{Listed, Note, Roots, SourceFile, SourceOptions, survey_beneath};

use crate::core::StoredFrame;

/// A note, if files of the frame have changed or are gone. Uploads are left out: only their client can see the files.
pub(crate) fn source_changes(stored: &StoredFrame, name: &str, roots: &Roots) -> Option<Note> {
    let files: Vec<&SourceFile> =
        stored.plan.files.iter().filter(|file| !stored.uploads.contains_key(&file.path)).collect();
    let found: Vec<(&str, &str)> =
        files.iter().filter_map(|file| Some((file.path.as_str(), change(file, roots)?))).collect();
    let (path, change) = *found.first()?;
    let which = match found.len() {
        1 => format!("{path} {change}"),
        count => format!("{count} of {} files ({path} first) have changed or are gone", files.len()),
    };
    let again = if files.len() == 1 { path } else { "FILE..." };
    let message = format!(
        "{which} since the frame `{name}` was imported: it is used as it was (`aquifer frame import {name} {again}` \
         imports it again)"
    );
    Some(Note { code: "source_changed".to_owned(), column: None, message })
}

/// Size and time first: footers are read only where the time is another.
fn change(file: &SourceFile, roots: &Roots) -> Option<&'static str> {
    let Some(path) = roots.allow(std::path::Path::new(&file.path)) else { return Some("is gone") };
    let Ok(found) = path.metadata() else { return Some("is gone") };
    let modified = found.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let same_time = modified.is_some_and(|since| since.as_nanos() as u64 == file.modified);
    if found.len() == file.bytes && (same_time || has_footer(roots, path, &file.footer)) {
        None
    } else {
        Some("has changed")
    }
}

fn has_footer(roots: &Roots, path: PathBuf, footer: &str) -> bool {
    let options = SourceOptions { rename: true, ..SourceOptions::default() };
    survey_beneath(roots, &[Listed::from(path)], &options)
        .is_ok_and(|found| found.files.iter().all(|found| found.footer == footer))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::{self, File, FileTimes};
    use std::path::Path;

    use aquifer_frame::{Frame, import_shard, plan_with_shard_rows, survey};

    use super::*;

    #[test]
    fn changed_files_are_told_from_touched_ones() {
        let folder = tempfile::tempdir().unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/wisconsin/wisconsin.parquet");
        let [a, b] = ["a.parquet", "b.parquet"].map(|name| folder.path().join(name));
        for path in [&a, &b] {
            fs::copy(&data, path).unwrap();
        }
        let files: Vec<Listed> = [&a, &b].map(|path| path.clone().into()).into();
        let plan = plan_with_shard_rows(survey(&files, &SourceOptions::default()).unwrap(), 4096);
        let frame = Frame::merge(&plan, vec![import_shard(&plan, 0, folder.path()).unwrap()]).unwrap();
        let mut stored = StoredFrame { frame, plan, uploads: BTreeMap::new() };
        let said = |stored: &StoredFrame| source_changes(stored, "x", &Roots::everything()).map(|note| note.message);

        assert_eq!(said(&stored), None);
        let touch = FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        File::options().append(true).open(&a).unwrap().set_times(touch).unwrap();
        assert_eq!(said(&stored), None, "another time alone is no change");
        fs::write(&a, "other").unwrap();
        let message = said(&stored).unwrap();
        assert!(message.contains("a.parquet has changed since the frame `x` was imported"), "{message}");
        fs::remove_file(&b).unwrap();
        assert!(said(&stored).unwrap().contains("2 of 2 files"));
        fs::copy(&data, &a).unwrap();
        assert!(said(&stored).unwrap().contains("b.parquet is gone"));
        stored.uploads = [(b.display().to_string(), "0".repeat(64))].into();
        assert_eq!(said(&stored), None, "an upload is not looked for here");
        assert!(source_changes(&stored, "x", &Roots::default()).is_some(), "under no root it cannot be read again");
    }
}
