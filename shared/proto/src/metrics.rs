//! Figures for Prometheus, in its text format 0.0.4.
//!
//! Written by hand: every figure is read from a node's state at the moment it is asked for, so nothing is left for a registry
//! (`prometheus-client`, `metrics`) to do but these few lines of text. Values of labels are words of the program, never text
//! that came in: their number has a bound.

use std::fmt::{Display, Write};
use std::time::Duration;

/// The page that a node gives.
#[derive(Debug, Default)]
pub struct Metrics(String);

impl Metrics {
    /// With what every node has to say of its process, which began so long ago.
    pub fn of_process(role: &'static str, uptime: Duration) -> Self {
        let mut metrics = Self::default();
        metrics.family("aquifer_node_info", "What this node is.", "gauge");
        metrics.sample("aquifer_node_info", &[("role", role), ("version", env!("CARGO_PKG_VERSION"))], 1);
        metrics.gauge("aquifer_uptime_seconds", "Since the node began.", uptime.as_secs_f64());
        let own = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).ok();
        if let Some(kib) = own("status").as_deref().and_then(resident_kib) {
            metrics.gauge("process_resident_memory_bytes", "Memory, mapped shards included.", kib * 1024);
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            metrics.gauge("process_open_fds", "Open file descriptors.", open.count());
        }
        metrics
    }

    /// A figure that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: impl Display) {
        self.family(name, help, "gauge");
        self.sample(name, &[], value);
    }

    /// A figure that only grows while the process lives; its name ends with `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str, value: impl Display) {
        self.family(name, help, "counter");
        self.sample(name, &[], value);
    }

    /// One gauge for each word of a label.
    pub fn gauges<T: Display>(
        &mut self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, T)>,
    ) {
        self.family(name, help, "gauge");
        values.into_iter().for_each(|(word, value)| self.sample(name, &[(label, word)], value));
    }

    /// One counter for each word of a label.
    pub fn counters<T: Display>(
        &mut self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, T)>,
    ) {
        self.family(name, help, "counter");
        values.into_iter().for_each(|(word, value)| self.sample(name, &[(label, word)], value));
    }

    pub fn into_text(self) -> String {
        self.0
    }

    fn family(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&'static str, &'static str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(label, word)| format!("{label}=\"{word}\"")).collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.0, "{name} {value}"),
            false => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }
}

/// From `/proc/self/status`.
fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_prometheus_reads() {
        let mut metrics = Metrics::default();
        metrics.gauge("a_bytes", "Bytes.", 12u64);
        metrics.counters("b_total", "Lost.", "cause", [("lease", 1), ("session", 0)]);
        let expected = "# HELP a_bytes Bytes.\n# TYPE a_bytes gauge\na_bytes 12\n\
                        # HELP b_total Lost.\n# TYPE b_total counter\n\
                        b_total{cause=\"lease\"} 1\nb_total{cause=\"session\"} 0\n";
        assert_eq!(metrics.into_text(), expected);
    }

    #[test]
    fn a_process_knows_itself() {
        assert_eq!(resident_kib("VmPeak: 9 kB\nVmRSS:\t    1234 kB\n"), Some(1234));
        let text = Metrics::of_process("worker", Duration::from_millis(1500)).into_text();
        assert!(text.contains("aquifer_uptime_seconds 1.5\n") && text.contains("role=\"worker\""), "{text}");
    }
}
