//! What a running job shows: decisions as lines, then one bar on a terminal, or a plain line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use aquifer_frame::Note;
use aquifer_proto::{Decisions, JobEvent, Progress, SearchProgress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{escape, grouped, say, say_notes};
use crate::scores::{decimals, near};

/// Without a terminal a line comes this often.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

fn duration(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

fn epochs(number: f64) -> String {
    if number == 1.0 { "1 epoch".to_owned() } else { format!("{number} epochs") }
}

/// Shows a job's events on standard error.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    terminal: bool,
    quiet: bool,
    last_line: Instant,
    began: Instant,
    /// What was said last to be waited for.
    waits_for: Option<String>,
    /// What was decided about the data: programs get it with the result.
    pub(crate) notes: Vec<Note>,
}

impl Display {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            bar: None,
            terminal: std::io::stderr().is_terminal(),
            quiet,
            last_line: Instant::now(),
            began: Instant::now(),
            waits_for: None,
            notes: Vec::new(),
        }
    }

    pub(crate) fn show(&mut self, event: &JobEvent) {
        if let JobEvent::Decided(decisions) = event {
            self.notes.clone_from(&decisions.notes);
        }
        match event {
            _ if self.quiet => {}
            JobEvent::Decided(decisions) => self.decisions(decisions),
            JobEvent::Progress(progress) => self.progress(progress),
            JobEvent::Searching(progress) => self.searching(progress),
            JobEvent::Importing { what, shards_done, shards } if shards > &1 => {
                self.line(|| format!("importing {}: {shards_done} of {shards} shards", escape(what)));
            }
            JobEvent::Waiting { what } => self.waiting(what),
            _ => {}
        }
        if !matches!(event, JobEvent::Waiting { .. }) {
            self.waits_for = None;
        }
    }

    /// What is waited for is said at once, and again when it is something else.
    fn waiting(&mut self, what: &str) {
        if self.waits_for.as_deref() == Some(what) {
            return;
        }
        self.waits_for = Some(what.to_owned());
        let text = format!("waiting for {}", escape(what));
        match &self.bar {
            Some(bar) => bar.suspend(|| say(&text)),
            None => say(&text),
        }
    }

    fn decisions(&self, said: &Decisions) {
        let Decisions { rows, numeric, categorical, inputs, parameters, ranks, workers, threads, .. } = said;
        say(&format!("{} rows; {}", grouped(*rows), escape(&said.task)));
        say(&format!(
            "{numeric} numeric and {categorical} categorical features make {} inputs, {} parameters",
            grouped(*inputs),
            grouped(*parameters)
        ));
        say_notes(&said.notes);
        if said.candidates > 1 {
            say(&format!("{} candidates", grouped(said.candidates)));
        }
        if said.folds > 0 {
            say(&format!("{} folds, and a final fit", said.folds));
        }
        let plural = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        say(&format!(
            "{} in mini-batches of {}: {} on {} with {}",
            epochs(said.epochs),
            said.mini_batch_size,
            plural(*ranks, "rank"),
            plural(*workers, "worker"),
            plural(*threads, "thread"),
        ));
    }

    /// A table that is drawn again and again; elsewhere a line now and then.
    fn searching(&mut self, said: &SearchProgress) {
        let SearchProgress { candidates, running, done, failed, trials_running, share_done, workers, metric, .. } =
            said;
        let seconds = self.began.elapsed().as_secs_f64();
        let best = said.best.as_ref().map(|best| {
            let deviation = best.deviation.map_or_else(String::new, |d| format!(" ± {}", near(d, best.value)));
            let params: Vec<String> = best.params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            format!("{metric} {}{deviation}  {}", decimals(best.value), escape(&params.join(", ")))
        });
        let best = best.unwrap_or_else(|| "none yet".to_owned());
        let rate = grouped((said.samples as f64 / seconds.max(1e-3)) as u64);
        let left = match *share_done > 0.02 {
            true => format!("{} left", duration(seconds * (1.0 - share_done) / share_done)),
            false => "time left is not known yet".to_owned(),
        };
        let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
        if !self.terminal {
            return self.line(|| {
                format!("{done} of {candidates} candidates done{failed}; best {best}; {rate} rows/s, {left}")
            });
        }
        let text = format!(
            "candidates  {done} of {candidates} done, {running} running{failed}\n\
             trials      {trials_running} at work on {workers} worker{}\n\
             best        {best}\n\
             speed       {rate} rows/s, {left}",
            if *workers == 1 { "" } else { "s" },
        );
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}%\n{msg}");
            ProgressBar::new(1000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_position((share_done * 1000.0) as u64);
        bar.set_message(text);
    }

    fn progress(&mut self, progress: &Progress) {
        let epoch = progress.position as f64 / progress.rows.max(1) as f64;
        let loss = progress.loss.map_or(String::new(), |loss| format!("  loss {loss:.4}"));
        let text = match progress.scoring.is_empty() {
            true => format!("epoch {epoch:.1}{loss}"),
            false => format!("scoring {} data{loss}", progress.scoring),
        };
        if !self.terminal {
            return self.line(|| format!("{text}, round {}", progress.round));
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}  {eta} left");
            ProgressBar::new(progress.position_end).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_position(progress.position);
        bar.set_message(text);
    }

    /// A plain line, not too often.
    fn line(&mut self, text: impl FnOnce() -> String) {
        if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            say(&text());
        }
    }

    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
