//! The results: limits first, then figures with their share of a limit.

use super::bed::{Bed, Figure};
use super::limit::Limit;
use super::machine::Machine;
use crate::output::{self, Format, Table, bytes, grouped};

pub(super) fn show(bed: &Bed, format: Format) -> anyhow::Result<()> {
    let machine = Machine::this();
    match format {
        Format::Json => {
            let data = serde_json::json!({
                "machine": machine, "limits": bed.limits.to_json(bed.threads), "figures": bed.figures, "notes": bed.notes,
            });
            output::json("BenchResult", &data)
        }
        Format::Csv => {
            csv(bed);
            Ok(())
        }
        Format::Table => {
            tables(bed, &machine);
            Ok(())
        }
    }
}

/// One row a limit and figure, numbers as they are.
fn csv(bed: &Bed) {
    let mut table = Table::new(["name", "value", "unit", "limit", "share"]);
    for limit in Limit::ALL {
        if let Some(rate) = bed.limits.get(limit) {
            let unit = limit.unit().to_owned();
            table.row([limit.key().to_owned(), rate.to_string(), unit, String::new(), String::new()]);
        }
    }
    for figure in &bed.figures {
        let Figure { name, value, unit, limit, share } = figure.clone();
        table.row([name, value.to_string(), unit.to_owned(), limit, share.to_string()]);
    }
    table.print(Format::Csv);
}

fn tables(bed: &Bed, machine: &Machine) {
    let Machine { cpu, cores, memory_bytes, instructions, version } = machine;
    let used = instructions.first().copied().unwrap_or_default();
    let memory = bytes(*memory_bytes);
    output::line(&format!("{cpu}, {cores} cores, {memory} of memory, {used}; aquifer {version}"));
    output::line("");
    limits(bed, used).print(Format::Table);
    if !bed.figures.is_empty() {
        output::line("");
        figures(&bed.figures).print(Format::Table);
    }
}

fn limits(bed: &Bed, used: &str) -> Table {
    let all = format!("{} threads", bed.threads);
    let mut table = Table::with_head(["limit".into(), "one thread".into(), all, "unit".into()].to_vec());
    let fma = format!("FMA in f32, {used}");
    let lines = [
        (fma.as_str(), Some(Limit::FmaOneThread), Limit::Fma),
        ("memory, read", Some(Limit::MemoryOneThread), Limit::Memory),
        ("disk, write and sync", Some(Limit::DiskWrite), Limit::DiskWrite),
        ("disk, read", Some(Limit::DiskRead), Limit::DiskRead),
        ("loopback TCP, both ways", None, Limit::Loopback),
    ];
    let cell = |limit: Option<Limit>| {
        let rate = limit.and_then(|limit| bed.limits.get(limit));
        rate.map_or("-".to_owned(), |rate| format!("{:.2}", rate / 1e9))
    };
    for (name, one, all) in lines {
        let unit = if all == Limit::Fma { "GFLOP/s" } else { "GB/s" };
        match (&bed.scratch, bed.limits.get(all)) {
            (_, Some(_)) if all.is_of_disk() => {
                table.row_of([name.into(), cell(one), "-".into(), unit.into()].to_vec());
            }
            (_, Some(_)) => table.row_of([name.into(), cell(one), cell(Some(all)), unit.into()].to_vec()),
            (Err(report), None) if all.is_of_disk() => {
                table.row_of([name.into(), "-".into(), "-".into(), report.message.clone()].to_vec());
            }
            _ => {}
        }
    }
    table
}

fn figures(figures: &[Figure]) -> Table {
    let mut table = Table::new(["figure", "value", "unit", "share", "of"]);
    for Figure { name, value, unit, limit, share } in figures {
        let of = Limit::ALL.into_iter().find(|known| known.key() == limit);
        let of = of.map_or(limit.as_str(), |known| known.label());
        let (value, unit) = match *unit {
            "bytes/s" => (format!("{:.3}", value / 1e9), "GB/s"),
            "rows/s" => (grouped(*value as u64), "rows/s"),
            "ns/row" => (format!("{value:.1}"), "ns/row"),
            other => (format!("{value:.3}"), other),
        };
        table.row([name.clone(), value, unit.to_owned(), format!("{:.1}%", 100.0 * share), of.to_owned()]);
    }
    table
}
