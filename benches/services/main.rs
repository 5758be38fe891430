//! How fast, how big and how quiet the operator is with many services, against a floor measured in the same run.
//!
//! An operator round creates a `TaskDefinition` and a `Service` for each of the services and ends when each has its
//! ControllerRevision, Deployment and core Service. A floor round writes the same objects, children included, straight
//! from a small client. Both do 16 things at once, each in a fresh namespace of one control plane without nodes, with
//! Kubernetes' own controllers at work on what was written. The two alternate, and each waits until the control plane
//! has done all that follows from the round before.
//!
//! What is slow is told and is no failure: the exit code is 0 unless something broke.

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

/// What the operator may take, as a multiple of the floor.
const TARGET: f64 = 1.5;

/// Speed, memory and writes of the operator with many services.
#[derive(Debug, Parser)]
struct Options {
    /// How many services.
    #[arg(long, env = "BENCH_SERVICES", default_value_t = 300, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=5000))]
    services: u32,
    /// How many rounds of each of the two.
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 3, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many tasks each service wants. Without nodes they stay pending.
    #[arg(long, env = "BENCH_DESIRED_COUNT", default_value_t = 1, value_name = "N")]
    desired_count: u32,
    /// The operator to measure, to compare one build with another.
    #[arg(long, env = "BENCH_OPERATOR", default_value = env!("CARGO_BIN_EXE_ecs-operator"), value_name = "FILE")]
    operator: PathBuf,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark broke: {error:?}");
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
        ensure!(report.settled, "the operator still writes long after all its children are there");
        operator.push((seconds, report));
        let seconds = rounds.floor(options.services).await?;
        println!("round {number} floor:    {seconds:6.2} s");
        floor.push(seconds);
    }
    conclude(&operator, &floor);
    Ok(())
}

fn conclude(operator: &[(f64, Report)], floor: &[f64]) {
    let (ours, least) = (median(operator.iter().map(|(s, _)| *s)), median(floor.iter().copied()));
    let of = |figure: fn(&Report) -> f64| median(operator.iter().map(|(_, report)| figure(report)));
    println!("median: operator {ours:.2} s, floor {least:.2} s");
    println!(
        "median: peak {:.1} MiB, at rest {:.1} MiB, CPU {:.2} s",
        of(|r| r.peak_mib),
        of(|r| r.resting_mib),
        of(|r| r.cpu_seconds)
    );
    let restless: u64 = operator.iter().map(|(_, report)| report.writes_at_rest).sum();
    println!("writes at rest: {restless} (target 0): {}", verdict(restless == 0));
    let pairs: Vec<String> = operator.iter().zip(floor).map(|((s, _), floor)| format!("{:.2}", s / floor)).collect();
    println!("ratio of each round: {}", pairs.join(", "));
    let ratio = ours / least;
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
