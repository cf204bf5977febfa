//! Places that cannot be written: full, read-only, not there.

use std::path::{Path, PathBuf};
use std::process::Command;

use aquifer_harness::{Aquifer, Running, data};

use crate::bed::{bed, files, read_refusal, refused, train};
use crate::tables::{regression, write};

/// A small file system in memory, until it is dropped; none, with the reason printed, where mounting is not permitted.
pub(crate) struct Mount(PathBuf);

impl Mount {
    pub(crate) fn new(aquifer: &Aquifer, name: &str, options: &str) -> Option<Self> {
        let folder = aquifer.file(name);
        std::fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            Ok(output) => {
                println!("skipped, mounting is not permitted: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped, there is no `mount`: {error}");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

/// With another data folder than the test's own.
#[track_caller]
fn refused_in(aquifer: &Aquifer, dir: &Path, arguments: &[&str], exit: i32, code: &str, said: &[&str]) {
    let mut command = aquifer.command(arguments);
    command.env("AQUIFER_DIR", dir).args(["--output", "json"]);
    let finished = Running::start(command).finish().code(exit);
    let refusal = read_refusal(&finished.stderr);
    assert_eq!(refusal.code, code, "{}", refusal.text);
    said.iter().for_each(|text| assert!(refusal.text.contains(text), "`{text}` is not said:\n{}", refusal.text));
    assert!(refusal.hint.is_some(), "{}", refusal.text);
    assert!(!dir.join("jobs").exists(), "{:?}", files(dir));
    let unfinished = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    assert!(!files(dir).iter().any(unfinished), "{:?}", files(dir));
}

#[test]
fn a_full_disk_under_the_data_folder() {
    let aquifer = bed();
    let adult = data("adult/train.parquet");
    let adult = adult.to_str().unwrap();
    // The journal fits, the shard does not.
    let Some(mount) = Mount::new(&aquifer, "small", "size=600k") else { return };
    refused_in(&aquifer, mount.path(), &["frame", "import", "adult", adult], 1, "disk_full", &["small", "--dir"]);
    assert!(files(&mount.path().join("shards")).is_empty() && files(&mount.path().join("frames")).is_empty());
    let out = aquifer.file("out.safetensors");
    let arguments = ["train", adult, "--target", "income", "--out", out.to_str().unwrap()];
    refused_in(&aquifer, mount.path(), &arguments, 1, "disk_full", &["small", "--dir"]);
    assert!(!out.exists());
    drop(mount);
    // Not even the journal fits.
    let Some(mount) = Mount::new(&aquifer, "tiny", "size=12k") else { return };
    let mut command = aquifer.command(["frame", "import", "adult", adult]);
    command.env("AQUIFER_DIR", mount.path()).args(["--output", "json"]);
    let finished = Running::start(command).finish();
    assert!([1, 2].contains(&finished.status.code().unwrap()), "{}", finished.stderr);
    assert!(read_refusal(&finished.stderr).text.contains("tiny"));
    assert!(!mount.path().join("jobs").exists());
}

#[test]
fn a_full_disk_under_the_result() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(40_000));
    let model = aquifer.file("model.safetensors");
    aquifer.run(train(&path, "y", &["--out", model.to_str().unwrap()])).ok();
    std::fs::remove_dir_all(aquifer.dir()).unwrap();
    let Some(mount) = Mount::new(&aquifer, "small", "size=32k") else { return };
    let out = mount.path().join("out.safetensors");
    let arguments = train(&path, "y", &["--set", "hidden=[200, 200]", "--out", out.to_str().unwrap()]);
    refused(&aquifer, arguments, 1, "disk_full", &["out.safetensors", "free space"]);
    let out = mount.path().join("p.parquet");
    let words = ["predict".as_ref(), model.as_os_str(), path.as_os_str(), "--out".as_ref(), out.as_os_str()];
    refused(&aquifer, words, 1, "disk_full", &["p.parquet", "free space"]);
    assert!(files(mount.path()).is_empty(), "{:?}", files(mount.path()));
}

#[test]
fn a_read_only_folder() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let model = aquifer.file("model.safetensors");
    aquifer.run(train(&path, "y", &["--out", model.to_str().unwrap()])).ok();
    std::fs::remove_dir_all(aquifer.dir()).unwrap();
    let Some(mount) = Mount::new(&aquifer, "closed", "ro,size=64k") else { return };
    let out = mount.path().join("out.safetensors");
    let out = out.to_str().unwrap();
    refused(&aquifer, train(&path, "y", &["--out", out]), 2, "not_writable", &["closed", "can be written"]);
    let words = ["predict", model.to_str().unwrap(), path.to_str().unwrap(), "--out", out];
    refused(&aquifer, words, 2, "not_writable", &["closed"]);
    let arguments = ["train", path.to_str().unwrap(), "--target", "y"];
    refused_in(&aquifer, mount.path(), &arguments, 2, "not_writable", &["closed", "can be written"]);
    refused_in(&aquifer, mount.path(), &["frame", "ls"], 2, "not_writable", &["closed"]);
    // The doctor says what it found, and that it is not well.
    let mut command = aquifer.command(["doctor"]);
    command.env("AQUIFER_DIR", mount.path());
    let finished = Running::start(command).finish().code(2).says(&["cannot write in", "closed"]);
    assert!(finished.stdout.contains("not healthy"), "{}", finished.stdout);
}

/// Needs no mount: a path below a file can be written by nobody.
#[test]
fn a_folder_that_is_none() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let below = path.join("out.safetensors");
    refused(&aquifer, train(&path, "y", &["--out", below.to_str().unwrap()]), 2, "not_a_folder", &["data.parquet"]);
    let nowhere = aquifer.file("nowhere/out.safetensors");
    refused(&aquifer, train(&path, "y", &["--out", nowhere.to_str().unwrap()]), 2, "no_such_folder", &["nowhere"]);
    let arguments = ["train", path.to_str().unwrap(), "--target", "y"];
    refused_in(&aquifer, &path.join("dir"), &arguments, 2, "not_a_folder", &["data.parquet/dir"]);
}

#[test]
fn a_result_that_would_replace_something_else() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let before = std::fs::read(&path).unwrap();
    let same = path.to_str().unwrap();
    refused(&aquifer, train(&path, "y", &["--out", same]), 2, "out_is_input", &["data.parquet", "another --out"]);
    let folder = aquifer.file("folder");
    std::fs::create_dir(&folder).unwrap();
    refused(&aquifer, train(&path, "y", &["--out", folder.to_str().unwrap()]), 2, "not_a_file", &["folder"]);
    let pipe = aquifer.file("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    refused(&aquifer, train(&path, "y", &["--out", pipe.to_str().unwrap()]), 2, "not_a_file", &["pipe"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
