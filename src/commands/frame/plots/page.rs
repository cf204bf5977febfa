//! The page that shows all pictures.

use super::{Picture, Report};
use crate::output::{bytes, grouped};
use crate::plots::svg::escape;

const STYLE: &str = "\
body{font-family:system-ui,-apple-system,'Segoe UI','Helvetica Neue',Arial,sans-serif;color:#1f2933;background:#f5f7fa;\
margin:0 auto;max-width:1600px;padding:24px}\
h1{font-size:24px;margin:0 0 4px;overflow-wrap:anywhere}\
h2{font-size:18px;margin:32px 0 12px}\
p{color:#616e7c;margin:0}\
li{margin:4px 0;overflow-wrap:anywhere}\
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,520px),1fr));gap:16px;align-items:start}\
img{width:100%;height:auto;background:#fff;border:1px solid #e4e7eb;border-radius:6px}\
@media print{body{background:#fff}.grid{grid-template-columns:1fr 1fr}img{break-inside:avoid}}";

pub(super) fn html(report: &Report<'_>, overview: &[Picture], columns: &[Picture]) -> String {
    let title = escape(report.title);
    let frame = report.frame;
    let left_out = frame.columns.len() - columns.len();
    let shown =
        if left_out > 0 { format!(" ({} of them are not shown)", grouped(left_out as u64)) } else { String::new() };
    let about = format!(
        "{} rows, {} columns{shown}, {}",
        grouped(frame.rows),
        grouped(frame.columns.len() as u64),
        bytes(frame.bytes)
    );
    let items: String = report.notes.iter().map(|note| format!("<li>{}</li>\n", escape(&note.message))).collect();
    let notes = if items.is_empty() { String::new() } else { format!("<h2>Notes</h2>\n<ul>\n{items}</ul>\n") };
    let section = |title: &str, pictures: &[Picture]| match pictures {
        [] => String::new(),
        _ => format!(
            "<h2>{title}</h2>\n<div class=\"grid\">\n{}</div>\n",
            pictures.iter().map(image).collect::<String>()
        ),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p>{about}</p>\n{notes}{}{}</body>\n</html>\n",
        section("Overview", overview),
        section("Columns", columns),
    )
}

/// Files have safe names; what they show may be called anything.
fn image(picture: &Picture) -> String {
    format!("<img src=\"{}\" alt=\"{}\" loading=\"lazy\"/>\n", picture.file, escape(&picture.alt))
}
