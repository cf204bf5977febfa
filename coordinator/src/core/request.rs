//! What is asked for, and the frames that it is about.

use std::collections::BTreeMap;

use aquifer_frame::{Frame, Partitions, Plan, SourceOptions};
use aquifer_model::Part;
use serde::{Deserialize, Serialize};

/// A source file as its client named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub path: String,
    pub size_bytes: u64,
    pub footer_hash: String,
    /// BLAKE3 of the content, if the client has uploaded it.
    pub upload: Option<String>,
    /// What the path says of all its rows.
    #[serde(default)]
    pub partitions: Partitions,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    Files {
        files: Vec<FileRef>,
        options: SourceOptions,
        /// Scatters the rows, by this seed.
        shuffle: Option<u64>,
    },
    Frame(String),
}

/// Paths that stand for uploads, with the BLAKE3 of what was uploaded.
pub fn uploads_of(files: &[FileRef]) -> BTreeMap<String, String> {
    files.iter().filter_map(|file| Some((file.path.clone(), file.upload.clone()?))).collect()
}

impl Source {
    /// Paths that stand for uploads, with the BLAKE3 of what was uploaded.
    pub(super) fn uploads(&self) -> BTreeMap<String, String> {
        match self {
            Source::Files { files, .. } => uploads_of(files),
            Source::Frame(_) => BTreeMap::new(),
        }
    }
}

/// What was asked for. It is kept with the job, so that it can be taken up again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// With an empty name the frame is kept in the cache.
    Import { name: String, source: Source },
    /// The user's spec as TOML: of a training, a cross-validation or a search.
    Train { spec_toml: String, train: Source, validation: Option<Source>, test: Option<Source> },
}

/// An imported frame with its way back to the source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredFrame {
    pub frame: Frame,
    pub plan: Plan,
    /// Files of the plan that were uploaded: path to BLAKE3.
    #[serde(default)]
    pub uploads: BTreeMap<String, String>,
}

/// What a frame of a job is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Named(String),
    Part(Part),
}
