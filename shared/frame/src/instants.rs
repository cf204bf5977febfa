//! A column of dates or times whose order decides what rows are for: splits and folds by time stand on it.

use serde::{Deserialize, Serialize};

use crate::encode::{Numeric, NumericColumn, Quantity, Roles, Sense, sense};
use crate::error::EncodingError;
use crate::frame::Frame;
use crate::reading::Reading;
use crate::shard::Shard;
use crate::stats::ColumnSummary;
use crate::time::{TimeType, TimeUnit};

/// Which column it is, and how it is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instants {
    column: String,
    /// Of texts; else the type of its times.
    reading: Option<Reading>,
    time: Option<String>,
}

impl Instants {
    /// A frame's column, with its unit and statistics. `refuse` is told in which way it is no such column.
    pub(crate) fn find<'a>(
        column: &str,
        frame: &'a Frame,
        roles: &Roles,
        refuse: impl Fn(&str) -> EncodingError,
    ) -> Result<(Self, TimeUnit, &'a ColumnSummary), EncodingError> {
        let found = frame.column(column).ok_or_else(|| refuse("is no column of the data"))?;
        let mut notes = Vec::new();
        let Sense::Time(reading, unit, summary) = sense(found, roles, &mut notes)? else {
            return Err(match notes.iter().any(|note| note.code == "ambiguous_dates") {
                true => refuse(
                    "has dates in which day and month cannot be told apart: --type COLUMN=day_first or month_first says \
                     which",
                ),
                false => refuse("holds no dates or times"),
            });
        };
        let time = reading.is_none().then(|| found.source_type.clone());
        Ok((Self { column: column.to_owned(), reading, time }, unit, summary))
    }

    /// Of a shard, in seconds since 1970 or midnight.
    pub(crate) fn of_shard(&self, shard: &Shard) -> Result<NumericColumn, EncodingError> {
        let mut instant = Numeric::plain(&self.column, 0.0, 0.0, 1.0);
        (instant.reading, instant.time, instant.quantity) = (self.reading, self.time.clone(), Quantity::Seconds);
        NumericColumn::new(shard, &instant, false)
    }

    /// For people; `at` is in the column's unit.
    pub(crate) fn shown(&self, at: f64) -> String {
        let time = self.reading.map_or_else(|| self.time.as_deref().and_then(TimeType::parse), Reading::time_type);
        time.map_or_else(|| at.to_string(), |time| time.format(at as i64))
    }
}
