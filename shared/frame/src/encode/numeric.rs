//! Numeric inputs of a column: its numbers, or the parts of its times, imputed and scaled.

use super::{EncodingOptions, Form, MissingValues, Note, Numeric, Quantity, Scaling, TimeFeatures, Transform};
use crate::error::EncodingError;
use crate::stats::{ColumnSummary, Level, PartSummary, Tally};
use crate::time::TimeUnit;

/// From 2⁵³ on not every whole number is a float of 64 bits.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What the transformed numbers of a column are like.
struct Range {
    min: f64,
    max: f64,
    mean: f64,
    deviation: f64,
}

/// The inputs of a column of numbers; none, with a note, if it tells nothing.
pub(super) fn fit_numbers(
    name: &str,
    form: &Form,
    summary: &ColumnSummary,
    transform: Transform,
    options: &EncodingOptions,
    notes: &mut Vec<Note>,
) -> Result<Vec<Numeric>, EncodingError> {
    let Tally { missing, nan, infinite, min, max, rounded, .. } = &summary.tally;
    let (Some(moments), Some(min), Some(max)) = (summary.moments, min, max) else {
        notes.push(Note::dropped(name, "it has no values"));
        return Ok(Vec::new());
    };
    let indicator = |notes: &mut Vec<Note>| indicator(name, form, summary, options, notes);
    if min == max {
        let inputs: Vec<Numeric> = indicator(notes).into_iter().collect();
        let why =
            if inputs.is_empty() { "every value is" } else { "only whether it is missing is kept, as every value is" };
        let why = if *rounded > 0 { format!("{why} {min} as a 64-bit float") } else { format!("{why} {min}") };
        notes.push(Note::dropped(name, &why));
        return Ok(inputs);
    }
    if moments.deviation() == 0.0 {
        // Squares of their differences are nothing in f64: to a network they are one value.
        notes.push(Note::dropped(name, &format!("its values, {min} to {max}, are too close together to tell apart")));
        return Ok(Vec::new());
    }
    let out_of_range = || EncodingError::ValuesOutOfRange { column: name.to_owned() };
    let number = |value: &crate::value::Value| value.number().ok_or_else(out_of_range);
    let (low, high) = (number(min)?, number(max)?);
    if low < -EXACT_MAX || high > EXACT_MAX || *rounded > 0 {
        let message = format!(
            "{name} has numbers of more digits than a 64-bit float holds: as inputs they are rounded to the nearest one"
        );
        notes.push(Note::of("rounded", name, message));
    }
    if transform == Transform::Log && low <= 0.0 {
        let reason = format!("it has values down to {min}, which have no logarithm; `signed_log` takes any number");
        return Err(EncodingError::NoTransform { column: name.to_owned(), reason });
    }
    let range = match transform {
        Transform::None => Range { min: low, max: high, mean: moments.mean, deviation: moments.deviation() },
        _ => transformed(transform, low, high, summary),
    };
    let (raw, words) = fill(name, summary, moments.mean, options, notes);
    let mut fill = transform.apply(raw);
    if fill.is_nan() {
        if missing + nan + infinite > 0 {
            let reason = format!("missing values become {raw}, which has no logarithm; give another missing_value");
            return Err(EncodingError::NoTransform { column: name.to_owned(), reason });
        }
        fill = transform.apply(moments.mean);
    }
    let Some((shift, scale)) = scaling(&range, options.scaling) else { return Err(out_of_range()) };
    let encodes = |x: f64| (((x - shift) * scale) as f32).is_finite();
    if !(encodes(range.min) && encodes(range.max) && encodes(fill)) {
        return Err(out_of_range());
    }
    let skipped = options.missing_values_handling == MissingValues::Skip;
    let shown = if skipped { "leave their rows out".to_owned() } else { format!("become {words}") };
    let absent = missing + nan;
    if absent > 0 {
        notes.push(Note::of("imputed", name, format!("{name}: {absent} missing values {shown}")));
    }
    if *infinite > 0 {
        let message = format!("{name}: {infinite} infinite values count as missing and {shown}");
        notes.push(Note::of("infinite_as_missing", name, message));
    }
    let value = Numeric { transform, fill, shift, scale, ..Numeric::of(name, form) };
    Ok([value].into_iter().chain(indicator(notes)).collect())
}

