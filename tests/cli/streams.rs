//! Every command with streams that are closed, broken or full, and a terminal without room.

use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;

use crate::ground::{Ground, commands};

const NARROW: &str = "export COLUMNS=0 LINES=0 TERM=dumb;";

/// What a shell does with them; whether the result can then be written.
const STREAMS: [(&str, &str, bool); 7] = [
    ("standard input closed", "<&-", true),
    ("standard output closed", ">&-", true),
    ("standard error closed", "2>&-", true),
    ("all closed", "<&- >&- 2>&-", true),
    ("nobody reading", ">&8 8>&-", true),
    ("a full disk behind both", ">/dev/full 2>/dev/full", false),
    ("a full disk behind the result", ">/dev/full", false),
];

#[test]
fn streams_that_are_closed_broken_or_full() {
    let ground = Ground::new();
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    let (next, complaints) = (Mutex::new(commands.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(command) = next.lock().unwrap().next() else { break };
                    let found = complaints_of(&ground, command);
                    complaints.lock().unwrap().extend(found);
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn complaints_of(ground: &Ground, command: &str) -> Vec<String> {
    let end = |before: &str, streams: &str, form: &[&str]| {
        let folder = tempfile::Builder::new().prefix("streams-").tempdir_in(ground.aquifer.file(".")).unwrap();
        let mut words = ground.words(command, "", folder.path());
        words.extend(form.iter().map(Into::into));
        ground.end(command, &words, folder.path(), (before, streams))
    };
    let mut complaints = Vec::new();
    for form in [&[][..], &["--output", "json"]] {
        let usual = end("", "", form);
        let lasts = Ground::lasts(command);
        for (name, streams, is_written) in STREAMS {
            let before = if streams.contains("&8") { NOBODY } else { NARROW };
            let finished = end(before, streams, form);
            let (code, usual_code) = (finished.status.code(), usual.status.code());
            let ended_well = match (is_written, usual.stdout.is_empty()) {
                _ if lasts => matches!(code, Some(0 | 1 | 143)) || finished.status.signal() == Some(15),
                (true, _) | (false, true) => code == usual_code,
                // The result could not be written: that is a failure.
                (false, false) => code == Some(1),
            };
            let bug = finished.stderr.contains("panicked") || finished.stderr.contains("this is a bug");
            if bug || !ended_well {
                complaints.push(format!(
                    "{command} {form:?}, {name}: {}, usually {}; {}",
                    finished.status, usual.status, finished.stderr
                ));
            }
        }
    }
    complaints
}

/// A pipe that its reader has left, as the shell's descriptor 8.
const NOBODY: &str = "mkfifo nobody; exec 9<>nobody 8>nobody 9<&-;";
