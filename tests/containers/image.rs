//! The image of a node: the runtime stage of `deploy/Dockerfile` on a base that is made here, with the binary under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use aquifer_harness::repository;

use crate::engine::{docker, run};

/// Images of the suite have this label; those that no container uses are removed after a day.
const LABEL: &str = "aquifer.test=containers";

/// Why no base can be made.
pub(crate) fn missing() -> Option<String> {
    if codename().is_none() {
        return Some("this is no Debian, so what is built here may not run on a base of Debian's packages".into());
    }
    if archive().exists() {
        return None;
    }
    let has = |name: &str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    if !has("debootstrap") {
        return Some("debootstrap is missing: apt-get install debootstrap".into());
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    (!root).then(|| "debootstrap needs root".into())
}

/// The release of this Debian: its C library is that of the binary.
fn codename() -> Option<String> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| release.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    field("VERSION_CODENAME=").filter(|_| field("ID=").as_deref() == Some("debian"))
}

/// The base, as a file that is kept.
fn archive() -> PathBuf {
    repository().join("target/containers").join(format!("{}.tar", codename().unwrap_or_default()))
}

/// The image's name, made once for all tests of this program.
pub(crate) fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| build(Path::new(env!("CARGO_BIN_EXE_aquifer"))))
}

fn build(program: &Path) -> String {
    let bytes = std::fs::read(program).expect("the binary under test");
    let name = format!("aquifer-test:{}", &blake3::hash(&bytes).to_hex()[..12]);
    let runtime = format!("RUNTIME={}", base());
    let mut build = Command::new("docker");
    build.args([
        "build",
        "--quiet",
        "--target",
        "runtime",
        "--file",
        "deploy/Dockerfile",
        "--build-arg",
        &runtime,
        ".",
    ]);
    let runtime = run(build.current_dir(repository()));

    let context = tempfile::tempdir().expect("a folder for the build");
    let binary = context.path().join("aquifer");
    std::fs::write(&binary, bytes).expect("the binary for the image");
    run(Command::new("chmod").arg("0755").arg(&binary));
    // Only to be smaller.
    let _ = Command::new("strip").arg(&binary).status();
    let lines = format!("FROM {runtime}\nCOPY aquifer /usr/local/bin/aquifer\n");
    std::fs::write(context.path().join("Dockerfile"), lines).expect("what is to be built");
    run(Command::new("docker").args(["build", "--quiet", "--tag", &name, "--label", LABEL]).arg(context.path()));
    let old = ["image", "prune", "--all", "--force", "--filter", "until=24h", "--filter", &format!("label={LABEL}")];
    docker(old);
    name
}

/// Debian's own packages, none but the required ones.
fn base() -> String {
    let (codename, archive) = (codename().expect("Debian"), archive());
    let name = format!("aquifer-test-base:{codename}");
    let known = Command::new("docker").args(["image", "inspect", &name]).output();
    if known.is_ok_and(|output| output.status.success()) {
        return name;
    }
    if !archive.exists() {
        let folder = archive.parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("a folder of the build");
        let work = tempfile::tempdir_in(folder).expect("a folder for the base");
        let tree = work.path().join("base");
        run(Command::new("debootstrap").args(["--variant=minbase", &codename]).arg(&tree));
        let _ = std::fs::remove_dir_all(tree.join("var/cache/apt"));
        let tar = work.path().join("base.tar");
        run(Command::new("tar").args(["-c", "-f"]).arg(&tar).arg("-C").arg(&tree).arg("."));
        std::fs::rename(tar, &archive).expect("the base under its name");
    }
    docker(["import".as_ref(), archive.as_os_str(), name.as_ref()]);
    name
}
