//! The journal: what must survive the coordinator. One transaction a step, committed before the step's other effects.

use std::path::Path;
use std::sync::{Arc, Mutex};

use aquifer_model::{Kind, Report};
use rusqlite::{Connection, params};

use crate::core::JobRow;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot use the journal {path}")]
    Sqlite { path: String, source: rusqlite::Error },
    #[error("journal: a row cannot be read")]
    Row { source: serde_json::Error },
    #[error("journal: the process crashed")]
    Crashed,
}

impl From<&JournalError> for Report {
    fn from(error: &JournalError) -> Self {
        use rusqlite::ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly};
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
    /// All rows or none.
    fn commit(&mut self, rows: &[JobRow]) -> Result<(), JournalError>;
}

/// A SQLite file: WAL, every commit synced.
pub struct SqliteJournal {
    path: String,
    connection: Connection,
}

impl SqliteJournal {
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let name = path.display().to_string();
        let open = || {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS term (one INTEGER PRIMARY KEY CHECK (one = 1), term INTEGER NOT NULL);
                 INSERT OR IGNORE INTO term VALUES (1, 0);
                 CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, row TEXT NOT NULL);",
            )?;
            Ok(connection)
        };
        let connection = open().map_err(|source| JournalError::Sqlite { path: name.clone(), source })?;
        Ok(Self { path: name, connection })
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
        rows.iter().map(|row| serde_json::from_str(row).map_err(|source| JournalError::Row { source })).collect()
    }

    fn commit(&mut self, rows: &[JobRow]) -> Result<(), JournalError> {
        let texts = texts(rows)?;
        self.run(|connection| {
            let transaction = connection.transaction()?;
            for (id, text) in &texts {
                transaction.execute("INSERT OR REPLACE INTO jobs VALUES (?1, ?2)", params![id, text])?;
            }
            transaction.commit()
        })
    }
}

fn texts(rows: &[JobRow]) -> Result<Vec<(String, String)>, JournalError> {
    let text = |row: &JobRow| Ok((row.id.0.clone(), serde_json::to_string(row)?));
    rows.iter().map(text).collect::<Result<_, _>>().map_err(|source| JournalError::Row { source })
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
    /// Commits until the process crashes, and that commit is lost.
    crash_after: Option<u32>,
}

impl MemoryJournal {
    /// The commit after `commits` more ones is lost, and every call fails until [`MemoryJournal::restart`].
    pub fn crash_after(&self, commits: u32) {
        if let Ok(mut disk) = self.disk.lock() {
            disk.crash_after = Some(commits);
        }
    }

    /// The process begins again on the same disk.
    pub fn restart(&self) {
        if let Ok(mut disk) = self.disk.lock() {
            disk.crash_after = None;
        }
    }

    fn write<T>(&self, work: impl FnOnce(&mut MemoryDisk) -> T) -> Result<T, JournalError> {
        let mut disk = self.disk.lock().map_err(|_| JournalError::Crashed)?;
        match &mut disk.crash_after {
            Some(0) => return Err(JournalError::Crashed),
            Some(left) => *left -= 1,
            None => {}
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

    fn commit(&mut self, rows: &[JobRow]) -> Result<(), JournalError> {
        self.write(|disk| disk.jobs.extend(rows.iter().map(|row| (row.id.0.clone(), row.clone()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{JobId, JobStatus};

    fn row(id: &str, status: JobStatus) -> JobRow {
        JobRow { id: JobId(id.into()), kind: "train".into(), status, created_ms: 5, failure: None }
    }

    /// One body, both implementations.
    fn keeps_what_was_committed(mut open: impl FnMut() -> Box<dyn Journal>) {
        let mut journal = open();
        assert_eq!(journal.begin_term().unwrap(), 1);
        journal.commit(&[row("a", JobStatus::Running), row("b", JobStatus::Running)]).unwrap();
        journal.commit(&[row("a", JobStatus::Done)]).unwrap();
        drop(journal);
        let mut journal = open();
        assert_eq!(journal.begin_term().unwrap(), 2);
        assert_eq!(journal.jobs().unwrap(), [row("a", JobStatus::Done), row("b", JobStatus::Running)]);
    }

    #[test]
    fn sqlite_keeps_what_was_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.sqlite");
        keeps_what_was_committed(|| Box::new(SqliteJournal::open(&path).unwrap()));
    }

    #[test]
    fn memory_keeps_what_was_committed_and_loses_the_rest() {
        let disk = MemoryJournal::default();
        keeps_what_was_committed(|| Box::new(disk.clone()));
        disk.crash_after(0);
        assert!(disk.clone().commit(&[row("c", JobStatus::Running)]).is_err());
        disk.restart();
        assert_eq!(disk.clone().jobs().unwrap().len(), 2);
    }
}
