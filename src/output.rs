//! Results on standard output: a table for people, JSON and CSV for programs.

use std::collections::BTreeMap;
use std::io::Write;

use aquifer_frame::Note;
use clap::ValueEnum;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Csv,
}

/// Prints `{"schema": "aquifer.v1/NAME", "data": …}`.
pub(crate) fn json<T: Serialize>(name: &str, data: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string(&serde_json::json!({ "schema": format!("aquifer.v1/{name}"), "data": data }))?);
    Ok(())
}

/// A line on standard output. A reader that has gone away (`| head`) ends the command quietly; any other failure is one.
pub(crate) fn line(text: &str) {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            say(&format!("error: cannot write to standard output\n  because: {error}"));
            std::process::exit(1);
        }
    }
}

/// A line on standard error, for people. Nobody may be reading: that changes nothing.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Notes of one kind that are said in full; a frame may have thousands of columns.
const NOTES_SHOWN: usize = 8;

/// What was decided about the data: each kind of note up to a number of them, the others counted.
pub(crate) fn say_notes<'a>(notes: impl IntoIterator<Item = &'a Note>) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for note in notes {
        let seen = kinds.entry(&note.code).or_default();
        *seen += 1;
        if *seen <= NOTES_SHOWN {
            say(&format!("note: {}", escape(&note.message)));
        }
    }
    for (kind, count) in kinds.into_iter().filter(|(_, count)| *count > NOTES_SHOWN) {
        let more = count - NOTES_SHOWN;
        say(&format!("note: … and {} more of the kind `{kind}`; `--output json` has them all", grouped(more as u64)));
    }
}

/// Columns with a head; numbers right-aligned.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self { head: head.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    pub(crate) fn with_head(head: Vec<String>) -> Self {
        Self { head: head.iter().map(|cell| escape(cell)).collect(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| escape(&cell)).to_vec());
    }

    pub(crate) fn row_of(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| escape(cell)).collect());
    }

    /// Leaves out the columns that are empty in every row.
    pub(crate) fn without_empty_columns(self) -> Self {
        let kept = |at: &usize| self.rows.iter().any(|row| row.get(*at).is_some_and(|cell| cell != "-"));
        let kept: Vec<usize> = (0..self.head.len()).filter(kept).collect();
        let pick = |row: &Vec<String>| kept.iter().filter_map(|at| row.get(*at).cloned()).collect();
        Self { head: pick(&self.head), rows: self.rows.iter().map(pick).collect() }
    }

    pub(crate) fn print(&self, format: Format) {
        match format {
            Format::Csv => {
                let csv = |cells: &[String]| cells.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(",");
                line(&csv(&self.head));
                self.rows.iter().for_each(|row| line(&csv(row)));
            }
            Format::Table | Format::Json => self.text().iter().for_each(|text| line(text)),
        }
    }

    pub(crate) fn text(&self) -> Vec<String> {
        let column = |at: usize| self.rows.iter().filter_map(move |row| row.get(at));
        let widths: Vec<usize> = (0..self.head.len())
            .map(|at| column(at).chain([&self.head[at]]).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        let numeric: Vec<bool> = (0..self.head.len())
            .map(|at| {
                column(at).any(|cell| is_number(cell))
                    && column(at).all(|cell| is_number(cell) || matches!(cell.as_str(), "-" | "many"))
            })
            .collect();
        let lay = |cells: &[String]| {
            let cell = |at: usize| {
                let pad = " ".repeat(widths[at].saturating_sub(cells[at].chars().count()));
                if numeric[at] { format!("{pad}{}", cells[at]) } else { format!("{}{pad}", cells[at]) }
            };
            (0..cells.len().min(widths.len())).map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        [lay(&self.head), rule.join("  ")].into_iter().chain(self.rows.iter().map(|row| lay(row))).collect()
    }
}

fn is_number(cell: &str) -> bool {
    cell.replace([',', '%'], "").parse::<f64>().is_ok()
}

/// Control characters of names and values never reach a terminal.
pub(crate) fn escape(text: &str) -> String {
    // Besides control characters those that turn the direction of text, or end a line.
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().flat_map(|c| if hidden(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

fn csv_cell(cell: &str) -> String {
    match cell.contains([',', '"', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// A whole number with thin groups of three: 32,561.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest unit that keeps three digits.
pub(crate) fn bytes(number: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// Universal time, to the minute.
pub(crate) fn moment(ms: u64) -> String {
    // To the minute: "2026-11-27 02:51".
    second(ms).get(..16).map_or_else(|| ms.to_string(), str::to_owned)
}

/// A moment to the second: "2026-11-27 02:51:07".
pub(crate) fn second(ms: u64) -> String {
    let text = aquifer_frame::TimeType::parse("timestamp[ms, UTC]").map(|time| time.format(ms as i64));
    let second = text.as_ref().and_then(|text| text.get(..19)).map(|text| text.replace('T', " "));
    second.unwrap_or_else(|| ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_bytes_scaled() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(32_561), "32,561");
        assert_eq!(grouped(1_000_000), "1,000,000");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1 << 20), "1.0 MiB");
    }

    #[test]
    fn tables_align_and_escape() {
        let mut table = Table::new(["name", "rows"]);
        table.row(["a\u{1b}[31m".into(), "5".into()]);
        table.row(["long name".into(), "1,000".into()]);
        let text = table.text();
        assert_eq!(text[0], "name          rows");
        assert!(text[2].ends_with("    5") && text[2].starts_with("a\\u{1b}[31m"), "{}", text[2]);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("plain"), "plain");
    }
}
