//! The tables of `frame show`: one for numbers, one for dates and times, one for texts, each as much of it as the screen is
//! wide; and one for programs.

use std::io::IsTerminal;

use aquifer_frame::TakenFor;

use super::about::{About, Group, cut, percent, percent_text, significant};
use super::histogram::{BINS, blocks};
use crate::output::{self, Format, Table, escape, grouped};

/// Columns of a frame, unless all are asked for.
pub(super) const COLUMNS_SHOWN: usize = 50;
/// Characters of a line, where nobody says.
const WIDTH: usize = 120;
const WIDTH_MIN: usize = 60;
/// Frequent values of a column of texts.
const FREQUENT: usize = 5;
const TEXT_MAX: usize = 24;

/// Which columns are shown.
#[derive(Default)]
pub(super) struct Chosen {
    /// These in detail; else a line each.
    pub(super) columns: Vec<String>,
    pub(super) all: bool,
}

/// What a table has of its columns, from most to least: the first that fits is taken.
#[derive(Clone, Copy)]
struct Layout {
    name_max: usize,
    types: bool,
    missing_count: bool,
    quartiles: bool,
    histogram: bool,
}

const LAYOUTS: [Layout; 7] = [
    Layout { name_max: 32, types: true, missing_count: true, quartiles: true, histogram: true },
    Layout { name_max: 24, types: true, missing_count: false, quartiles: true, histogram: true },
    Layout { name_max: 20, types: false, missing_count: false, quartiles: true, histogram: true },
    Layout { name_max: 20, types: false, missing_count: false, quartiles: false, histogram: true },
    Layout { name_max: 14, types: false, missing_count: false, quartiles: false, histogram: true },
    Layout { name_max: 20, types: false, missing_count: false, quartiles: true, histogram: false },
    Layout { name_max: 16, types: false, missing_count: false, quartiles: false, histogram: false },
];

/// Of the terminal, or as `COLUMNS` says.
pub(super) fn screen_width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
    let terminal = || terminal_size::terminal_size().filter(|_| std::io::stdout().is_terminal());
    let width = said.or_else(|| terminal().map(|(width, _)| usize::from(width.0)));
    width.filter(|width| *width > 0).unwrap_or(WIDTH).max(WIDTH_MIN)
}

