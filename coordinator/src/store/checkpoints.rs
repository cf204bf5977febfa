//! Checkpoints: the newest state of each trial under way, `checkpoints/IDENTITY-ROUND.state` in its job's folder. The name
//! says what it is, a rename makes it whole, so the folder alone says after a restart where trials go on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Incoming, Store, StoreError, io};
use crate::core::JobId;

const SUFFIX: &str = ".state";

/// An identity is a hash that the core has made: 32 hexadecimal digits. Nothing else becomes part of a path.
fn is_identity(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Store {
    pub(crate) fn checkpoint_folder(&self, job: &JobId) -> PathBuf {
        self.job_folder(job).join("checkpoints")
    }

    /// The file of a state; none if no trial can have this identity.
    pub(crate) fn checkpoint_path(&self, job: &JobId, identity: &str, round: u64) -> Option<PathBuf> {
        let name = format!("{identity}-{round:020}{SUFFIX}");
        is_identity(identity).then(|| self.checkpoint_folder(job).join(name))
    }

    /// A file that is to become a checkpoint.
    pub(crate) fn begin_checkpoint(&self, job: &JobId) -> Result<Incoming, StoreError> {
        Incoming::begin(&self.checkpoint_folder(job))
    }

    /// Keeps a state that was written whole; of the same trial only the newest stays.
    pub(crate) fn keep_checkpoint(
        &self,
        file: Incoming,
        job: &JobId,
        identity: &str,
        round: u64,
    ) -> Result<(), StoreError> {
        let Some(path) = self.checkpoint_path(job, identity, round) else { return Ok(()) };
        file.finish(|_| path)?;
        let newest = self.checkpoints(job).get(identity).copied();
        for (other, at, path) in self.states(job) {
            if other == identity && Some(at) < newest {
                // One that stays only takes room.
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// The newest round of each trial's states.
    pub(crate) fn checkpoints(&self, job: &JobId) -> BTreeMap<String, u64> {
        let mut newest = BTreeMap::new();
        for (identity, round, _) in self.states(job) {
            let known = newest.entry(identity).or_insert(round);
            *known = round.max(*known);
        }
        newest
    }

    /// Removes those of some trials, or all of the job.
    pub(crate) fn remove_checkpoints(&self, job: &JobId, identities: Option<&[String]>) -> Result<(), StoreError> {
        let remove = |path: PathBuf| std::fs::remove_file(&path).map_err(|source| io("remove", &path, source));
        for (identity, _, path) in self.states(job) {
            if identities.is_none_or(|identities| identities.contains(&identity)) {
                remove(path)?;
            }
        }
        // With its last file the folder goes.
        let _ = std::fs::remove_dir(self.checkpoint_folder(job));
        Ok(())
    }

    fn states(&self, job: &JobId) -> Vec<(String, u64, PathBuf)> {
        let entries = std::fs::read_dir(self.checkpoint_folder(job)).into_iter().flatten().flatten();
        let state = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let (identity, round) = name.strip_suffix(SUFFIX)?.split_once('-')?;
            Some((is_identity(identity).then(|| identity.to_owned())?, round.parse().ok()?, entry.path()))
        };
        let mut states: Vec<_> = entries.filter_map(state).collect();
        states.sort();
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_state_of_each_trial_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), folder.path(), None).unwrap();
        let job = JobId("0123456789ab".into());
        let (one, other) = ("a".repeat(32), "b".repeat(32));
        let keep = |identity: &str, round| {
            let mut file = store.begin_checkpoint(&job).unwrap();
            file.write(b"state").unwrap();
            store.keep_checkpoint(file, &job, identity, round).unwrap();
        };
        keep(&one, 9);
        keep(&one, 10);
        keep(&one, 8); // late
        keep(&other, 3);
        drop(store.begin_checkpoint(&job).unwrap());
        assert_eq!(store.checkpoints(&job), BTreeMap::from([(one.clone(), 10), (other.clone(), 3)]));
        assert!(!store.checkpoint_path(&job, &one, 9).unwrap().exists());
        for bad in ["", "../../../x", &"A".repeat(32), &"a".repeat(33)] {
            assert_eq!(store.checkpoint_path(&job, bad, 1), None);
        }
        store.remove_checkpoints(&job, Some(&[one])).unwrap();
        assert_eq!(store.checkpoints(&job).len(), 1);
        store.remove_checkpoints(&job, None).unwrap();
        assert!(store.checkpoints(&job).is_empty() && !store.checkpoint_folder(&job).exists());
    }
}
