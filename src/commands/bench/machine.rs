//! Which machine, and which aquifer.

use aquifer_learn::Isa;
use aquifer_worker::memory_bytes;
use serde::Serialize;

use crate::options::cores;

#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// As the processor calls itself.
    pub(super) cpu: String,
    /// That this process may use.
    pub(super) cores: u32,
    pub(super) memory_bytes: u64,
    /// Instruction sets that kernels are made for, fastest first: the first one is used.
    pub(super) instructions: Vec<&'static str>,
    /// Of aquifer.
    pub(super) version: &'static str,
}

impl Machine {
    pub(super) fn this() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            cpu: model_name(&info).unwrap_or(std::env::consts::ARCH).to_owned(),
            cores: cores(),
            memory_bytes: memory_bytes(),
            instructions: Isa::available().into_iter().map(Isa::name).collect(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

fn model_name(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_s_name_is_found() {
        assert_eq!(model_name("processor\t: 0\nmodel\t\t: 17\nmodel name\t: A CPU\n"), Some("A CPU"));
        assert_eq!(model_name("processor: 0\nmodel name\t:\n"), None);
    }
}
