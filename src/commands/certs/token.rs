//! `aquifer certs token`: tokens of less than all scopes.

use std::path::PathBuf;

use aquifer_proto::Scope;
use clap::Args;

use crate::dir;
use crate::dir::DirOption;
use crate::failure::usage;
use crate::output::{self, Format};

/// Of a name in the list of tokens.
const NAME_BYTES_MAX: usize = 200;

#[derive(Args)]
pub(super) struct NewToken {
    /// What it is good for: read (look, and take models), submit (jobs and uploads as well), worker, or admin
    #[arg(long, value_name = "SCOPE")]
    scope: Scope,
    /// Whose it is, for the list in `tokens`
    #[arg(long, value_name = "TEXT", default_value = "")]
    name: String,
    /// File to write it to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    dir: DirOption,
}

impl NewToken {
    pub(super) fn run(self, format: Format) -> anyhow::Result<()> {
        if self.name.chars().any(char::is_control) || self.name.len() > NAME_BYTES_MAX {
            return Err(usage("bad_name", "--name is one line of at most 200 bytes").into());
        }
        let folder = self.dir.open()?;
        let token = dir::new_token()?;
        dir::make_known(&folder, &token, self.scope, &self.name)?;
        if let Some(out) = &self.out {
            return dir::write_token(out, &token);
        }
        if format == Format::Json {
            let data = serde_json::json!({ "token": token.secret(), "scope": self.scope.name() });
            return output::json("TokenResult", &data);
        }
        output::line(token.secret());
        Ok(())
    }
}
