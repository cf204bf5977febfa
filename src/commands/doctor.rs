//! `aquifer doctor`: what this machine gives, and whether aquifer works on it.

use aquifer_learn::{Isa, self_test};
use aquifer_model::{Kind, Report};
use aquifer_worker::{disk_free_bytes, memory_bytes};
use clap::Args;

use crate::dir::DirOption;
use crate::failure::unwritable;
use crate::options::cores;
use crate::output::{self, Format, Table, bytes};

/// Check this machine: processor, exact arithmetic, memory, disk, data folder
#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    dir: DirOption,
}

impl Doctor {
    pub(crate) fn run(self, format: Format) -> anyhow::Result<()> {
        let mut table = Table::new(["check", "result"]);
        let mut say = |check: &str, result: String| table.row([check.to_owned(), result]);
        say("version", format!("{} (protocol {})", env!("CARGO_PKG_VERSION"), crate::launch::protocol()));
        say("cores", cores().to_string());
        say("memory", bytes(memory_bytes()));
        say("instructions", Isa::available().into_iter().map(Isa::name).collect::<Vec<_>>().join(", "));

        // Every path that this processor has must give the same bits: a worker is refused otherwise.
        let mut hashes = Vec::new();
        for isa in Isa::available() {
            let hash = self_test(isa).map_err(Report::from)?;
            say(&format!("exact arithmetic, {}", isa.name()), hash.clone());
            hashes.push(hash);
        }
        say("devices", "cpu".to_owned());
        let folder = self.dir.open().and_then(|folder| {
            tempfile::tempfile_in(&folder).map_err(|error| unwritable(&folder, &error))?;
            Ok(folder)
        });
        match &folder {
            Ok(folder) => say("data folder", format!("{} ({} free)", folder.display(), bytes(disk_free_bytes(folder)))),
            Err(error) => say("data folder", error.to_string()), // why, and what to do, follows as the error
        }
        let equal = hashes.windows(2).all(|pair| pair[0] == pair[1]);
        say("verdict", if equal && folder.is_ok() { "healthy" } else { "not healthy" }.to_owned());
        if format == Format::Json {
            let data = serde_json::json!({
                "version": env!("CARGO_PKG_VERSION"), "protocol_version": crate::launch::protocol(), "cores": cores(),
                "instructions": Isa::available().into_iter().map(Isa::name).collect::<Vec<_>>(), "devices": ["cpu"],
                "dir": folder.as_ref().ok().map(|folder| folder.display().to_string()), "memory_bytes": memory_bytes(), "self_test": hashes.first(), "healthy": equal && folder.is_ok(),
            });
            output::json("DoctorResult", &data)?;
        } else {
            table.print(format);
        }
        folder?;
        match equal {
            true => Ok(()),
            false => Err(Report::new(Kind::Work, "self_test", "this machine's instruction sets give different bits")
                .hint("its arithmetic is at fault: do not train on it")
                .into()),
        }
    }
}
