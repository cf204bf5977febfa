//! Pictures of a frame: one of each column, two of all, and a page that shows them.
//!
//! Nothing of a column's name becomes part of a path but letters and digits, and every text is escaped.

mod column;
mod correlation;
mod levels;
mod missing;
mod page;
mod share;

use std::io::Write;
use std::path::Path;

use aquifer_frame::{Frame, Note};

use super::about::About;
use crate::failure::unwritable;
use crate::newfile::NewFile;
use crate::plots::svg::Svg;

/// What is drawn.
pub(super) struct Report<'a> {
    pub(super) title: &'a str,
    pub(super) frame: &'a Frame,
    pub(super) about: &'a [About<'a>],
    pub(super) notes: &'a [Note],
    pub(super) target: Option<&'a str>,
}

/// A picture in the folder.
struct Picture {
    file: String,
    /// What it shows, for those who cannot see it.
    alt: String,
}

/// Draws into a folder, which is made if it is not there. Files of the same names are replaced.
pub(super) fn draw(report: &Report<'_>, folder: &Path) -> Result<(), aquifer_model::Report> {
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let target = report.target.and_then(|name| share::Positive::of(report.frame, name));
    let mut overview = Vec::new();
    for (name, alt, drawn) in [
        ("missing.svg", "missing values of each column", missing::draw(report.about)),
        ("correlation.svg", "correlation of numbers", correlation::draw(report.about)),
    ] {
        if let Some(svg) = drawn {
            write(folder, name, &svg.finish(alt))?;
            overview.push(Picture { file: name.to_owned(), alt: alt.to_owned() });
        }
    }
    let digits = report.frame.columns.len().to_string().len().max(3);
    let mut columns = Vec::with_capacity(report.about.len());
    for about in report.about {
        let shares = target.as_ref().filter(|target| target.column != about.name());
        let svg = match about.view.is_ordered() {
            true => column::draw(about, shares),
            false => levels::draw(about, shares),
        };
        let picture = Picture { file: file_name(about, digits), alt: format!("distribution of {}", about.name()) };
        write(folder, &picture.file, &svg.finish(&picture.alt))?;
        columns.push(picture);
    }
    write(folder, "index.html", &page::html(report, &overview, &columns))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), aquifer_model::Report> {
    let path = folder.join(name);
    let mut file = NewFile::begin(&path)?;
    file.write_all(text.as_bytes()).map_err(|error| unwritable(&path, &error))?;
    file.finish()
}

/// The column's number from 1, and what of its name is safe anywhere.
fn file_name(about: &About<'_>, digits: usize) -> String {
    const SLUG_MAX: usize = 40;
    let mut slug = String::new();
    for c in about.name().chars().take(SLUG_MAX) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_matches('-');
    let dash = if slug.is_empty() { "" } else { "-" };
    format!("{:0digits$}{dash}{slug}.svg", about.at + 1)
}

/// Title of a picture of a column, and the line below it.
fn heading(svg: &mut Svg, about: &About<'_>) {
    use super::about::percent_text;
    use crate::output::grouped;
    let rows = grouped(about.rows);
    let missing = match about.missing() {
        0 => "none missing".to_owned(),
        count => format!("{} ({} %) missing", grouped(count), percent_text(about.missing_percent())),
    };
    let distinct = match about.distinct() {
        Some(distinct) => format!("{} distinct", grouped(distinct)),
        None => "many distinct".to_owned(),
    };
    let line = format!("{}, {}; {rows} rows, {missing}, {distinct}", about.column.source_type, about.view.taken_for);
    svg.heading(about.title(), &line);
}

#[cfg(test)]
mod tests {
    use aquifer_frame::{ColumnKind, ColumnSummary, FrameColumn, Tally};

    use super::*;

    #[test]
    fn file_names_are_safe() {
        let check = |name: &str, expected: &str| {
            let stats = ColumnSummary {
                tally: Tally::default(),
                moments: None,
                quantiles: Vec::new(),
                row_sample: Vec::new(),
                parts: Vec::new(),
                readings: Vec::new(),
            };
            let column = FrameColumn { name: name.into(), kind: ColumnKind::Text, source_type: "text".into(), stats };
            assert_eq!(file_name(&About::of(&column, 6, 0), 3), expected);
        };
        check("Hours per Week", "007-hours-per-week.svg");
        check("../../etc/passwd", "007-etc-passwd.svg");
        check("", "007.svg");
        check("größe \u{0} <b>", "007-gr-e-b.svg");
        check("日本", "007.svg");
        check(&"x".repeat(500), &format!("007-{}.svg", "x".repeat(40)));
    }
}
