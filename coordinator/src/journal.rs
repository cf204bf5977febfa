//! The journal: what must survive the coordinator. One transaction a step, committed before the step's other effects.

use std::path::Path;
use std::sync::{Arc, Mutex};

use aquifer_fault::kill_point;
use aquifer_model::{Kind, Report};
use rusqlite::{Connection, params};

use crate::core::{JobId, JobRow, TrialRow};

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot use the journal {path}")]
    Sqlite { path: String, source: rusqlite::Error },
    #[error("a row of the journal {path} cannot be read")]
    Row { path: String, source: serde_json::Error },
    #[error("journal: the process crashed")]
    Crashed,
}

impl From<&JournalError> for Report {
    fn from(error: &JournalError) -> Self {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, PermissionDenied, ReadOnly};
        let code = match error {
            JournalError::Sqlite { source, .. } => source.sqlite_error_code(),
            _ => None,
        };
        let report = match code {
            Some(DiskFull) => Report::new(Kind::Work, "disk_full", error.to_string())
                .hint("free space, or choose another folder with --dir"),
            Some(ReadOnly | CannotOpen | PermissionDenied) => {
                Report::new(Kind::Config, "not_writable", error.to_string())
                    .hint("choose a folder that can be written with --dir")
            }
            _ if matches!(code, Some(DatabaseCorrupt | NotADatabase)) || matches!(error, JournalError::Row { .. }) => {
                Report::new(Kind::Work, "journal", error.to_string())
                    .hint("the file is damaged: bring it back from a copy, or move it away, and jobs are forgotten")
            }
            _ => Report::new(Kind::Work, "journal", error.to_string()).hint("is the disk of --dir full or damaged?"),
        };
        match std::error::Error::source(error) {
            Some(source) => report.caused_by(source),
            None => report,
        }
    }
}

/// Durable rows of jobs, and the term.
pub trait Journal: Send {
    /// Adds 1 to the term, durably, and returns it: at each start, before anything else.
    fn begin_term(&mut self) -> Result<u64, JournalError>;
    fn jobs(&mut self) -> Result<Vec<JobRow>, JournalError>;
    /// All rows of jobs or none; and before them all of trials, or none: what a trial found is true whatever became of its job.
    fn commit(&mut self, jobs: &[JobRow], trials: &[TrialRow]) -> Result<(), JournalError>;
    /// Writes something that changes nothing, to find out whether it can.
    fn probe(&mut self) -> Result<(), JournalError>;
    /// Trials on this data that any job has found.
    fn trials(&mut self, data: &str) -> Result<Vec<TrialRow>, JournalError>;
    /// Leaves out the sums of these trials.
    fn clear_sums(&mut self, identities: &[String]) -> Result<(), JournalError>;
    /// Removes the trials that this job found.
    fn forget(&mut self, job: &JobId) -> Result<(), JournalError>;
}

/// A SQLite file: WAL, every commit synced.
pub struct SqliteJournal {
    path: String,
    connection: Connection,
    /// Trials, in a file that all coordinators of a data folder share.
    trials_path: String,
    trials: Connection,
}

/// Another process may be writing trials.
const BUSY_MAX: std::time::Duration = std::time::Duration::from_secs(30);

