//! A cluster of containers, as `deploy/compose.yaml` makes it: nodes with addresses of their own, TLS between them, memory
//! limits, and faults that only machines of their own can have.
//!
//! Runs where a Docker engine and Compose are found, as root: nothing is pulled, the base image is made of Debian's packages
//! by debootstrap, and kept under `target/containers`. Elsewhere it says that it is skipped, unless
//! `AQUIFER_CONTAINERS=required`. `engine` speaks to Docker, `image` makes the image, `project` is a cluster of compose,
//! `state` is about what lies in the folder of certificates and tokens.

mod engine;
mod faults;
mod image;
mod memory;
mod project;
mod state;

use aquifer_harness::Aquifer;

#[test]
fn compose_reads_its_files() {
    if !engine::found() {
        return;
    }
    let aquifer = aquifer();
    let project = project::Project::new(&aquifer);
    let read = engine::run(project.compose().args(["-f", "deploy/compose.gpu.yaml", "config"]));
    for text in ["service_completed_successfully", "service_healthy", "nvidia", "read_only: true"] {
        assert!(read.contains(text), "no `{text}` in\n{read}");
    }
}

/// The binary with a data folder of its own.
fn aquifer() -> Aquifer {
    Aquifer::new(env!("CARGO_BIN_EXE_aquifer"))
}
