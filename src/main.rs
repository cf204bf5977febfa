//! `aquifer`: one binary that is the command line, the coordinator, the worker, and a whole cluster in one process.

mod client;
mod commands;
mod credentials;
mod curves;
mod data;
mod dir;
mod evaluation;
mod failure;
mod given;
mod holdout;
mod jobs;
mod launch;
mod leaderboard;
mod log;
mod newfile;
mod options;
mod output;
mod plots;
mod precheck;
mod progress;
mod scan;
mod scores;
mod submission;

use std::process::ExitCode;

use aquifer_learn::Isa;
use aquifer_model::Report;
use clap::{Parser, Subcommand};

/// Train models on more Parquet than there is memory, with the same bits on any number of machines
#[derive(Parser)]
#[command(name = "aquifer", version, max_term_width = 100)]
#[command(after_help = "Begin with:\n  aquifer train data.parquet              lists the columns\n  \
    aquifer train data.parquet --target y   trains a model of y\n\n\
    Exit codes: 0 done, 1 the work failed, 2 usage or configuration, 3 bad data,\n\
    4 cannot reach or authenticate, 5 partly done, 130 interrupted.\n\n\
    Results are on standard output, all else on standard error.")]
struct Arguments {
    /// Form of the result on standard output
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t = output::Format::Table)]
    output: output::Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(Box<commands::train::Train>),
    Grid(Box<commands::grid::Grid>),
    Predict(commands::predict::Predict),
    Evaluate(commands::evaluate::Evaluate),
    Verify(commands::verify::Verify),
    Model(commands::model::Model),
    Frame(commands::frame::Frame),
    Job(commands::job::Job),
    Certs(commands::certs::Certs),
    Cluster(commands::cluster::Cluster),
    Coordinator(commands::coordinator::Coordinator),
    Worker(commands::worker::Worker),
    Bench(commands::bench::Bench),
    Doctor(commands::doctor::Doctor),
}

fn main() -> ExitCode {
    quiet_caught_panics();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::print_refused(&error),
    };
    let started = log::start(log_level(&arguments.command)).and_then(|()| choose_instructions());
    if let Err(error) = started {
        return failure::print(&error.into(), arguments.output);
    }
    match run(arguments.command, arguments.output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::print(&error, arguments.output),
    }
}

/// `AQUIFER_INSTRUCTIONS` takes other instructions than the fastest, to show that they give the same bits.
fn choose_instructions() -> Result<(), Report> {
    let Some(name) = std::env::var_os("AQUIFER_INSTRUCTIONS").filter(|name| !name.is_empty()) else { return Ok(()) };
    if name.to_str().is_some_and(Isa::choose) {
        return Ok(());
    }
    let known: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    let message = format!("AQUIFER_INSTRUCTIONS is {name:?}, which this processor does not have");
    Err(failure::usage("no_instructions", message).hint(format!("it has {}", known.join(", "))))
}

/// A decoder that panics over a bad file is caught, and becomes an error that names the file: no trace comes before it.
fn quiet_caught_panics() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !aquifer_frame::is_guarded() {
            shown(info);
        }
    }));
}

fn run(command: Command, format: output::Format) -> anyhow::Result<()> {
    // Compute threads belong to workers; these few only wait for the network.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        match command {
            Command::Train(train) => train.run(format).await,
            Command::Grid(grid) => grid.run(format).await,
            Command::Predict(predict) => tokio::task::block_in_place(|| predict.run(format)),
            Command::Evaluate(evaluate) => tokio::task::block_in_place(|| evaluate.run(format)),
            Command::Verify(verify) => verify.run(format).await,
            Command::Model(model) => model.run(format).await,
            Command::Frame(frame) => frame.run(format).await,
            Command::Job(job) => job.run(format).await,
            Command::Certs(certs) => certs.run(format),
            Command::Cluster(cluster) => cluster.run(format).await,
            Command::Coordinator(coordinator) => coordinator.run().await,
            Command::Worker(worker) => worker.run().await,
            Command::Bench(bench) => bench.run(format).await,
            Command::Doctor(doctor) => doctor.run(format),
        }
    });
    runtime.shutdown_background();
    result
}

/// How much is logged, unless somebody says otherwise.
fn log_level(command: &Command) -> &'static str {
    match command {
        Command::Coordinator(_) | Command::Worker(_) => "info",
        Command::Cluster(_) => "warn",
        _ => "error",
    }
}
