//! Data arguments: a frame's name or files; and files that this program writes.

use std::path::Path;

use aquifer_frame::{SourceOptions, Survey, list, survey};
use aquifer_model::Report;
use aquifer_proto::from_status;
use aquifer_proto::v1::{self, DataSource};

use crate::client::Client;
use crate::failure::usage;
use crate::launch::{Planned, Purpose, with_cluster};
use crate::options::ClusterOptions;

/// What stands where data is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Files(Vec<String>),
    Frame(String),
}

impl Data {
    /// An argument that exists, or has a slash, glob or scheme, is files; else it is a frame's name. `frame:NAME` is a
    /// frame in any case.
    pub(crate) fn read(arguments: &[String]) -> Result<Data, Report> {
        match arguments {
            [one] if one.strip_prefix("frame:").is_some() => Ok(Data::Frame(one["frame:".len()..].to_owned())),
            [one] if !looks_like_files(one) => Ok(Data::Frame(one.clone())),
            all => match all.iter().find(|argument| argument.starts_with("frame:")) {
                Some(frame) => Err(usage("mixed_data", format!("`{frame}` is a frame and cannot stand beside files"))
                    .hint("import all of it as one frame, or give files alone")),
                None => Ok(Data::Files(all.to_vec())),
            },
        }
    }

    /// What the cluster is told; local files that it cannot read are uploaded.
    pub(crate) async fn offer(&self, client: &mut Client, options: &SourceOptions) -> anyhow::Result<DataSource> {
        match self {
            Data::Frame(name) => Ok(DataSource { frame: name.clone(), ..DataSource::default() }),
            Data::Files(arguments) => {
                let found = survey_files(arguments, options)?;
                let partition = |(key, value)| v1::Partition { key, value };
                let file = |file: &aquifer_frame::SourceFile| v1::SourceFile {
                    path: file.path.clone(),
                    size_bytes: file.bytes,
                    footer_hash: file.footer.clone(),
                    upload: String::new(),
                    partitions: file.partitions.iter().cloned().map(partition).collect(),
                };
                let mut files: Vec<_> = found.files.iter().map(file).collect();
                client.offer(&mut files).await?;
                let options_json = serde_json::to_string(options)?;
                Ok(DataSource { files, options_json, ..DataSource::default() })
            }
        }
    }
}

/// A bare word may name a file here and a frame there: then nobody can tell which was meant.
pub(crate) async fn check_names(data: &[&Data], options: &ClusterOptions) -> anyhow::Result<()> {
    let bare = |data: &&Data| match data {
        Data::Files(files) => files.first().filter(|file| files.len() == 1 && could_be_frame(file)).cloned(),
        Data::Frame(_) => None,
    };
    let words: Vec<String> = data.iter().filter_map(bare).collect();
    if words.is_empty() {
        return Ok(());
    }
    let frames = with_cluster(options, Planned::new(Purpose::Ask)?, async |launched| {
        let frames = launched.client.jobs.list_frames(v1::ListFramesRequest::default()).await;
        Ok(frames.map_err(|status| from_status(&status, "listing frames"))?.into_inner().frames)
    });
    let frames = frames.await?;
    match words.iter().find(|word| frames.iter().any(|frame| frame.name == **word)) {
        Some(word) => Err(usage("ambiguous_data", format!("`{word}` is both a file or folder and a frame"))
            .hint(format!("write `frame:{word}` for the frame, or `./{word}` for the file"))
            .into()),
        None => Ok(()),
    }
}

fn looks_like_files(argument: &str) -> bool {
    Path::new(argument).exists() || !could_be_frame(argument)
}

/// What `frame import` takes as a name.
pub(crate) fn could_be_frame(word: &str) -> bool {
    !word.is_empty() && !word.contains(['/', '*', '?', '[', '\\', ':']) && !word.ends_with(".parquet")
}

/// Footers of local files, their paths made absolute.
pub(crate) fn survey_files(arguments: &[String], options: &SourceOptions) -> Result<Survey, Report> {
    let mut files = list(arguments)?;
    for file in &mut files {
        file.path = std::path::absolute(&file.path).unwrap_or_else(|_| std::mem::take(&mut file.path));
    }
    Ok(survey(&files, options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_files_from_frames() {
        let read = |arguments: &[&str]| Data::read(&arguments.iter().map(|a| a.to_string()).collect::<Vec<_>>());
        assert_eq!(read(&["adult"]).unwrap(), Data::Frame("adult".into()));
        assert_eq!(read(&["frame:Cargo.toml"]).unwrap(), Data::Frame("Cargo.toml".into()));
        for files in ["Cargo.toml", "no/such", "*.parquet", "missing.parquet"] {
            assert_eq!(read(&[files]).unwrap(), Data::Files(vec![files.into()]));
        }
        assert!(read(&["a.parquet", "frame:x"]).is_err());
    }
}