impl SqliteJournal {
    /// Jobs and the term in one file, trials in another.
    pub fn open(path: &Path, trials: &Path) -> Result<Self, JournalError> {
        let jobs_and_term =
            "CREATE TABLE IF NOT EXISTS term (one INTEGER PRIMARY KEY CHECK (one = 1), term INTEGER NOT NULL);
             INSERT OR IGNORE INTO term VALUES (1, 0);
             CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, row TEXT NOT NULL);";
        let of_trials = "CREATE TABLE IF NOT EXISTS trials (
                 identity TEXT PRIMARY KEY, job TEXT NOT NULL, data TEXT NOT NULL, row TEXT NOT NULL, sums BLOB);
             CREATE INDEX IF NOT EXISTS trials_by_data ON trials (data);";
        Ok(Self {
            path: path.display().to_string(),
            connection: open(path, jobs_and_term)?,
            trials_path: trials.display().to_string(),
            trials: open(trials, of_trials)?,
        })
    }

    /// The jobs of a journal that another process may be writing.
    pub fn read_jobs(path: &Path) -> Result<Vec<JobRow>, JournalError> {
        let name = || path.display().to_string();
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE; // WAL: readers write its index
        let read = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_MAX)?;
            let mut statement = connection.prepare("SELECT row FROM jobs ORDER BY id")?;
            statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
        };
        let rows = read().map_err(|source| JournalError::Sqlite { path: name(), source })?;
        read_rows(&rows, &name())
    }

    fn with_trials<T>(&mut self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        work(&mut self.trials).map_err(|source| JournalError::Sqlite { path: self.trials_path.clone(), source })
    }

    fn run<T>(&mut self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        work(&mut self.connection).map_err(|source| JournalError::Sqlite { path: self.path.clone(), source })
    }
}

impl Journal for SqliteJournal {
    fn begin_term(&mut self) -> Result<u64, JournalError> {
        self.run(|connection| {
            connection.query_row("UPDATE term SET term = term + 1 RETURNING term", [], |row| row.get::<_, i64>(0))
        })
        .map(|term| term as u64)
    }

    fn jobs(&mut self) -> Result<Vec<JobRow>, JournalError> {
        let rows: Vec<String> = self.run(|connection| {
            let mut statement = connection.prepare("SELECT row FROM jobs ORDER BY id")?;
            statement.query_map([], |row| row.get(0))?.collect()
        })?;
        read_rows(&rows, &self.path)
    }

    fn commit(&mut self, jobs: &[JobRow], trials: &[TrialRow]) -> Result<(), JournalError> {
        let unwritten = |source| JournalError::Row { path: self.trials_path.clone(), source };
        let text = |row: &TrialRow| serde_json::to_string(row).map_err(unwritten);
        let rows = trials.iter().map(|row| Ok((row, text(row)?))).collect::<Result<Vec<_>, JournalError>>()?;
        if !rows.is_empty() {
            self.with_trials(|connection| {
                let transaction = connection.transaction()?;
                for (TrialRow { identity, job, data, sums, .. }, text) in &rows {
                    transaction.execute(
                        "INSERT OR REPLACE INTO trials VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![identity, job.0, data, text, sums],
                    )?;
                }
                fails("coordinator.journal.trials")?;
                transaction.commit()
            })?;
            kill_point("coordinator.journal.trials_committed");
        }
        if jobs.is_empty() {
            return Ok(());
        }
        let texts = texts(jobs, &self.path)?;
        self.run(|connection| {
            let transaction = connection.transaction()?;
            for (id, text) in &texts {
                transaction.execute("INSERT OR REPLACE INTO jobs VALUES (?1, ?2)", params![id, text])?;
            }
            fails("coordinator.journal.jobs")?;
            transaction.commit()
        })
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.run(|connection| connection.execute("UPDATE term SET term = term", [])).map(drop)
    }

