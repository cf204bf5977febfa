//! A Rust file as the rules see it: what is code, what is a comment, what is a test.

use std::path::Path;

/// One file.
pub(crate) struct Source {
    /// From the repository's root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and the insides of literals blanked, line for line.
    pub(crate) code: String,
    /// `code` without items under `#[cfg(test)]`; empty in a file of tests.
    pub(crate) product: String,
}

impl Source {
    pub(crate) fn read(root: &Path, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root).unwrap_or(path);
        let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
        Self::new(&names.join("/"), &text)
    }

    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let product = if is_test(path) { String::new() } else { without_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, product }
    }

    pub(crate) fn is_under(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// A complaint for each line of the product that `found` answers for.
    pub(crate) fn complain(&self, found: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let lines = self.product.lines().enumerate();
        lines.filter_map(|(at, line)| Some(format!("{}:{}: {}", self.path, at + 1, found(line)?))).collect()
    }
}

/// Files that only tests are made of: suites, `tests.rs`, `tests/`, examples, benches.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.ends_with("/tests.rs")
        || ["/tests/", "/examples/", "/benches/"].iter().any(|folder| path.contains(folder))
}

/// True if `word` stands in `line` as a whole name or path.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(in_name) && !after.is_some_and(in_name)
    })
}

/// Blanks comments and the insides of literals; lines stay where they are.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => comment_end(&chars, at),
            '"' => text_end(&chars, at),
            'r' if !continues_name(&chars, at) => raw_end(&chars, at).unwrap_or(at),
            '\'' => char_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn continues_name(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() && chars[at - 1] != 'b' || chars[at - 1] == '_')
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| at + length)
}

/// Comments nest.
fn comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut end) = (0, at);
    while end < chars.len() {
        match (chars[end], chars.get(end + 1)) {
            ('/', Some('*')) => (depth, end) = (depth + 1, end + 2),
            ('*', Some('/')) => (depth, end) = (depth - 1, end + 2),
            _ => end += 1,
        }
        if depth == 0 {
            return end;
        }
    }
    chars.len()
}

fn text_end(chars: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < chars.len() && chars[end] != '"' {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(chars.len())
}

/// `r"…"` and `r#"…"#`; none if this is another name.
fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let mut end = at + 1 + hashes;
    if chars.get(end) != Some(&'"') {
        return None;
    }
    end += 1;
    while end < chars.len() {
        let closes = chars[end] == '"' && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
        end += 1;
        if closes {
            return Some(end + hashes);
        }
    }
    Some(chars.len())
}

/// A character; none if this is a lifetime.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    match (chars.get(at + 1)?, chars.get(at + 2)) {
        ('\\', _) => {
            let close = chars.get(at + 3..)?.iter().position(|c| *c == '\'')?;
            Some(at + 4 + close)
        }
        (_, Some('\'')) => Some(at + 3),
        _ => None,
    }
}

/// Blanks each item under `#[cfg(test)]`, to its closing brace or its semicolon.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    while let Some(at) = out.find(MARK) {
        let end = item_end(&out, at + MARK.len());
        let blanked: String = out[at..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(at..end, &blanked);
    }
    out
}

fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[from..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return from + at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return from + at + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_line_for_line() {
        let check = |text: &str, code: &str| assert_eq!(blank(text).trim_end(), code, "{text}");
        check("a // b", "a");
        check("a /* b /* c */ d */ e", "a                   e");
        check("f(\"x // y\") + 1", "f(        ) + 1");
        check("f(\"\\\"x\") + 1", "f(     ) + 1");
        check("f(r#\"a\"b\"#) + 1", "f(        ) + 1");
        check("f(b'\\'', 'x', '\"') + \"\"", "f(b    ,    ,    ) +");
        check("fn f<'a>(x: &'a str) -> char", "fn f<'a>(x: &'a str) -> char");
        assert_eq!(blank("a /*\n*/ b\n\"\n\" c").lines().count(), 4);
    }

    #[test]
    fn tests_are_no_product() {
        let text = "fn a() { b() }\n#[cfg(test)]\nmod tests {\n fn c() { d() }\n}\n#[cfg(test)]\nmod other;\nfn e() {}";
        let source = Source::new("src/x.rs", text);
        assert!(source.product.contains("fn a") && source.product.contains("fn e"));
        assert!(!source.product.contains("fn c") && !source.product.contains("other"));
        assert!(Source::new("shared/x/src/tests.rs", text).product.is_empty());
        assert!(Source::new("tests/cluster/main.rs", text).product.is_empty());
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("use std::fs;", "std::fs"));
        assert!(has_word("x: Instant,", "Instant"));
        assert!(!has_word("Instantly", "Instant"));
        assert!(!has_word("my_unsafe", "unsafe"));
    }
}
