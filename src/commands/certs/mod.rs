//! `aquifer certs`: an authority of one's own, certificates for the nodes of a cluster, and tokens of less than all scopes.

mod make;
mod token;

use std::io::Write;
use std::path::{Path, PathBuf};

use aquifer_model::{Kind, Report};
use clap::{Args, Subcommand};

use self::make::{Authority, Made, NODE_DAYS, hosts_of, make_authority};
use self::token::NewToken;
use crate::credentials::{AUTHORITY, COORDINATOR, WORKER, certificate_of, key_of};
use crate::dir;
use crate::dir::DirOption;
use crate::failure::{unwritable, usage};
use crate::given::read_text;
use crate::newfile::NewFile;
use crate::output::{self, Format, Table};

const AUTHORITY_KEY: &str = "ca.key";

/// Make the certificates and tokens with which nodes and clients of a cluster trust each other
#[derive(Args)]
pub(crate) struct Certs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make an authority, certificates for coordinator and workers (90 days), and tokens if there are none
    Init(Hosts),
    /// Make new certificates from the same authority; running nodes take them at the next connection
    Renew(Hosts),
    /// Make a token that is good for less than everything; a running coordinator knows it at once
    Token(NewToken),
}

#[derive(Args)]
struct Hosts {
    /// Name or address that the coordinator is dialled by; may be repeated [default: this machine alone; of `renew`
    /// those of the certificate that is there]
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    #[command(flatten)]
    dir: DirOption,
}

impl Certs {
    pub(crate) fn run(self, format: Format) -> anyhow::Result<()> {
        match self.verb {
            Verb::Init(hosts) => hosts.init(format),
            Verb::Renew(hosts) => hosts.renew(format),
            Verb::Token(token) => token.run(format),
        }
    }
}

impl Hosts {
    fn init(&self, format: Format) -> anyhow::Result<()> {
        let folder = self.dir.open()?;
        let nodes = [COORDINATOR, WORKER].into_iter().flat_map(|role| [certificate_of(role), key_of(role)]);
        let taken =
            nodes.chain([AUTHORITY.to_owned(), AUTHORITY_KEY.to_owned()]).find(|name| folder.join(name).exists());
        if let Some(name) = taken {
            let message = format!("{} is there already", folder.join(name).display());
            return Err(usage("certs_exist", message)
                .hint("`aquifer certs renew` makes new certificates from the same authority; or choose another --dir")
                .into());
        }
        let authority = make_authority()?;
        let mut written = write_nodes(&folder, &authority.key, &self.host)?;
        written.splice(0..0, write_pair(&folder, AUTHORITY, AUTHORITY_KEY, &authority)?);
        dir::token_of(&folder)?;
        written.extend([folder.join("token"), dir::worker_token_of(&folder)?]);
        show(&folder, &written, Some(&self.host), format)
    }

    fn renew(&self, format: Format) -> anyhow::Result<()> {
        let folder = self.dir.open()?;
        let path = folder.join(AUTHORITY_KEY);
        let text = read_text(&path).map_err(|error| {
            Report::new(Kind::Config, "no_authority", format!("cannot read {}", path.display()))
                .hint("give the folder of `aquifer certs init` with --dir")
                .caused_by(&error)
        })?;
        let hosts = if self.host.is_empty() { old_hosts(&folder)? } else { self.host.clone() };
        let written = write_nodes(&folder, &text, &hosts)?;
        show(&folder, &written, None, format)
    }
}

/// What the coordinator's certificate is for now: whoever dials it goes on believing it.
fn old_hosts(folder: &Path) -> anyhow::Result<Vec<String>> {
    let path = folder.join(certificate_of(COORDINATOR));
    let unknown = |error| {
        let message = format!("for which hosts {} is cannot be read from it", path.display());
        Report::new(Kind::Config, "no_hosts", message)
            .hint("say with --host how the coordinator is dialled; `--host localhost` if from its own machine alone")
            .caused_by(&error)
    };
    Ok(hosts_of(&path).map_err(unknown)?)
}

/// Certificates and keys of both roles.
fn write_nodes(folder: &Path, authority_key: &str, hosts: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let authority = Authority::of_key(authority_key)?;
    let mut written = Vec::new();
    for (role, made) in [(COORDINATOR, authority.sign_coordinator(hosts)?), (WORKER, authority.sign_worker()?)] {
        written.extend(write_pair(folder, &certificate_of(role), &key_of(role), &made)?);
    }
    Ok(written)
}

/// What was written, and what to do with it: at first, for these hosts, or now that it is renewed.
fn show(folder: &Path, written: &[PathBuf], hosts: Option<&[String]>, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        return output::json("CertsResult", &serde_json::json!({ "written": written, "days": NODE_DAYS }));
    }
    let mut table = Table::new(["file", "what", "who needs it"]);
    for path in written {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (what, who) = about(&name);
        table.row([path.display().to_string(), what.to_owned(), who.to_owned()]);
    }
    table.print(format);
    if format != Format::Table {
        return Ok(());
    }
    output::line("");
    if let Some(hosts) = hosts {
        let url = format!("https://{}:7400", hosts.first().map_or("127.0.0.1", |host| host));
        let dir = folder.display();
        output::line("here:");
        output::line(&format!("  aquifer coordinator --dir {dir} --listen 0.0.0.0:7400"));
        output::line("on each machine that works, with ca.pem, worker.pem, worker.key and worker-token in FOLDER:");
        output::line(&format!("  aquifer worker --dir FOLDER --cluster {url} --listen 0.0.0.0:0"));
        output::line("on a machine that asks, with ca.pem and token:");
        output::line(&format!("  aquifer cluster status --cluster {url} --token-file token --ca-file ca.pem"));
    } else {
        output::line(
            "copy worker.pem and worker.key over the old ones on each machine that works, and the coordinator's",
        );
        output::line("where it runs: nodes take them from the next connection on, without a restart");
    }
    Ok(())
}

/// What a file is, and who needs it.
fn about(name: &str) -> (&'static str, &'static str) {
    match name {
        AUTHORITY => ("certificate of the authority", "everybody"),
        AUTHORITY_KEY => ("key of the authority: secret", "`certs renew` alone: keep it away from the nodes"),
        "coordinator.pem" => ("certificate, 90 days", "the coordinator"),
        "coordinator.key" => ("key: secret", "the coordinator"),
        "worker.pem" => ("certificate, 90 days", "every worker"),
        "worker.key" => ("key: secret", "every worker"),
        "worker-token" => ("token: secret", "every worker"),
        _ => ("token: secret", "who may do everything; `certs token` makes weaker ones"),
    }
}

fn write_pair(folder: &Path, certificate: &str, key: &str, made: &Made) -> Result<[PathBuf; 2], Report> {
    let (certificate, key) = (folder.join(certificate), folder.join(key));
    write(NewFile::secret(&key)?, &key, &made.key)?;
    write(NewFile::begin(&certificate)?, &certificate, &made.certificate)?;
    Ok([certificate, key])
}

fn write(mut file: NewFile, path: &Path, text: &str) -> Result<(), Report> {
    file.write_all(text.as_bytes()).map_err(|error| unwritable(path, &error))?;
    file.finish()
}
