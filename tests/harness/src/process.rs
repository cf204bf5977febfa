//! A process in a group of its own, its output kept, ended with all its children when it is dropped.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::poll::{LIMIT, until};

/// What a process can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    Terminate,
    Kill,
    /// It does nothing more until it is told to continue.
    Stop,
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "INT",
            Signal::Terminate => "TERM",
            Signal::Kill => "KILL",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        }
    }

    /// Sends it to one process; true if that process was there.
    pub fn send(self, pid: u32) -> bool {
        self.send_to(&pid.to_string())
    }

    /// To several at once: as near to the same moment as one process can.
    pub fn send_all(self, pids: &[u32]) -> bool {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        !pids.is_empty() && self.send_to(&pids.join(" "))
    }

    /// Through the shell's own `kill`, so that no test needs `unsafe`.
    fn send_to(self, target: &str) -> bool {
        let script = format!("kill -{} {target}", self.name());
        let sent = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
        sent.is_ok_and(|status| status.success())
    }
}

/// A process group: the process that began it, and the children that stayed in it.
#[derive(Clone, Copy, Debug)]
pub struct Group(u32);

impl Group {
    /// As a terminal does with Ctrl-C: every process of the group gets it.
    pub fn send(self, signal: Signal) -> bool {
        signal.send_to(&format!("-{}", self.0))
    }

    /// Processes of the group that live; one that waits to be reaped does not.
    pub fn members(self) -> Vec<u32> {
        let entries = std::fs::read_dir("/proc").expect("a list of processes");
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| self.holds(*pid)).collect()
    }

    fn holds(self, pid: u32) -> bool {
        stat(pid).is_some_and(|(state, group)| state != 'Z' && group == self.0)
    }
}

/// A process's state and group: the first and third field of `/proc/PID/stat` after the name in brackets.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}

/// Whether a process is there, and no mere entry of one that has ended.
pub fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

/// Whether SIGSTOP has come to a process.
pub fn is_stopped(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state == 'T')
}

/// What a process said, as far as it has been read.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// Reads to the end on a thread of its own, so that no process ever waits for its reader.
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let said = Said::default();
        let to = said.clone();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut piece) {
                to.0.lock().expect("no reader panics").extend_from_slice(&piece[..count]);
            }
        });
        said
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no reader panics")).into_owned()
    }
}

/// A process at work.
pub struct Running {
    /// As a person would type it: for messages.
    command: String,
    child: Child,
    stdout: Said,
    stderr: Said,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdout = Said::read(child.stdout.take().expect("its output is a pipe"));
        let stderr = Said::read(child.stderr.take().expect("its errors are a pipe"));
        Self { command: name, child, stdout, stderr }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn group(&self) -> Group {
        Group(self.child.id())
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Standard error so far, its children's too.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of a child")
    }

    /// Waits for its end; kills it and panics with its output if that takes longer than [`LIMIT`].
    pub fn finish(self) -> Finished {
        self.finish_within(LIMIT)
    }

    /// The same with another limit.
    pub fn finish_within(mut self, limit: Duration) -> Finished {
        let status = until_ended(&mut self, limit);
        // Children may hold the pipes open for a moment longer than the process itself lives.
        let survivors = self.group().members();
        if survivors.is_empty() {
            until("the output to be read", || {
                (Arc::strong_count(&self.stdout.0) == 1 && Arc::strong_count(&self.stderr.0) == 1).then_some(())
            });
        }
        Finished { command: self.command.clone(), status, stdout: self.stdout(), stderr: self.stderr(), survivors }
    }
}

fn until_ended(running: &mut Running, limit: Duration) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = running.ended() {
            return status;
        }
        if began.elapsed() > limit {
            running.group().send(Signal::Kill);
            let Running { command, .. } = running;
            let (stdout, stderr) = (running.stdout.text(), running.stderr.text());
            panic!("{command} ran for more than {} s\nstdout:\n{stdout}\nstderr:\n{stderr}", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.group().members().is_empty() {
            self.group().send(Signal::Kill);
        }
        let _ = self.child.wait();
    }
}

/// A process that has ended.
pub struct Finished {
    command: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// Children that outlived it; they are killed by now.
    pub survivors: Vec<u32>,
}

impl Finished {
    /// Panics with its output unless it ended with this code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        let Finished { command, status, stdout, stderr, .. } = &self;
        let ended = status.code();
        assert!(
            ended == Some(expected),
            "{command} ended with {status}, not with code {expected}\nstdout:\n{stdout}\nstderr:\n{stderr}"
        );
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.code(0)
    }

    /// `data` of the JSON on standard output.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let mut value: serde_json::Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: no JSON ({error}): {}", self.command, self.stdout));
        value["data"].take()
    }

    /// Panics unless standard error has all these texts.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "{} does not say `{text}`:\n{}", self.command, self.stderr);
        }
        self
    }
}
