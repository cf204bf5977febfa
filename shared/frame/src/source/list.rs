//! From arguments to files, in the order that numbers rows.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, SourceError};

/// Files and folders that an argument is looked for in: more are no data set, but links that lead to each other.
const ENTRIES_MAX: usize = 10_000_000;
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
/// pattern, whose wildcards skip those names too.
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
            let mut walk = Walk::new(argument, ENTRIES_MAX);
            walk.folder(path)?;
            let files = sorted(path, walk.files);
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
    let bad = |source| SourceError::BadPattern { pattern: argument.to_owned(), source };
    let parts = names_of(Path::new(argument)).map(glob::Pattern::new).collect::<Result<Vec<_>, _>>();
    let parts = parts.map_err(bad)?;
    let mut walk = Walk::new(argument, ENTRIES_MAX);
    for found in glob::glob(argument).map_err(bad)? {
        let path = found.map_err(|error| {
            let path = error.path().to_owned();
            Error::io("read", &path)(error.into())
        })?;
        walk.count()?;
        if !is_meant(&parts, &names_of(&path).collect::<Vec<_>>()) {
            continue;
        }
        if path.is_dir() { walk.folder(&path)? } else { walk.files.push(path) }
    }
    if walk.files.is_empty() {
        return Err(SourceError::NoMatch { pattern: argument.to_owned() }.into());
    }
    let literal = |part: &Component<'_>| !is_pattern(&part.as_os_str().to_string_lossy());
    let base: PathBuf = Path::new(argument).components().take_while(literal).collect();
    let mut files = sorted(&base, walk.files);
    // `**` matches a folder, and the folders in it.
    files.dedup();
    Ok(files)
}

/// The names that a path or a pattern is made of, as far as they are text.
fn names_of(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        Component::ParentDir => Some(".."),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

/// Whether the names match the parts of a pattern so that a `.` or `_` that begins one is written out.
fn is_meant(parts: &[glob::Pattern], names: &[&str]) -> bool {
    let Some((part, parts_after)) = parts.split_first() else { return names.is_empty() };
    let first = names.split_first();
    if part.as_str() == "**" {
        let deeper = first.is_some_and(|(name, after)| !is_hidden(name.as_bytes()) && is_meant(parts, after));
        return deeper || is_meant(parts_after, names);
    }
    first.is_some_and(|(name, names_after)| {
        let written = part.as_str().as_bytes().first() == name.as_bytes().first();
        part.matches(name) && (written || !is_hidden(name.as_bytes())) && is_meant(parts_after, names_after)
    })
}

fn is_hidden(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'.' | b'_'))
}

/// What was found so far for an argument.
struct Walk<'a> {
    argument: &'a str,
    files: Vec<PathBuf>,
    /// Files and folders that may still be looked at.
    left: usize,
    limit: usize,
}

impl<'a> Walk<'a> {
    fn new(argument: &'a str, limit: usize) -> Self {
        Self { argument, files: Vec::new(), left: limit, limit }
    }

    fn count(&mut self) -> Result<(), Error> {
        let too_many = || SourceError::TooManyFiles { path: self.argument.to_owned(), limit: self.limit };
        self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
        Ok(())
    }

    /// Adds the Parquet files in a folder and below, in no order.
    fn folder(&mut self, path: &Path) -> Result<(), Error> {
        self.below(path, &mut Vec::new())
    }

    /// `above` are the folders that led here, by their true paths: a link to one of them leads to nothing new.
    fn below(&mut self, path: &Path, above: &mut Vec<PathBuf>) -> Result<(), Error> {
        let place = fs::canonicalize(path).map_err(Error::io("list", path))?;
        if above.contains(&place) {
            return Ok(());
        }
        above.push(place);
        for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
            let entry = entry.map_err(Error::io("list", path))?;
            self.count()?;
            let (name, path) = (entry.file_name(), entry.path());
            if is_hidden(name.as_encoded_bytes()) {
                continue;
            }
            if path.is_dir() {
                self.below(&path, above)?;
            } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet")) {
                self.files.push(path);
            }
        }
        above.pop();
        Ok(())
    }
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
        assert_eq!(names(base, &["*/*.parquet"]), ["a/10.parquet", "a/2.parquet"]);
        assert_eq!(names(base, &["[a]"]), ["a/10.parquet", "a/2.parquet"]);
        assert_eq!(names(base, &["**"]), all[1..3]); // of folders
        assert_eq!(names(base, &["**/*.parquet"]), all.map(|name| name.to_owned()));
        // What is written out is meant.
        for pattern in ["_skip/*.parquet", "_*/*", "**/_skip/x.*", "_skip/**/x.parquet", "a/../_skip/*"] {
            assert_eq!(names(base, &[pattern]).len(), 1, "{pattern}");
        }
        assert_eq!(names(base, &[".d.*"]), [".d.parquet"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_that_go_round_lead_to_nothing_new() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let base = &folder.path().join("data");
        fs::create_dir_all(base.join("a")).unwrap();
        fs::create_dir(base.join("b")).unwrap();
        for name in ["x.parquet", "a/y.parquet", "b/z.parquet"] {
            fs::write(base.join(name), "").unwrap();
        }
        symlink(".", base.join("l")).unwrap();
        symlink(base, base.join("m")).unwrap();
        symlink("..", base.join("a/up")).unwrap();
        assert_eq!(names(base, &["."]), ["a/y.parquet", "b/z.parquet", "x.parquet"]);
        // A link to another folder is followed: its rows are there twice.
        symlink("../b", base.join("a/b")).unwrap();
        assert_eq!(names(base, &["."]), ["a/b/z.parquet", "a/y.parquet", "b/z.parquet", "x.parquet"]);
        // Two that lead to each other end too.
        symlink("../a", base.join("b/a")).unwrap();
        let all = ["a/b/z.parquet", "a/y.parquet", "b/a/y.parquet", "b/z.parquet", "x.parquet"];
        assert_eq!(names(base, &["."]), all);
    }

    #[test]
    fn no_more_is_listed_than_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        for name in ["a/1.parquet", "a/2.parquet"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let within = |limit| Walk::new("data", limit).folder(folder.path());
        assert!(within(3).is_ok());
        assert_eq!(within(2).unwrap_err().code(), "too_many_files");
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
