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

/// What stands in `[search.params]`, below its table.
const SEARCHED: &str = "
`[search.params]` has keys of `[params]` and `[encoding]`, each with a list of values, such as `l2 = [0.0, 1e-4]`, or, where
points are drawn, a range, such as `l2 = { min = 1e-6, max = 0.1, scale = \"log\" }`. A range is of whole numbers if both
ends are; its scale is `\"linear\"` (the default) or, of numbers above 0, `\"log\"`.
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
    page + SEARCHED
}

#[cfg(test)]
mod tests {
    use super::super::{RawSearch, Spec, SpecError, keys};
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
        let searches = |key: &str| keys::find(key).unwrap().table == Table::Search;
        let meaning = |spec: &Spec| {
            let fit = spec.resolve(rows, hash)?;
            let folds = (spec.folds(), spec.keeps_cross_validation_predictions());
            Ok::<_, SpecError>((fit, folds, spec.search.as_ref().map(RawSearch::resolve)))
        };
        let choices = ["optimizer=sgd", "optimizer=rmsprop", "optimizer=adadelta", "loss=huber"];
        let choices = choices.iter().chain(&[
            "initial_weight_distribution=normal",
            "missing_values_handling=constant",
            "version=1",
            "nfolds=5",
            "stopping_rounds=3",
            "strategy=halving",
            "search_stopping_rounds=3",
        ]);
        let mut seen = std::collections::BTreeSet::new();
        for choice in choices {
            let chosen = choice.split('=').next().unwrap();
            let mut bare = Spec::default();
            bare.set("target=y").unwrap();
            bare.set(choice).unwrap();
            if searches(chosen) {
                bare.set("search.params.hidden=[[8], [9]]").unwrap();
            }
            let expected = meaning(&bare).unwrap();
            let keys = KEYS.iter().filter(|key| key.name != chosen && searches(key.name) == searches(chosen));
            for key in keys {
                let WhenAbsent::Value(value) = key.default else { continue };
                let mut spec = bare.clone();
                spec.set(&format!("{}={value}", key.name)).unwrap();
                match meaning(&spec) {
                    Err(SpecError::NotApplicable { .. }) => continue,
                    found => assert_eq!(found.unwrap(), expected, "{} with {choice}", key.name),
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
