//! The demonstration of `make demo`: from ECS files to running services.
//!
//! It starts an embedded Kubernetes or uses an existing one, and then runs the commands that a user would run: install the
//! custom resource definitions, start the operator, convert, apply and watch.

mod stage;
mod tables;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use stage::Stage;

/// Run the examples on Kubernetes and show how they become stable.
#[derive(Debug, Parser)]
struct Arguments {
    /// Exit as soon as every service is stable, instead of at Ctrl-C. The exit code is 1 if a service does not become stable.
    #[arg(long)]
    once: bool,
    /// Use the cluster of this kubeconfig instead of starting one.
    #[arg(long, env = "DEMO_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// Path of the operator. Default: `ecs-operator` in the folder of this program.
    #[arg(long)]
    operator: Option<PathBuf>,
    /// Folder with the ECS files.
    #[arg(long, default_value = "examples/ecs")]
    examples: PathBuf,
    /// Seconds that the services have to become stable.
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
        stage.print_diagnostics();
    }
    let cleared = stage.clear().await;
    result.and(cleared)
}

/// Waits for Ctrl-C; with `--once` it never returns.
async fn interruption(arguments: &Arguments) -> Result<()> {
    tokio::signal::ctrl_c().await?;
    if arguments.once {
        bail!("interrupted");
    }
    println!("\nstopping");
    Ok(())
}

/// Cargo puts all programs of the workspace into one folder.
fn operator_beside() -> Result<PathBuf> {
    let demo = std::env::current_exe().context("cannot find the path of this program")?;
    Ok(demo.with_file_name(format!("ecs-operator{}", std::env::consts::EXE_SUFFIX)))
}

async fn perform(arguments: &Arguments, stage: &mut Stage) -> Result<()> {
    stage.install_definitions()?;
    stage.start_operator().await?;
    stage.convert_and_apply(&arguments.examples)?;
    let services = watch::until_stable(stage, Duration::from_secs(arguments.patience)).await?;
    println!("\n{}", tables::services(stage, &services).await?);
    println!("\nDifferences from ECS:\n{}", tables::differences(stage).await?);
    if arguments.once {
        println!("\nall services are stable");
        return Ok(());
    }
    stage.print_commands();
    stage.watch_operator().await
}
