//! `aquifer model`: what a model file says of itself.

use std::path::{Path, PathBuf};

use aquifer_frame::Target;
use aquifer_model::Spec;
use clap::{Args, Subcommand};

use crate::output::{self, Format, escape, grouped};
use crate::scan::Loaded;
use crate::scores::{metrics, score_table};

/// Show a model file
#[derive(Args)]
pub(crate) struct Model {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show what a model was trained for and how it scored
    #[command(after_help = "Train it again, on the same data, with the same bits:\n  \
        aquifer model show model.safetensors --spec > spec.toml\n  aquifer train data.parquet --spec spec.toml")]
    Show {
        /// Model file
        model: PathBuf,
        /// Print the spec it was trained with, every default in place, as TOML for `train --spec`
        #[arg(long)]
        spec: bool,
    },
    /// Write the model of a search's candidate; one that was not kept is trained again, with the same bits
    Export(super::export::Export),
}

impl Model {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        let (path, spec) = match self.verb {
            Verb::Show { model, spec } => (model, spec),
            Verb::Export(export) => return export.run(format).await,
        };
        let loaded = Loaded::open(&path)?;
        let toml = Spec::default().resolved_toml(&loaded.model.spec);
        match format {
            _ if spec => {
                output::line(toml.trim_end());
                Ok(())
            }
            Format::Json => print_json(&loaded, &path, &toml),
            Format::Table | Format::Csv => {
                print(&loaded, format);
                Ok(())
            }
        }
    }
}

fn print_json(loaded: &Loaded, path: &Path, toml: &str) -> anyhow::Result<()> {
    let model = &loaded.model;
    let data = serde_json::json!({
        "model": { "path": path.display().to_string(), "blake3": loaded.hash },
        "format": model.format,
        "numeric_class": model.numeric_class,
        "target": model.encoding.target.column(),
        "levels": levels(&model.encoding.target),
        "features": features(loaded),
        "inputs": model.encoding.inputs(),
        "parameters": parameters(loaded),
        "rows": model.spec.rows,
        "data": model.spec.data,
        "metrics": metrics(&model.scores)?,
        "spec_toml": toml,
    });
    output::json("ModelResult", &data)
}

fn print(loaded: &Loaded, format: Format) {
    let model = &loaded.model;
    if format == Format::Table {
        let target = &model.encoding.target;
        let say = |name: &str, value: String| output::line(&format!("{name:<12}{}", escape(&value)));
        say("task", target.task());
        let layers = model.spec.params.hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        say("hidden", if layers.is_empty() { "none".to_owned() } else { layers });
        say("parameters", grouped(parameters(loaded)));
        say("data", format!("{} rows, {} passes", grouped(model.spec.rows), model.spec.params.epochs));
        if let Some(split) = &model.spec.split {
            let by = split.by.as_ref().map_or_else(String::new, |column| format!(", the earlier ones by {column}"));
            say("split", format!("trained on {} of the rows{by}", split.share));
        }
        say("ranks", model.spec.params.ranks.to_string());
        say("features", features(loaded).join(", "));
        say("arithmetic", model.numeric_class.clone());
        say("blake3", loaded.hash.clone());
        output::line("");
    }
    score_table(&model.scores, format).print(format);
}

fn levels(target: &Target) -> &[String] {
    match target {
        Target::Classes { levels, .. } => levels,
        Target::Regression { .. } => &[],
    }
}

fn features(loaded: &Loaded) -> Vec<String> {
    loaded.model.encoding.feature_names()
}

fn parameters(loaded: &Loaded) -> u64 {
    loaded.model.tensors.iter().map(|tensor| tensor.values.len() as u64).sum()
}