pub(super) fn print(about: &[About<'_>], width: usize) {
    for group in [Group::Numbers, Group::Times, Group::Texts] {
        let of: Vec<&About<'_>> = about.iter().filter(|about| about.group() == group).collect();
        if of.is_empty() {
            continue;
        }
        output::line("");
        fitting(width, |layout| table(group, &of, layout)).print(Format::Table);
    }
    print_frequent(about, width);
}

/// The most frequent levels of each column that has any, on as many lines as they need.
fn print_frequent(about: &[About<'_>], width: usize) {
    let frequent: Vec<(String, Vec<String>)> = about.iter().filter_map(most_frequent).collect();
    let Some(indent) = frequent.iter().map(|(name, _)| name.chars().count()).max() else { return };
    output::line("");
    output::line("most frequent");
    for (name, values) in frequent {
        let mut line = format!("{name:indent$}  ");
        for (at, value) in values.iter().enumerate() {
            if at > 0 && line.chars().count() + value.chars().count() + 2 > width {
                output::line(line.trim_end());
                line = " ".repeat(indent + 2);
            }
            line.push_str(value);
            line.push_str(if at + 1 < values.len() { ", " } else { "" });
        }
        output::line(&line);
    }
}

/// The first that is no wider than the screen; else the last.
fn fitting(width: usize, table: impl Fn(Layout) -> Table) -> Table {
    let mut made = table(LAYOUTS[0]);
    for layout in &LAYOUTS[1..] {
        if made.text().iter().all(|line| line.chars().count() <= width) {
            break;
        }
        made = table(*layout);
    }
    made
}

fn table(group: Group, of: &[&About<'_>], layout: Layout) -> Table {
    let title = match group {
        Group::Numbers => "numbers",
        Group::Times => "times",
        Group::Texts => "texts",
    };
    let mut head = vec![title];
    head.extend(layout.types.then_some("type"));
    head.extend((group == Group::Texts).then_some("meaning"));
    head.extend(layout.missing_count.then_some("missing"));
    head.extend([if layout.missing_count { "%" } else { "missing %" }, "distinct"]);
    head.extend(ends(group, layout).map(|(word, _)| word));
    head.extend(match group {
        Group::Numbers => &["mean", "sd"][..],
        Group::Times if layout.quartiles => &["mean"],
        Group::Times | Group::Texts => &[],
    });
    head.extend(layout.histogram.then_some(if group == Group::Texts { "rows of each" } else { "histogram" }));
    let mut table = Table::with_head(head.into_iter().map(str::to_owned).collect());
    of.iter().for_each(|about| table.row_of(row(group, about, layout)));
    table
}

/// Quantiles of a table, in 128ths.
fn ends(group: Group, layout: Layout) -> impl Iterator<Item = (&'static str, usize)> {
    let all = [("min", 0), ("q25", 32), ("median", 64), ("q75", 96), ("max", 128)];
    let shown = move |(_, k): &(&str, usize)| layout.quartiles || k.is_multiple_of(64);
    all.into_iter().filter(move |of| group != Group::Texts && shown(of))
}

fn row(group: Group, about: &About<'_>, layout: Layout) -> Vec<String> {
    // Before it is cut: what is escaped is longer.
    let mut row = vec![cut(&escape(about.title()), layout.name_max)];
    if layout.types {
        row.push(cut(&escape(&about.column.source_type), 16));
    }
    if group == Group::Texts {
        row.push(about.view.taken_for.to_string());
    }
    if layout.missing_count {
        row.push(grouped(about.missing()));
    }
    row.push(percent_text(about.missing_percent()));
    row.push(about.distinct().map_or("many".to_owned(), grouped));
    let number = |x: Option<f64>| match (x, group) {
        (None, _) => "-".to_owned(),
        (Some(x), Group::Numbers) => significant(x, 5),
        (Some(x), _) => about.text(x),
    };
    row.extend(ends(group, layout).map(|(_, k)| number(about.quantile_or_end(k))));
    match group {
        Group::Numbers => row.extend([number(about.mean()), number(about.deviation())]),
        Group::Times if layout.quartiles => row.push(number(about.mean())),
        Group::Times | Group::Texts => {}
    }
    if layout.histogram {
        row.push(match &about.histogram {
            Some(histogram) => histogram.blocks(),
            None if about.view.taken_for == TakenFor::Categorical => {
                blocks(&about.frequent().iter().take(BINS).map(|(_, rows)| *rows as f64).collect::<Vec<_>>())
            }
            None => String::new(),
        });
    }
    row
}

/// A column of levels, and the first of them with their rows.
fn most_frequent(about: &About<'_>) -> Option<(String, Vec<String>)> {
    if about.view.taken_for != TakenFor::Categorical {
        return None;
    }
    let name = cut(&escape(about.title()), TEXT_MAX);
    let text = |(value, rows): &(String, u64)| {
        let value = if value.is_empty() { "\"\"".to_owned() } else { cut(&escape(value), TEXT_MAX) };
        format!("{value} {} ({} %)", grouped(*rows), percent_text(percent(*rows, about.rows)))
    };
    Some((name, about.frequent().iter().take(FREQUENT).map(text).collect()))
}

/// One line a column, for programs.
pub(super) fn flat(about: &[About<'_>]) -> Table {
    let head = [
        "column",
        "type",
        "meaning",
        "missing",
        "distinct",
        "min",
        "q25",
        "median",
        "q75",
        "max",
        "mean",
        "sd",
        "most_frequent",
        "most_frequent_rows",
    ];
    let mut table = Table::new(head);
    for about in about {
        let dash = || "-".to_owned();
        let number = |x: Option<f64>| match (x, about.time()) {
            (None, _) => dash(),
            (Some(x), Some(time)) => time.format(x as i64),
            (Some(x), None) => x.to_string(),
        };
        let frequent = about.frequent().into_iter().next();
        table.row([
            about.name().to_owned(),
            about.column.source_type.clone(),
            about.view.taken_for.to_string(),
            about.missing().to_string(),
            about.distinct().map_or_else(dash, |distinct| distinct.to_string()),
            number(about.quantile_or_end(0)),
            number(about.quantile_or_end(32)),
            number(about.quantile_or_end(64)),
            number(about.quantile_or_end(96)),
            number(about.quantile_or_end(128)),
            number(about.mean()),
            about.deviation().map_or_else(dash, |deviation| deviation.to_string()),
            frequent.as_ref().map_or_else(dash, |(value, _)| value.clone()),
            frequent.map_or_else(dash, |(_, rows)| rows.to_string()),
        ]);
    }
    table
}
