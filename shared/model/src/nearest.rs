//! "Did you mean …?": the name that a misspelt one is closest to.

/// Below this likeness (1 is equal) a guess confuses more than it helps.
const LIKENESS_MIN: f64 = 0.6;

/// Longer names are nobody's slip: comparing one of a mebibyte with every candidate takes seconds, and memory for every pair of
/// letters.
const BYTES_MAX: usize = 256;

/// The candidate most like `name`, if any is like it at all; the first of equals. Case and hyphens do not count, and of a
/// dotted candidate the last part alone may match.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = plain(name);
    let mut best = None;
    for candidate in candidates {
        let like = likeness(&name, &plain(candidate));
        if like >= LIKENESS_MIN && best.is_none_or(|(most, _)| like > most) {
            best = Some((like, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn likeness(name: &str, candidate: &str) -> f64 {
    if name.len().max(candidate.len()) > BYTES_MAX {
        return 0.0;
    }
    let last = candidate.rsplit('.').next().unwrap_or(candidate);
    let like = |candidate| strsim::normalized_damerau_levenshtein(name, candidate);
    like(candidate).max(like(last))
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        let check = |name, expected| assert_eq!(nearest(name, ["age", "income", "native-country"]), expected, "{name}");
        check("Income", Some("income"));
        check("incme", Some("income"));
        check("native_country", Some("native-country"));
        check("zzz", None);
        check("", None);
        check(&"income".repeat(1 << 18), None);
    }
}
