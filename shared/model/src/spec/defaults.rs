//! docs/defaults.md, made from the table of keys.

use super::keys::{KEYS, Table, WhenAbsent};

const HEAD: &str = "\
# Keys of a spec, their defaults and ranges

Made from the table of keys in the code; a test compares, and `UPDATE=1` rewrites it. `--set key=value` takes every key
without its table.

**Defaults are part of the bits.** What a spec leaves out takes the value below, as a function of the data and the spec
alone: never of the machine, its threads or the cluster. A model file leaves out keys at their default, so a default
never changes in a format that was released.

Training computes in 32-bit floats: a number is in its range if it is so as one of them.
";

/// The whole page, as Markdown.
pub fn defaults_page() -> String {
    let mut page = String::from(HEAD);
    for table in Table::ALL {
        let title = table.name().map_or("Top level".into(), |name| format!("`[{name}]`"));
        page += &format!("\n## {title}\n\n| key | default | range | unit | meaning |\n|---|---|---|---|---|\n");
        for key in KEYS.iter().filter(|key| key.table == table) {
            let default = match key.default {
                WhenAbsent::Value(value) => format!("`{value}`"),
                WhenAbsent::Rule(words) | WhenAbsent::Absent(words) => words.into(),
            };
            page += &format!("| `{}` | {default} | {} | {} | {} |\n", key.name, key.range, key.unit, key.meaning);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::super::{Spec, SpecError};
    use super::*;

    #[test]
    fn the_page_in_the_repository_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/defaults.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, defaults_page()).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(there, defaults_page(), "run the test again with UPDATE=1");
    }

    #[test]
    fn the_defaults_in_the_table_are_those_in_the_code() {
        let (rows, hash) = (100_000, "hash");
        let choices = ["optimizer=sgd", "optimizer=rmsprop", "optimizer=adadelta", "loss=huber"];
        let choices = choices.iter().chain(&[
            "initial_weight_distribution=normal",
            "missing_values_handling=constant",
            "version=1",
        ]);
        let mut seen = std::collections::BTreeSet::new();
        for choice in choices {
            let mut bare = Spec::default();
            bare.set("target=y").unwrap();
            bare.set(choice).unwrap();
            let fit = bare.resolve(rows, hash).unwrap();
            for key in KEYS.iter().filter(|key| choice.split('=').next() != Some(key.name)) {
                let WhenAbsent::Value(value) = key.default else { continue };
                let mut spec = bare.clone();
                spec.set(&format!("{}={value}", key.name)).unwrap();
                match spec.resolve(rows, hash) {
                    Err(SpecError::NotApplicable { .. }) => continue,
                    resolved => assert_eq!(resolved.unwrap(), fit, "{} with {choice}", key.name),
                }
                seen.insert(key.name);
            }
        }
        let with_default = KEYS.iter().filter(|key| matches!(key.default, WhenAbsent::Value(_)));
        assert_eq!(seen.len(), with_default.count(), "each applies somewhere: {seen:?}");
    }

    #[test]
    fn every_key_in_the_table_can_be_read() {
        for key in KEYS {
            let error = Spec::default().set(&format!("{}=1979-05-27", key.name)).unwrap_err();
            assert!(matches!(error.code(), "wrong_type" | "not_a_choice"), "{}: {error}", key.name);
        }
    }
}
