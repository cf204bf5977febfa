//! A picture as SVG text: shapes in a fixed palette, texts escaped and cut to the room they have.

use std::fmt::Write;

pub(crate) const INK: &str = "#1f2933";
pub(crate) const MUTED: &str = "#616e7c";
pub(crate) const GRID: &str = "#e4e7eb";
pub(crate) const BAR: &str = "#3a6ea5";
pub(crate) const ACCENT: &str = "#c2562d";
pub(crate) const PALE: &str = "#b8c2cc";
pub(crate) const WHITE: &str = "#ffffff";

/// Of a label, in units of the picture.
pub(crate) const SMALL: f64 = 12.0;
const TITLE: f64 = 19.0;
const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

/// Where a text stands beside its point.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture that is being drawn.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let mut svg = Self { width, height, body: String::new() };
        svg.rect(0.0, 0.0, width, height, WHITE);
        svg
    }

    /// Writing to a text does not fail.
    fn push(&mut self, shape: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(shape);
        self.body.push('\n');
    }

    pub(crate) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        let (x, y, width, height) = (num(x), num(y), num(width), num(height));
        self.push(format_args!(r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"/>"#));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        let (x1, y1, x2, y2) = (num(from.0), num(from.1), num(to.0), num(to.1));
        self.push(format_args!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{stroke}" stroke-width="1"/>"#
        ));
    }

    /// A line through points.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], stroke: &str) {
        self.dashed(points, stroke, "");
    }

    /// A line through points, of dashes and gaps of these lengths.
    pub(crate) fn dashed(&mut self, points: &[(f64, f64)], stroke: &str, dashes: &str) {
        let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
        self.push(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{stroke}" stroke-width="2"{dashes} stroke-linejoin="round"/>"#,
            listed(points)
        ));
    }

    /// A marker: what lies below is parted from it by a white edge.
    pub(crate) fn shape(&mut self, points: &[(f64, f64)], fill: &str) {
        self.push(format_args!(r#"<polygon points="{}" fill="{fill}" stroke="{WHITE}"/>"#, listed(points)));
    }

    /// An area that what lies below shines through.
    pub(crate) fn veil(&mut self, points: &[(f64, f64)], fill: &str, opacity: f64) {
        self.push(format_args!(r#"<polygon points="{}" fill="{fill}" fill-opacity="{opacity:.2}"/>"#, listed(points)));
    }

    /// What is drawn until `end_group` belongs together, and says so to who points at it.
    pub(crate) fn begin_group(&mut self, title: &str) {
        self.push(format_args!("<g><title>{}</title>", escape(title)));
    }

    pub(crate) fn end_group(&mut self) {
        self.push(format_args!("</g>"));
    }

    pub(crate) fn dot(&mut self, (x, y): (f64, f64), fill: &str) {
        self.push(format_args!(r#"<circle cx="{}" cy="{}" r="3" fill="{fill}" stroke="{WHITE}"/>"#, num(x), num(y)));
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, fill: &str, text: &str) {
        self.turned_text((x, y), anchor, size, fill, 0.0, text);
    }

    /// Turned around its point, clockwise in degrees.
    pub(crate) fn turned_text(&mut self, at: (f64, f64), anchor: Anchor, size: f64, fill: &str, turn: f64, text: &str) {
        let (x, y, text) = (num(at.0), num(at.1), escape(text));
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let turned = if turn == 0.0 { String::new() } else { format!(r#" transform="rotate({} {x} {y})""#, num(turn)) };
        self.push(format_args!(
            r#"<text x="{x}" y="{y}"{anchor}{turned} font-size="{}" fill="{fill}">{text}</text>"#,
            num(size)
        ));
    }

    /// Title and a line below it, at the top.
    pub(crate) fn heading(&mut self, title: &str, line: &str) {
        let room = self.width - 2.0 * 24.0;
        let (title, line) = (fit(title, TITLE * 1.08, room), fit(line, SMALL, room));
        let shown = escape(&title);
        self.push(format_args!(
            r#"<text x="24" y="34" font-size="{TITLE}" font-weight="600" fill="{INK}">{shown}</text>"#
        ));
        self.text((24.0, 54.0), Anchor::Start, SMALL, MUTED, &line);
    }

    /// The whole file; `alt` says what is seen.
    pub(crate) fn finish(self, alt: &str) -> String {
        let (width, height, alt) = (num(self.width), num(self.height), escape(alt));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FONTS}\">\n\
             <title>{alt}</title>\n{}</svg>\n",
            self.body
        )
    }
}

fn listed(points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", num(*x), num(*y))).collect();
    points.join(" ")
}

/// A tenth of a unit is finer than any screen.
fn num(x: f64) -> String {
    let text = format!("{x:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// As text of XML and HTML. What XML has no character for is shown by its number.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.extend(c.escape_default()),
            // Marks that turn the direction of what follows, beyond the text itself.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}

/// How wide a text is, nearly: fonts differ.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'f' | 't' | 'r' | ' ' | '(' | ')' | '-' => {
            0.36
        }
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.9,
        'A'..='Z' | '<' | '>' | '=' | '+' | '≥' | '≤' | '…' | '–' => 0.7,
        c if c.is_control() => 3.0, // it is written as its number
        c if c >= '\u{1100}' => 1.05,
        _ => 0.58,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// As much of a text as has room, with … for the rest.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> String {
    if text_width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if text_width(&kept, size) + text_width("…", size) > room {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((1.0, 2.25), Anchor::End, 12.0, INK, "</text><script>alert(\"&'\")\u{0}\u{7}\u{202e}");
        let text = svg.finish("a < b");
        assert!(text.contains("<title>a &lt; b</title>"));
        assert!(
            text.contains(">&lt;/text&gt;&lt;script&gt;alert(&quot;&amp;&#39;&quot;)\\u{0}\\u{7}\\u{202e}</text>"),
            "{text}"
        );
        assert!(text.contains(r#"x="1" y="2.2" text-anchor="end""#), "{text}");
    }

    #[test]
    fn texts_are_cut_to_their_room() {
        assert_eq!(fit("short", 12.0, 100.0), "short");
        let cut = fit(&"wide ".repeat(40), 12.0, 100.0);
        assert!(cut.ends_with('…') && cut.starts_with("wide wide") && text_width(&cut, 12.0) <= 100.0, "{cut}");
        assert_eq!(fit("日本語日本語", 10.0, 40.0), "日本語…");
        assert_eq!(fit("x", 12.0, 1.0), "…");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([num(1.0), num(0.25), num(-0.01), num(1234.56)], ["1", "0.2", "0", "1234.6"]);
    }
}
