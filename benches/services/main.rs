//! Speed, memory and writes of the operator with many services, compared with a floor measured in the same run.
//!
//! An operator round creates a `TaskDefinition` and a `Service` for each service, and ends when each has its ControllerRevision,
//! Deployment and core Service. A floor round writes the same objects, including the children, from a small client. Both send 16
//! requests at a time, in a new namespace of one control plane without nodes, while the controllers of Kubernetes process the
//! objects. The rounds alternate, and each waits until the control plane has processed the previous round.
//!
//! A slow result is printed and is no failure: the exit code is 0 unless the benchmark cannot run.

mod load;
mod operator;
mod round;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use devcluster::Cluster;

use crate::operator::Report;
use crate::round::Rounds;

/// Target duration of the operator, as a multiple of the floor.
const TARGET: f64 = 1.5;

/// Speed, memory and writes of the operator with many services.
#[derive(Debug, Parser)]
struct Options {
    /// Number of services.
    #[arg(long, env = "BENCH_SERVICES", default_value_t = 300, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=5000))]
    services: u32,
    /// Number of rounds of each kind.
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 3, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Desired count of each service. Without nodes, the tasks stay pending.
    #[arg(long, env = "BENCH_DESIRED_COUNT", default_value_t = 1, value_name = "N")]
    desired_count: u32,
    /// Program of the operator, to compare builds.
    #[arg(long, env = "BENCH_OPERATOR", default_value = env!("CARGO_BIN_EXE_ecs-operator"), value_name = "FILE")]
    operator: PathBuf,
    /// Set by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark failed: {error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    println!("services: {} services, {} rounds each; starting a control plane", options.services, options.rounds);
    let cluster = Cluster::builder().start().await?;
    let measured = measure(&cluster, options).await;
    cluster.stop().await?;
    measured
}

async fn measure(cluster: &Cluster, options: &Options) -> Result<()> {
    let rounds = Rounds::prepare(cluster, &options.operator, options.desired_count).await?;
    let (mut operator, mut floor) = (Vec::new(), Vec::new());
    for number in 1..=options.rounds {
        let (seconds, report) = rounds.operator(options.services).await?;
        println!("round {number} operator: {seconds:6.2} s");
        report.print();
        ensure!(report.settled, "the operator still writes long after all children exist");
        operator.push((seconds, report));
        let seconds = rounds.floor(options.services).await?;
        println!("round {number} floor:    {seconds:6.2} s");
        floor.push(seconds);
    }
    print_result(&operator, &floor);
    Ok(())
}

fn print_result(operator: &[(f64, Report)], floor: &[f64]) {
    let (seconds, floor_seconds) = (median(operator.iter().map(|(s, _)| *s)), median(floor.iter().copied()));
    let median_of = |figure: fn(&Report) -> f64| median(operator.iter().map(|(_, report)| figure(report)));
    println!("median: operator {seconds:.2} s, floor {floor_seconds:.2} s");
    println!(
        "median: peak {:.1} MiB, idle {:.1} MiB, CPU {:.2} s",
        median_of(|r| r.peak_mib),
        median_of(|r| r.idle_mib),
        median_of(|r| r.cpu_seconds)
    );
    let idle_writes: u64 = operator.iter().map(|(_, report)| report.idle_writes).sum();
    println!("writes while idle: {idle_writes} (target 0): {}", verdict(idle_writes == 0));
    let pairs: Vec<String> = operator.iter().zip(floor).map(|((s, _), floor)| format!("{:.2}", s / floor)).collect();
    println!("ratio of each round: {}", pairs.join(", "));
    let ratio = seconds / floor_seconds;
    println!("ratio operator/floor: {ratio:.2} (target ≤ {TARGET}): {}", verdict(ratio <= TARGET));
}

const fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "not met" }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() / 2 {
        _ if sorted.is_empty() => f64::NAN,
        middle if sorted.len() % 2 == 1 => sorted[middle],
        middle => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
