//! Certificates and keys, damaged: a node that is given them says which file it is and what to do, or comes up; a client
//! then comes in, or hears why it does not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aquifer_coordinator::Coordinator;
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{ListJobsRequest, jobs_client::JobsClient};
use aquifer_proto::{Callee, Tls, Token, TokenSender, connect};

use crate::case::{Case, Cases, Expect, Input, message};
use crate::journals::config;
use crate::mutate::mutate;
use crate::seeds::Numbers;

const MUTATED: usize = 6_000;
const SECRET: &str = "0123456789abcdef";
const FILES: [&str; 3] = ["ca.pem", "coordinator.pem", "coordinator.key"];
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// A handshake that does not come to an end is a fault.
const LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn prepare(folder: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aquifer"));
    let output = command.args(["certs", "init", "--dir"]).arg(folder).output().expect("a command");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

struct Certificates {
    files: [Vec<u8>; 3],
}

pub(crate) fn cases(folder: &Path) -> Box<dyn Cases> {
    Box::new(Certificates { files: FILES.map(|name| std::fs::read(folder.join(name)).expect("a file")) })
}

impl Cases for Certificates {
    fn count(&self) -> usize {
        1 + MUTATED
    }

    fn case(&self, at: usize, folder: &Path) -> Case {
        let mut files = self.files.clone();
        let mut what = "files as they are".to_owned();
        let mut damaged = None;
        if at > 0 {
            let mut numbers = Numbers(at as u64);
            let which = at % FILES.len();
            // Half of them remain base64, so that what is inside is wrong.
            let way = match at / FILES.len() % 2 {
                0 => other_letter(&mut files[which], &mut numbers),
                _ => mutate(&mut files[which], &mut numbers),
            };
            what = format!("{}: {way}", FILES[which]);
            damaged = Some(FILES[which]);
        }
        let folder = folder.join("certificates");
        std::fs::create_dir_all(&folder).expect("a folder");
        FILES.iter().zip(&files).for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes).expect("a file"));
        let expect = if at == 0 { Expect::Right } else { Expect::Any };
        Case { what, input: Input::work(move || met(&folder, damaged)), expect }
    }
}

/// A few letters of the body are others.
fn other_letter(bytes: &mut [u8], numbers: &mut Numbers) -> String {
    let body = bytes.iter().position(|byte| *byte == b'\n').expect("a first line") + 1;
    let end = bytes.len() - body;
    let places: Vec<usize> = (0..1 + numbers.below(3)).map(|_| body + numbers.below(end)).collect();
    for place in &places {
        if LETTERS.contains(&bytes[*place]) {
            bytes[*place] = LETTERS[numbers.below(LETTERS.len())];
        }
    }
    format!("other letters at {places:?}")
}

/// A coordinator with these files, and a client that believes their authority.
fn met(folder: &Path, damaged: Option<&str>) -> Result<Result<(), Report>, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let [authority, certificate, key]: [PathBuf; 3] = FILES.map(|name| folder.join(name));
    let refused = |report: Report| {
        let said = message(&report);
        // A certificate and a key that do not belong together are both named.
        let named = damaged.is_some_and(|file| said.contains(file));
        match report.hint.is_some() && named {
            true => Ok(Err(report)),
            false => Err(format!("the file is not named, or nothing is said about what to do: {said}")),
        }
    };
    let server = match Tls::node(&authority, &certificate, &key) {
        Ok(server) => server,
        Err(error) => return refused(error.into()),
    };
    let client = match Tls::client(&authority) {
        Ok(client) => client,
        Err(error) => return refused(error.into()),
    };
    runtime.block_on(async {
        let token = Token::new(SECRET).expect("a token");
        let started = Coordinator::start(config(&folder.join("dir"), &token, Some(server))).await;
        let coordinator = started.map_err(|error| message(&error.into()))?;
        let came = tokio::time::timeout(LIMIT, ask(coordinator.url(), &client, &token)).await;
        coordinator.stop().await;
        match came {
            Err(_) => Err("a handshake without an end".into()),
            Ok(Err(report)) if report.hint.is_none() => Err(format!("no hint: {}", message(&report))),
            Ok(came) => Ok(came),
        }
    })
}

async fn ask(url: &str, tls: &Tls, token: &Token) -> Result<(), Report> {
    let channel = connect(url, Some(tls), Callee::Coordinator).await?;
    let mut client = JobsClient::with_interceptor(channel, TokenSender::new(token));
    let listed = client.list_jobs(ListJobsRequest {}).await;
    listed.map(drop).map_err(|status| Report::new(Kind::Access, "refused", status.to_string()))
}
