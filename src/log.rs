//! The log, on standard error: warnings, and for nodes what they do. `AQUIFER_LOG` says how much (`debug`, `off`, …),
//! `AQUIFER_LOG_FORMAT` in which form: `text` for people, `json` for machines, one object a line.
//!
//! In JSON all stands on one level, whether it was said by the event or by what it happened in: `time`, `level`, `message`,
//! and where they apply `job`, `generation`, `trial`, `round`, `worker`, `term`.

use std::fmt;
use std::io::IsTerminal;

use aquifer_model::Report;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::failure::usage;

/// `level` holds unless `AQUIFER_LOG` is set.
pub(crate) fn start(level: &str) -> Result<(), Report> {
    let filter = match std::env::var_os("AQUIFER_LOG") {
        Some(_) => EnvFilter::builder()
            .with_env_var("AQUIFER_LOG")
            .with_default_directive(tracing_subscriber::filter::LevelFilter::OFF.into())
            .from_env_lossy(),
        None => EnvFilter::new(level),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // What cannot be written there could not be complained of there either.
    let log = log.log_internal_errors(false);
    let format = std::env::var_os("AQUIFER_LOG_FORMAT").unwrap_or_default();
    match format.to_str() {
        Some("" | "text") => {
            let colour =
                std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
            log.with_ansi(colour).with_target(false).init();
        }
        Some("json") => log.fmt_fields(JsonFields::new()).event_format(Flat).init(),
        _ => {
            let message = format!("AQUIFER_LOG_FORMAT is {format:?}, which is no form of a log");
            return Err(usage("log_format", message).hint("it is text or json"));
        }
    }
    Ok(())
}

/// One JSON object a line, without levels.
struct Flat;

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, JsonFields> for Flat {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line::default();
        // From the outermost in: what is nearer to the event holds.
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>().map(|fields| fields.fields.as_str());
            if let Some(Ok(Value::Object(fields))) = fields.map(serde_json::from_str) {
                line.0.extend(fields);
            }
        }
        event.record(&mut line);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        line.0.insert("time".into(), time.into());
        line.0.insert("level".into(), event.metadata().level().as_str().into());
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

#[derive(Default)]
struct Line(Map<String, Value>);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}
