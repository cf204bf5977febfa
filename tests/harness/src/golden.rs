//! Files of golden values: compared, or with `UPDATE=1` written again, so that the difference is reviewed as one.

use std::path::PathBuf;

/// True when golden files are to be written instead of compared.
pub fn is_update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// A committed file that a test makes again.
pub struct Golden {
    path: PathBuf,
}

impl Golden {
    /// `path` counts from the repository's root.
    pub fn new(path: &str) -> Self {
        Self { path: crate::repository().join(path) }
    }

    pub fn read(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }

    /// Panics with the first line that differs, unless `UPDATE=1` says to take `made` from now on.
    #[track_caller]
    pub fn check(&self, made: &str) {
        if is_update() {
            std::fs::write(&self.path, made).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
            return;
        }
        if let Some(difference) = first_difference(&self.read(), made) {
            panic!("{}: {difference}\nUPDATE=1 takes it, if it is meant to be so", self.path.display());
        }
    }
}

fn first_difference(kept: &str, made: &str) -> Option<String> {
    if kept == made {
        return None;
    }
    let (kept, made): (Vec<_>, Vec<_>) = (kept.lines().collect(), made.lines().collect());
    let at = kept.iter().zip(&made).take_while(|(kept, made)| kept == made).count();
    let shown = |lines: &[&str]| lines.get(at).map_or("no more lines".to_owned(), |line| format!("`{line}`"));
    Some(format!("line {}: was {}, is {}", at + 1, shown(&kept), shown(&made)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_line_that_differs() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "line 2: was `b`, is `c`");
        assert_eq!(first_difference("a\n", "a\nc\n").unwrap(), "line 2: was no more lines, is `c`");
        assert!(first_difference("a", "a\n").is_some());
    }
}
