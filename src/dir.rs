//! The data folder: where it is, its token, its lock.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use aquifer_model::{Kind, Report};
use aquifer_proto::{Scope, Token, token_line};
use clap::Args;

use crate::failure::{unwritable, usage};
use crate::given::read_text;
use crate::newfile::NewFile;

/// Hashes of the weaker tokens, beside the one that is good for everything.
pub(crate) const TOKENS: &str = "tokens";

/// The data folder.
#[derive(Args, Clone, Debug)]
pub(crate) struct DirOption {
    /// Data folder: frames, shards, models [default: ~/.local/share/aquifer]
    #[arg(long, env = "AQUIFER_DIR", hide_env_values = true, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
}

impl DirOption {
    /// The folder, made if it is not there.
    pub(crate) fn open(&self) -> anyhow::Result<PathBuf> {
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => default_dir().ok_or_else(|| usage("no_dir", "there is no home folder: give --dir FOLDER"))?,
        };
        std::fs::create_dir_all(&dir).map_err(|error| unwritable(&dir, &error))?;
        Ok(dir.canonicalize().map_err(|error| unwritable(&dir, &error))?)
    }
}

fn default_dir() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(data.join("aquifer"))
}

/// A random secret of 256 bits.
pub(crate) fn new_token() -> anyhow::Result<Token> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    let text: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Token::new(&text).context("a token of hexadecimal digits")
}

/// Writes a token that only this user can read.
pub(crate) fn write_token(path: &Path, token: &Token) -> anyhow::Result<()> {
    let mut file = NewFile::secret(path)?;
    writeln!(file, "{}", token.secret()).map_err(|error| unwritable(path, &error))?;
    Ok(file.finish()?)
}

pub(crate) fn read_token(path: &Path) -> anyhow::Result<Token> {
    let text = read_text(path).map_err(|error| {
        Report::new(Kind::Access, "no_token", format!("cannot read the token file {}", path.display()))
            .hint("give --token-file FILE; a cluster keeps its token in its --dir as `token`, and its workers' as `worker-token`")
            .caused_by(&error)
    })?;
    let empty = || {
        Report::new(Kind::Access, "no_token", format!("{} holds no token", path.display()))
            .hint("copy it from the cluster's --dir, where it lies under the name `token`")
    };
    Ok(Token::new(&text).ok_or_else(empty)?)
}

/// The token of a data folder, made at first need.
pub(crate) fn token_of(dir: &Path) -> anyhow::Result<Token> {
    let path = dir.join("token");
    if path.exists() {
        return read_token(&path);
    }
    let token = new_token()?;
    write_token(&path, &token)?;
    Ok(token)
}

/// The token of a data folder's workers, made at first need.
pub(crate) fn worker_token_of(dir: &Path) -> anyhow::Result<PathBuf> {
    let path = dir.join("worker-token");
    if !path.exists() {
        let token = new_token()?;
        // Known before it is there: whoever finds it can use it.
        make_known(dir, &token, Scope::Worker, "the workers of this folder")?;
        write_token(&path, &token)?;
    }
    Ok(path)
}

/// Adds a token to those that the coordinator of a data folder lets in. Only its hash is written.
pub(crate) fn make_known(dir: &Path, token: &Token, scope: Scope, whose: &str) -> anyhow::Result<()> {
    let path = dir.join(TOKENS);
    let mut options = File::options();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error| unwritable(&path, &error);
    let mut file = options.open(&path).map_err(failed)?;
    let head = match last_byte(&mut file).map_err(failed)? {
        None => "# scope, BLAKE3 of the token, whose it is; without its line a token is good for nothing\n",
        Some(b'\n') => "",
        // Who struck a line out may have left the last one without its end.
        Some(_) => "\n",
    };
    // In one write: a coordinator may be reading, and another command adding.
    let line = format!("{head}{} {whose}\n", token_line(token, scope));
    Ok(file.write_all(line.as_bytes()).map_err(failed)?)
}

fn last_byte(file: &mut File) -> std::io::Result<Option<u8>> {
    let end = file.seek(SeekFrom::End(0))?;
    let Some(last) = end.checked_sub(1) else { return Ok(None) };
    let mut byte = [0];
    file.seek(SeekFrom::Start(last))?;
    file.read_exact(&mut byte)?;
    Ok(Some(byte[0]))
}

/// Held by a lasting coordinator for as long as it lives.
pub(crate) fn lock(dir: &Path) -> anyhow::Result<File> {
    let path = dir.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| unwritable(&path, &error))?;
    file.try_lock().map_err(|_| {
        usage("dir_in_use", format!("{} is in use by another coordinator", dir.display()))
            .hint("stop it, or choose another folder with --dir")
    })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TOKENS);
        let token = |text: &str| Token::new(text).unwrap();
        let add = |text| make_known(folder.path(), &token(text), Scope::Read, text).unwrap();
        add("a");
        add("b");
        // As an editor leaves it.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.trim_end()).unwrap();
        add("c");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines, ["a", "b", "c"].map(|text| format!("{} {text}", token_line(&token(text), Scope::Read))));
    }
}
