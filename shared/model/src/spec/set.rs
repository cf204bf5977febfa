//! `--set key=value`: one key, without its table.

use toml::Value;

use super::keys::{self, AVERAGING, Table};
use super::read::{sub_table, unknown};
use super::{Spec, SpecError};

/// Before a key of `[search.params]`.
const SEARCHED_KEY: &str = "search.params.";

impl Spec {
    /// Sets one key: `epochs=2.5`, `hidden=[64, 64]`, `averaging.mode=gradient`. The value is TOML; what does not
    /// parse is a text. Names and types are checked here, ranges by [`Spec::check`].
    pub fn set(&mut self, assignment: &str) -> Result<(), SpecError> {
        let not_one = || SpecError::Assignment { assignment: assignment.into() };
        let (name, value) = assignment.split_once('=').ok_or_else(not_one)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(not_one());
        }
        let value = value.trim();
        let value = value.parse().unwrap_or_else(|_| Value::String(value.into()));
        self.set_value(without_table(name), &value)
    }

    fn set_value(&mut self, name: &str, value: &Value) -> Result<(), SpecError> {
        if let Some(searched) = name.strip_prefix(SEARCHED_KEY) {
            return self.assign_dimension(searched, value);
        }
        if name == AVERAGING {
            for (inner, value) in sub_table(name, value)? {
                self.set_value(&format!("{AVERAGING}.{inner}"), value)?;
            }
            return Ok(());
        }
        let key = keys::find(name).ok_or_else(|| unknown(None, name))?;
        self.assign(key.name, value)
    }
}

/// `params.epochs` is `epochs`: who names the table is right too.
fn without_table(name: &str) -> &str {
    if name.starts_with(SEARCHED_KEY) {
        return name; // the key is searched, not set
    }
    let Some((table, rest)) = name.split_once('.') else { return name };
    let known = Table::ALL.iter().any(|known| known.name() == Some(table));
    if known { rest } else { name }
}
