//! The main road, from ECS files to running services: what `make demo` runs.
//!
//! It starts a Kubernetes of its own (or uses the one it is pointed at), and then does what a person would do, with the
//! commands a person would type: install the definitions, run the operator, convert, apply, watch.

mod stage;
mod tables;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use stage::Stage;

/// Runs the examples on Kubernetes and shows how they become stable.
#[derive(Debug, Parser)]
struct Arguments {
    /// End as soon as every service is stable: with 0, or with the reason and 1.
    #[arg(long)]
    once: bool,
    /// Use the cluster of this kubeconfig instead of starting one.
    #[arg(long, env = "DEMO_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// The operator's program. Default: `ecs-operator` beside this program.
    #[arg(long)]
    operator: Option<PathBuf>,
    /// The folder with the ECS files.
    #[arg(long, default_value = "examples/ecs")]
    examples: PathBuf,
    /// How many seconds the services may take to become stable.
    #[arg(long, default_value_t = 180)]
    patience: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match play(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Arguments) -> Result<()> {
    let operator = arguments.operator.clone().map_or_else(operator_beside, Ok)?;
    let mut stage = tokio::select! {
        stage = Stage::set(arguments.kubeconfig.as_deref(), &operator) => stage?,
        interrupted = interruption(arguments) => return interrupted,
    };
    let result = tokio::select! {
        result = perform(arguments, &mut stage) => result,
        interrupted = interruption(arguments) => interrupted,
    };
    if result.is_err() {
        stage.show_what_went_wrong();
    }
    let cleared = stage.clear().await;
    result.and(cleared)
}

/// Ctrl-C is the way to end the demo, unless it was to end by itself.
async fn interruption(arguments: &Arguments) -> Result<()> {
    tokio::signal::ctrl_c().await?;
    if arguments.once {
        bail!("interrupted");
    }
    println!("\nstopping");
    Ok(())
}

/// Cargo puts all programs of the workspace into one folder, wherever that is.
fn operator_beside() -> Result<PathBuf> {
    let demo = std::env::current_exe().context("the demo does not know where it is")?;
    Ok(demo.with_file_name(format!("ecs-operator{}", std::env::consts::EXE_SUFFIX)))
}

async fn perform(arguments: &Arguments, stage: &mut Stage) -> Result<()> {
    stage.install_definitions()?;
    stage.start_operator().await?;
    stage.convert_and_apply(&arguments.examples)?;
    let services = watch::until_stable(stage, Duration::from_secs(arguments.patience)).await?;
    println!("\n{}", tables::services(stage, &services).await?);
    println!("\nWhat does not behave exactly as on ECS, and how:\n{}", tables::differences(stage).await?);
    if arguments.once {
        println!("\nall services are stable");
        return Ok(());
    }
    stage.say_how_to_look_around();
    stage.watch_operator().await
}
