//! The folders of embedded jobs: `DIR/jobs/ID/`, with the journal, models and metric points of one job, and while it is at work
//! the address and token of its coordinator.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aquifer_coordinator::core::{JobRow, JobStatus, Request};
use aquifer_coordinator::{SqliteJournal, wire_source};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::TrainJob;
use aquifer_proto::{Credentials, Token};

use crate::client::Client;
use crate::dir;
use crate::failure::{unwritable, usage};
use crate::given::read_text;

const JOURNAL: &str = "journal.sqlite";
/// A lock that is held is tried so often, and after so long.
const LOOKS: u32 = 5;
const LOOK: Duration = Duration::from_millis(20);

/// The id of the job of a request, as coordinators make it.
pub(crate) fn job_id(request: &str) -> String {
    blake3::hash(request.as_bytes()).to_hex()[..12].to_owned()
}

/// The folder of a job at work. Dropped without being kept, what this command put there is gone.
pub(crate) struct JobFolder {
    path: PathBuf,
    kept: bool,
    /// Its job has ended, with a result.
    pub(crate) ended: bool,
    /// It has ended, one way or the other.
    pub(crate) over: bool,
    /// Held for as long as the job is at work.
    lock: Option<File>,
}

impl JobFolder {
    /// Makes the folder, or opens that of a job that was at work before. Nobody else may be at work in it.
    pub(crate) fn open(dir: &Path, id: &str, resumable: bool) -> anyhow::Result<Self> {
        let path = dir.join("jobs").join(id);
        let was_there = path.join(JOURNAL).exists();
        std::fs::create_dir_all(&path).map_err(|error| unwritable(&path, &error))?;
        let mut folder = Self { path, kept: was_there, ended: false, over: false, lock: None };
        if resumable {
            let lock = File::options().write(true).create(true).truncate(false).open(folder.path.join("lock"));
            let lock = lock.map_err(|error| unwritable(&folder.path, &error))?;
            // Who only looks whether somebody is at work holds it for a moment.
            let taken = (0..LOOKS).any(|look| {
                std::thread::sleep(LOOK * look.min(1));
                lock.try_lock().is_ok()
            });
            if !taken {
                folder.kept = true; // it is another's
                return Err(usage("job_is_running", format!("job {id} is being worked on by another command"))
                    .hint(format!("`aquifer job watch {id}` follows it"))
                    .into());
            }
            folder.lock = Some(lock);
        }
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells other commands of this user how to reach the job's coordinator.
    pub(crate) fn publish(&self, url: &str, token: &Token) -> anyhow::Result<()> {
        dir::write_token(&self.path.join("token"), token)?;
        let address = self.path.join("address");
        std::fs::write(&address, url).map_err(|error| unwritable(&address, &error))?;
        Ok(())
    }

    /// The model has been fetched and the token is spent: the journal says what was done.
    pub(crate) fn keep_journal(mut self) {
        self.kept = true;
        for entry in std::fs::read_dir(&self.path).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => drop(std::fs::remove_dir_all(path)),
                path if !is_journal(&path) => drop(std::fs::remove_file(path)),
                _ => {}
            }
        }
    }

    /// All but the way to a coordinator that is gone.
    pub(crate) fn keep_all(mut self) {
        self.kept = true;
        self.close();
    }

    fn close(&mut self) {
        for name in ["address", "token"] {
            let _ = std::fs::remove_file(self.path.join(name));
        }
        if let Some(lock) = self.lock.take() {
            drop(lock); // its file stays: another command may wait for this very one
        }
    }
}

impl Drop for JobFolder {
    fn drop(&mut self) {
        if self.lock.is_some() {
            self.close();
        }
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.path);
            // The folder of all jobs goes with its last job; if there are others, it stays.
            let _ = self.path.parent().map(std::fs::remove_dir);
        }
    }
}

fn is_journal(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(JOURNAL))
}

/// An embedded job that was, or is, at work.
pub(crate) struct Found {
    pub(crate) row: JobRow,
    /// A command is at work on it.
    pub(crate) at_work: bool,
    pub(crate) folder: PathBuf,
}

impl Found {
    /// As people see it: what nobody works on is interrupted.
    pub(crate) fn status(&self) -> JobStatus {
        match self.row.status {
            JobStatus::Running if !self.at_work => JobStatus::Interrupted,
            status => status,
        }
    }

    /// What was asked for; none of an import.
    pub(crate) fn request(&self) -> Option<TrainJob> {
        let Some(Request::Train { spec_toml, train, validation, test }) = self.row.request.clone() else { return None };
        let wire = |source| wire_source(&source);
        let (train, validation, test) = (Some(wire(train)), validation.map(wire), test.map(wire));
        Some(TrainJob { spec_toml, train, validation, test })
    }

    /// Its coordinator, while it is at work.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        let address = self.folder.join("address");
        let url = read_text(&address).map_err(|error| {
            let id = &self.row.id;
            Report::new(Kind::Access, "job_is_beginning", format!("job {id} is just beginning, or ending"))
                .hint(format!("try again; `aquifer job show {id}` tells how it ended"))
                .caused_by(&error)
        })?;
        let token = dir::read_token(&self.folder.join("token"))?;
        Ok(Client::connect(url.trim(), &Credentials { token, tls: None }).await?)
    }
}

/// The jobs of a data folder that commands of their own worked on, oldest first. One that cannot be read is left out.
pub(crate) fn find_all(dir: &Path) -> Vec<Found> {
    let folders = std::fs::read_dir(dir.join("jobs")).into_iter().flatten().flatten();
    let mut found: Vec<Found> = folders.filter_map(|entry| find_in(entry.path())).collect();
    found.sort_by(|a, b| (a.row.created_ms, &a.row.id).cmp(&(b.row.created_ms, &b.row.id)));
    found
}

/// One of them.
pub(crate) fn find(dir: &Path, id: &str) -> Option<Found> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| find_in(dir.join("jobs").join(id))).flatten()
}

fn find_in(folder: PathBuf) -> Option<Found> {
    let journal = folder.join(JOURNAL);
    if !journal.exists() {
        return None;
    }
    let name = folder.file_name()?.to_string_lossy().into_owned();
    let row = SqliteJournal::read_jobs(&journal).ok()?.into_iter().find(|row| row.id.0 == name)?;
    let lock = File::options().write(true).open(folder.join("lock"));
    // Shared, so that two who look do not take each other for one at work.
    let at_work = lock.is_ok_and(|lock| lock.try_lock_shared().is_err());
    Some(Found { row, at_work, folder })
}

/// The error of an id that no job has.
pub(crate) fn no_job(id: &str) -> Report {
    usage("no_job", format!("there is no job {id}")).hint("`aquifer job ls` lists the jobs")
}