    fn trials(&mut self, data: &str) -> Result<Vec<TrialRow>, JournalError> {
        let rows: Vec<(String, Option<Vec<u8>>)> = self.with_trials(|connection| {
            let mut statement = connection.prepare("SELECT row, sums FROM trials WHERE data = ?1 ORDER BY identity")?;
            statement.query_map([data], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        // One that another version wrote is found again.
        let read = |(text, sums): (String, Option<Vec<u8>>)| {
            let row: TrialRow = serde_json::from_str(&text).ok()?;
            Some(TrialRow { sums, ..row })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    fn clear_sums(&mut self, identities: &[String]) -> Result<(), JournalError> {
        self.with_trials(|connection| {
            let transaction = connection.transaction()?;
            for identity in identities {
                transaction.execute("UPDATE trials SET sums = NULL WHERE identity = ?1", [identity])?;
            }
            transaction.commit()
        })
    }

    fn forget(&mut self, job: &JobId) -> Result<(), JournalError> {
        self.with_trials(|connection| connection.execute("DELETE FROM trials WHERE job = ?1", [&job.0])).map(drop)
    }
}

/// A commit that the disk refuses, as SQLite says it.
fn fails(point: &'static str) -> rusqlite::Result<()> {
    use rusqlite::ffi;
    aquifer_fault::io_point(point).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::StorageFull => ffi::SQLITE_FULL,
            _ => ffi::SQLITE_IOERR_FSYNC,
        };
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    })
}

fn open(path: &Path, tables: &str) -> Result<Connection, JournalError> {
    let open = || {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_MAX)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(tables)?;
        Ok(connection)
    };
    open().map_err(|source| JournalError::Sqlite { path: path.display().to_string(), source })
}

fn read_rows(rows: &[String], path: &str) -> Result<Vec<JobRow>, JournalError> {
    let read =
        |row: &String| serde_json::from_str(row).map_err(|source| JournalError::Row { path: path.to_owned(), source });
    rows.iter().map(read).collect()
}

fn texts(rows: &[JobRow], path: &str) -> Result<Vec<(String, String)>, JournalError> {
    let text = |row: &JobRow| Ok((row.id.0.clone(), serde_json::to_string(row)?));
    rows.iter()
        .map(text)
        .collect::<Result<_, _>>()
        .map_err(|source| JournalError::Row { path: path.to_owned(), source })
}

/// A disk in memory, for simulation. Opened again after a crash it has what was committed, and nothing else.
#[derive(Clone, Default)]
pub struct MemoryJournal {
    disk: Arc<Mutex<MemoryDisk>>,
}

#[derive(Default)]
struct MemoryDisk {
    term: u64,
    jobs: std::collections::BTreeMap<String, JobRow>,
    trials: std::collections::BTreeMap<String, TrialRow>,
    /// Commits until the process crashes in one, and what is left of that.
    crash_after: Option<(u32, Left)>,
    crashed: bool,
}

/// What a crash in a commit leaves of it. [`SqliteJournal`] commits trials before jobs, and may end before it has said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Nothing,
    Trials,
    All,
}

impl Left {
    pub const ALL: [Left; 3] = [Left::Nothing, Left::Trials, Left::All];

    /// Of the rows of jobs.
    pub fn of(self, jobs: &[JobRow]) -> &[JobRow] {
        if self == Left::All { jobs } else { &[] }
    }

    pub fn of_trials(self, trials: &[TrialRow]) -> &[TrialRow] {
        if self == Left::Nothing { &[] } else { trials }
    }
}

impl MemoryDisk {
    fn keep(&mut self, jobs: &[JobRow], trials: &[TrialRow]) {
        self.trials.extend(trials.iter().map(|row| (row.identity.clone(), row.clone())));
        self.jobs.extend(jobs.iter().map(|row| (row.id.0.clone(), row.clone())));
    }
}

impl MemoryJournal {
    /// The process crashes in the commit after `commits` more ones, and nothing is written until [`MemoryJournal::restart`].
    pub fn crash_after(&self, commits: u32, left: Left) {
        if let Ok(mut disk) = self.disk.lock() {
            disk.crash_after = Some((commits, left));
        }
    }

    /// The process begins again on the same disk.
    pub fn restart(&self) {
        if let Ok(mut disk) = self.disk.lock() {
            (disk.crash_after, disk.crashed) = (None, false);
        }
    }

    fn write<T>(&self, work: impl FnOnce(&mut MemoryDisk) -> T) -> Result<T, JournalError> {
        let mut disk = self.disk.lock().map_err(|_| JournalError::Crashed)?;
        if disk.crashed {
            return Err(JournalError::Crashed);
        }
        Ok(work(&mut disk))
    }
}