/// The inputs of a column of dates or times.
pub(super) fn fit_times(
    name: &str,
    form: &Form,
    unit: TimeUnit,
    summary: &ColumnSummary,
    options: &EncodingOptions,
    notes: &mut Vec<Note>,
) -> Result<Vec<Numeric>, EncodingError> {
    let input = |quantity, range: &Range| {
        let (shift, scale) = scaling(range, options.scaling)?;
        Some(Numeric { quantity, fill: range.mean, shift, scale, ..Numeric::of(name, form) })
    };
    // One that differs in so few rows that no sampled one has it tells as little as a constant.
    let varies = |part: &&PartSummary| part.min < part.max && part.deviation > 0.0;
    let varying = summary.parts.iter().filter(varies).map(|part| {
        let range = Range { min: part.min, max: part.max, mean: part.mean, deviation: part.deviation };
        (Quantity::Part(part.part), range)
    });
    let quantities: Vec<(Quantity, Range)> = match options.time_features {
        TimeFeatures::Parts => varying.collect(),
        TimeFeatures::Number => instants(summary, unit).map(|range| (Quantity::Seconds, range)).into_iter().collect(),
    };
    if quantities.is_empty() {
        notes.push(Note::dropped(name, "its dates or times do not vary"));
        return Ok(indicator(name, form, summary, options, notes).into_iter().collect());
    }
    let mut inputs = Vec::new();
    for (quantity, range) in &quantities {
        let input = input(*quantity, range);
        inputs.push(input.ok_or_else(|| EncodingError::ValuesOutOfRange { column: name.to_owned() })?);
    }
    if options.time_features == TimeFeatures::Parts {
        let parts: Vec<String> = summary.parts.iter().filter(varies).map(|part| part.part.to_string()).collect();
        let message = format!("{name} becomes its {}", parts.join(", "));
        notes.push(Note::of("time_parts", name, message));
    }
    if summary.tally.missing > 0 {
        let then = match options.missing_values_handling {
            MissingValues::Skip => "leave their rows out",
            _ => "become the mean of each part",
        };
        notes.push(Note::of("imputed", name, format!("{name}: {} missing times {then}", summary.tally.missing)));
    }
    inputs.extend(indicator(name, form, summary, options, notes));
    Ok(inputs)
}

fn indicator(
    name: &str,
    form: &Form,
    summary: &ColumnSummary,
    options: &EncodingOptions,
    notes: &mut Vec<Note>,
) -> Option<Numeric> {
    let Tally { missing, nan, infinite, .. } = summary.tally;
    if !options.missing_indicators || missing + nan + infinite == 0 {
        return None;
    }
    let message = format!("{name} has a further input that says where it is missing");
    notes.push(Note::of("missing_indicator", name, message));
    Some(Numeric { quantity: Quantity::Missing, fill: 1.0, ..Numeric::of(name, form) })
}

/// Shift and scale of inputs; none if they are not finite.
fn scaling(range: &Range, scaling: Scaling) -> Option<(f64, f64)> {
    let (shift, scale) = match scaling {
        Scaling::Standard => (range.mean, 1.0 / range.deviation),
        Scaling::MinMax => (range.min, 1.0 / (range.max - range.min)),
        Scaling::None => (0.0, 1.0),
    };
    (shift.is_finite() && scale.is_finite() && scale > 0.0).then_some((shift, scale))
}

/// Mean and deviation of transformed numbers, over the middles of their quantiles: near enough to scale by, and no pass.
fn transformed(transform: Transform, low: f64, high: f64, summary: &ColumnSummary) -> Range {
    let middles = || summary.quantiles.windows(2).map(|q| transform.apply(q[0] / 2.0 + q[1] / 2.0));
    let count = summary.quantiles.len().saturating_sub(1) as f64;
    let mean = middles().fold(0.0, |sum, x| sum + x) / count;
    let squares = middles().fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
    let deviation = (squares / (count - 1.0)).sqrt();
    Range { min: transform.apply(low), max: transform.apply(high), mean, deviation }
}

/// Instants in seconds.
fn instants(summary: &ColumnSummary, unit: TimeUnit) -> Option<Range> {
    let (tally, moments) = (&summary.tally, summary.moments?);
    let seconds = seconds(unit);
    let (min, max) = (tally.min.as_ref()?.number()? * seconds, tally.max.as_ref()?.number()? * seconds);
    let (mean, deviation) = (moments.mean * seconds, moments.deviation() * seconds);
    (min < max && deviation > 0.0).then_some(Range { min, max, mean, deviation })
}

/// Seconds of a unit.
pub(crate) fn seconds(unit: TimeUnit) -> f64 {
    86_400.0 / unit.per_day() as f64
}

/// What stands in for a missing number, in the column's unit, and its words.
fn fill(
    name: &str,
    summary: &ColumnSummary,
    mean: f64,
    options: &EncodingOptions,
    notes: &mut Vec<Note>,
) -> (f64, String) {
    let median = || summary.quantiles.get(summary.quantiles.len() / 2).copied().unwrap_or(mean);
    match options.missing_values_handling {
        MissingValues::MeanImputation | MissingValues::Skip => (mean, format!("the mean, {}", short(mean))),
        MissingValues::MedianImputation => (median(), format!("the median, {}", short(median()))),
        MissingValues::Constant => (options.missing_value, options.missing_value.to_string()),
        MissingValues::ModeImputation => match summary.tally.levels.as_deref().and_then(mode) {
            Some(mode) => (mode, format!("the most frequent value, {mode}")),
            None => {
                let absent = summary.tally.missing + summary.tally.nan + summary.tally.infinite;
                if absent > 0 {
                    let message = format!("{name} has too many distinct values for a mode: the median stands in");
                    notes.push(Note::of("no_mode", name, message));
                }
                (median(), format!("the median, {}", short(median())))
            }
        },
    }
}

/// Six digits, for people.
fn short(x: f64) -> String {
    let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
    if rounded == 0.0 || (1e-4..1e15).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// The value of the most rows; the least of several.
fn mode(levels: &[Level]) -> Option<f64> {
    let most = levels.iter().map(|level| level.rows).max()?;
    levels.iter().find(|level| level.rows == most)?.value.number()
}
