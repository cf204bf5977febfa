//! From arguments to files, in the order that numbers rows.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, SourceError};

/// Folders below a folder: a limit against links that go round.
const DEPTH_MAX: usize = 32;
/// The value of a folder whose rows have none (Apache Hive).
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// What a path says of all rows of its file, by the names of columns; no value where it says that there is none.
pub type Partitions = Vec<(String, Option<String>)>;

/// A file, and the folders `NAME=value` below the argument that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub path: PathBuf,
    pub partitions: Partitions,
}

impl From<PathBuf> for Listed {
    fn from(path: PathBuf) -> Self {
        Self { path, partitions: Vec::new() }
    }
}

/// The files of the arguments, in the order given; in each, by byte order of their paths below the longest folder without
/// a wildcard. An argument is a file, a folder (`*.parquet` in it and below, names that begin with `.` or `_` skipped) or a
/// pattern.
pub fn list(arguments: &[String]) -> Result<Vec<Listed>, Error> {
    if arguments.is_empty() {
        return Err(SourceError::NoFiles.into());
    }
    let mut files = Vec::new();
    for argument in arguments {
        files.extend(list_one(argument)?);
    }
    Ok(files)
}

fn list_one(argument: &str) -> Result<Vec<Listed>, Error> {
    let path = Path::new(argument);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let files = sorted(path, folder(path)?);
            if files.is_empty() {
                return Err(SourceError::EmptyFolder { path: argument.to_owned() }.into());
            }
            Ok(files)
        }
        Ok(_) => Ok(vec![path.to_owned().into()]),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("read", path)(error)),
        Err(_) if argument.contains("://") => {
            Err(SourceError::UnsupportedScheme { argument: argument.to_owned() }.into())
        }
        Err(_) if is_pattern(argument) => pattern(argument),
        Err(_) => Err(SourceError::NoSuchFile { path: argument.to_owned() }.into()),
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn pattern(argument: &str) -> Result<Vec<Listed>, Error> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let matches = glob::glob_with(argument, options)
        .map_err(|source| SourceError::BadPattern { pattern: argument.to_owned(), source })?;
    let mut files = Vec::new();
    for found in matches {
        let path = found.map_err(|error| {
            let path = error.path().to_owned();
            Error::io("read", &path)(error.into())
        })?;
        if path.is_dir() { files.extend(folder(&path)?) } else { files.push(path) }
    }
    if files.is_empty() {
        return Err(SourceError::NoMatch { pattern: argument.to_owned() }.into());
    }
    let literal = |part: &Component<'_>| !is_pattern(&part.as_os_str().to_string_lossy());
    let base: PathBuf = Path::new(argument).components().take_while(literal).collect();
    Ok(sorted(&base, files))
}

/// The Parquet files in a folder and below, in no order.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Error> {
    fn walk(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
        for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
            let entry = entry.map_err(Error::io("list", path))?;
            let (name, path) = (entry.file_name(), entry.path());
            if matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_')) {
                continue;
            }
            if path.is_dir() {
                if depth < DEPTH_MAX {
                    walk(&path, depth + 1, files)?;
                }
            } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet")) {
                files.push(path);
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    walk(path, 0, &mut files)?;
    Ok(files)
}

fn sorted(base: &Path, mut files: Vec<PathBuf>) -> Vec<Listed> {
    let below = |path: &PathBuf| path.strip_prefix(base).unwrap_or(path).as_os_str().as_encoded_bytes().to_vec();
    files.sort_by_cached_key(below);
    let partitions = |path: &Path| path.strip_prefix(base).map_or_else(|_| Vec::new(), partitions);
    files.into_iter().map(|path| Listed { partitions: partitions(&path), path }).collect()
}

/// Of folders in folders of one name the inner one counts.
fn partitions(below: &Path) -> Partitions {
    let mut found = Partitions::new();
    for folder in below.parent().into_iter().flat_map(Path::components) {
        let Some((name, value)) = folder.as_os_str().to_str().and_then(|folder| folder.split_once('=')) else {
            continue;
        };
        let name = decoded(name);
        if !name.is_empty() {
            found.retain(|(other, _)| *other != name);
            found.push((name, (value != HIVE_NULL).then(|| decoded(value))));
        }
    }
    found
}

/// With `%2F` and the like as what they stand for; as it is, if that were no text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(base: &Path, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|a| base.join(a).display().to_string()).collect();
        let below = |file: Listed| file.path.strip_prefix(base).unwrap().display().to_string();
        list(&arguments).unwrap().into_iter().map(below).collect()
    }

    #[test]
    fn order_is_the_arguments_then_bytes_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        for name in
            ["b.parquet", "a/2.parquet", "a/10.parquet", "a-b.parquet", "_skip/x.parquet", "c.txt", ".d.parquet"]
        {
            fs::create_dir_all(base.join(name).parent().unwrap()).unwrap();
            fs::write(base.join(name), "").unwrap();
        }
        let all = ["a-b.parquet", "a/10.parquet", "a/2.parquet", "b.parquet"];
        assert_eq!(names(base, &["."]), all.map(|name| name.to_owned()));
        assert_eq!(names(base, &["b.parquet", "a"]), ["b.parquet", "a/10.parquet", "a/2.parquet"]);
        assert_eq!(names(base, &["*/*.parquet"]), ["_skip/x.parquet", "a/10.parquet", "a/2.parquet"]);
        assert_eq!(names(base, &["[a]"]), ["a/10.parquet", "a/2.parquet"]);
    }

    #[test]
    fn folders_name_the_values_of_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("above=0");
        let path = "year=2020/city=New%20York%2fA/x/day=__HIVE_DEFAULT_PARTITION__/=y/year=2021/%zz=%/a=b.parquet";
        fs::create_dir_all(base.join(path).parent().unwrap()).unwrap();
        fs::write(base.join(path), "").unwrap();
        let check = |argument: &str, expected: &[(&str, Option<&str>)]| {
            let files = list(&[base.join(argument).display().to_string()]).unwrap();
            let found: Vec<_> = files[0].partitions.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
            assert_eq!(found, expected, "{argument}");
        };
        let city = ("city", Some("New York/A"));
        let below = [("day", None), ("year", Some("2021")), ("%zz", Some("%"))];
        check(".", &[&[city], &below[..]].concat());
        check("year=*", &[&[city], &below[..]].concat());
        check("year=2020/city=*", &[&[city], &below[..]].concat());
        check("year=2020/city=New%20York%2fA", &below);
        check(path, &[]);
        check(&path.replace("a=b", "*"), &[]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let check = |argument: &str, code| {
            assert_eq!(list(&[folder.path().join(argument).display().to_string()]).unwrap_err().code(), code);
        };
        check("", "empty_folder");
        check("x.parquet", "no_such_file");
        check("*.parquet", "no_match");
        check("***", "bad_pattern");
        assert_eq!(list(&["s3://bucket/x".into()]).unwrap_err().code(), "unsupported_scheme");
        assert_eq!(list(&[]).unwrap_err().code(), "no_files");
    }
}