impl Journal for MemoryJournal {
    fn begin_term(&mut self) -> Result<u64, JournalError> {
        self.write(|disk| {
            disk.term += 1;
            disk.term
        })
    }

    fn jobs(&mut self) -> Result<Vec<JobRow>, JournalError> {
        let disk = self.disk.lock().map_err(|_| JournalError::Crashed)?;
        Ok(disk.jobs.values().cloned().collect())
    }

    fn commit(&mut self, jobs: &[JobRow], trials: &[TrialRow]) -> Result<(), JournalError> {
        self.write(|disk| match &mut disk.crash_after {
            Some((0, left)) => {
                let left = *left;
                disk.crashed = true;
                disk.keep(left.of(jobs), left.of_trials(trials));
                Err(JournalError::Crashed)
            }
            Some((more, _)) => {
                *more -= 1;
                disk.keep(jobs, trials);
                Ok(())
            }
            None => {
                disk.keep(jobs, trials);
                Ok(())
            }
        })?
    }

    /// A disk on which nothing more can be written is known before the next commit.
    fn probe(&mut self) -> Result<(), JournalError> {
        self.write(|disk| match disk.crash_after {
            Some((0, _)) => Err(JournalError::Crashed),
            _ => Ok(()),
        })?
    }

    fn trials(&mut self, data: &str) -> Result<Vec<TrialRow>, JournalError> {
        let disk = self.disk.lock().map_err(|_| JournalError::Crashed)?;
        Ok(disk.trials.values().filter(|row| row.data == data).cloned().collect())
    }

    fn clear_sums(&mut self, identities: &[String]) -> Result<(), JournalError> {
        self.write(|disk| {
            disk.trials.iter_mut().filter(|(id, _)| identities.contains(id)).for_each(|(_, row)| row.sums = None);
        })
    }

    fn forget(&mut self, job: &JobId) -> Result<(), JournalError> {
        self.write(|disk| disk.trials.retain(|_, row| row.job != *job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{JobId, JobStatus};

    fn row(id: &str, status: JobStatus) -> JobRow {
        JobRow {
            id: JobId(id.into()),
            kind: "train".into(),
            status,
            created_ms: 5,
            failure: None,
            request: None,
            data: None,
            result: None,
        }
    }

    /// One body, both implementations.
    fn keeps_what_was_committed(mut open: impl FnMut() -> Box<dyn Journal>) {
        let mut journal = open();
        assert_eq!(journal.begin_term().unwrap(), 1);
        journal.commit(&[row("a", JobStatus::Running), row("b", JobStatus::Running)], &[]).unwrap();
        journal.commit(&[row("a", JobStatus::Done)], &[]).unwrap();
        drop(journal);
        let mut journal = open();
        assert_eq!(journal.begin_term().unwrap(), 2);
        assert_eq!(journal.jobs().unwrap(), [row("a", JobStatus::Done), row("b", JobStatus::Running)]);
    }

    #[test]
    fn sqlite_keeps_what_was_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.sqlite");
        keeps_what_was_committed(|| {
            Box::new(SqliteJournal::open(&path, &folder.path().join("trials.sqlite")).unwrap())
        });
    }

    #[test]
    fn memory_keeps_what_was_committed_and_loses_the_rest() {
        let disk = MemoryJournal::default();
        keeps_what_was_committed(|| Box::new(disk.clone()));
        for (left, jobs) in [(Left::Nothing, 2), (Left::Trials, 2), (Left::All, 3)] {
            disk.crash_after(0, left);
            assert!(disk.clone().commit(&[row("c", JobStatus::Running)], &[]).is_err());
            assert!(disk.clone().commit(&[row("d", JobStatus::Running)], &[]).is_err(), "the process is gone");
            disk.restart();
            assert_eq!(disk.clone().jobs().unwrap().len(), jobs, "{left:?}");
        }
    }
}
