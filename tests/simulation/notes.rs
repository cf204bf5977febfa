//! What is noted while a simulation runs: the trace, by which two runs of a seed are compared, and what was wrong.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, Once};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Noted>>);

#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) trace: Vec<String>,
    pub(crate) wrong: Vec<String>,
    /// The coordinator's process has died at a commit.
    pub(crate) died: bool,
}

impl Notes {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn trace(&self, what: &str) {
        let now = turmoil::sim_elapsed().unwrap_or_default().as_millis();
        self.lock().trace.push(format!("{now:>7} {what}"));
    }

    pub(crate) fn wrong(&self, what: String) {
        self.trace(&format!("WRONG: {what}"));
        self.lock().wrong.push(what);
    }
}

/// What a process says that dies on purpose.
pub(crate) const DEATH: &str = "the simulated process dies here";

/// Simulated time in the log.
struct Simulated;

impl FormatTime for Simulated {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:>7}", turmoil::sim_elapsed().unwrap_or_default().as_millis())
    }
}

/// The log of the nodes, as `AQUIFER_LOG` says.
pub(crate) fn show_log() {
    if let Ok(filter) = EnvFilter::try_from_env("AQUIFER_LOG") {
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_timer(Simulated).with_ansi(false);
        let _ = log.with_target(false).try_init();
    }
}

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Panics of this thread since it was asked last: tasks that panic end silently, and should not.
pub(crate) fn panics() -> usize {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>().is_some_and(|text| *text == DEATH) {
                return;
            }
            PANICS.set(PANICS.get() + 1);
            shown(info);
        }));
    });
    PANICS.replace(0)
}
