//! The operator as a separate process, with figures from `/proc` and from its metrics.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use devcluster::{Cluster, wait_for};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Timeout of every wait.
const PATIENCE: Duration = Duration::from_mins(3);
/// Time without a write after which the operator has settled, and duration of the following measurement.
const QUIET: Duration = Duration::from_secs(5);
/// Resolution of the processor times in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running operator.
pub struct Operator {
    process: Child,
    address: SocketAddr,
    logs: TempDir,
}

/// Figures of one operator.
pub struct Report {
    /// True if the operator stopped writing.
    pub settled: bool,
    /// Maximum memory.
    pub peak_mib: f64,
    /// Memory after the operator has settled.
    pub idle_mib: f64,
    /// Processor time until all children exist.
    pub cpu_seconds: f64,
    /// Processor time until the operator has settled.
    pub settled_cpu_seconds: f64,
    /// Writes by kind and result.
    pub writes: BTreeMap<String, u64>,
    /// Reconciles by controller and result.
    pub reconciles: BTreeMap<String, u64>,
    /// Writes after the operator has settled.
    pub idle_writes: u64,
}

impl Report {
    /// Prints the figures of a round.
    pub fn print(&self) {
        let Self { peak_mib, idle_mib, cpu_seconds, settled_cpu_seconds, .. } = self;
        println!("  memory: peak {peak_mib:.1} MiB, idle {idle_mib:.1} MiB");
        println!("  CPU: {cpu_seconds:.2} s until all children exist, {settled_cpu_seconds:.2} s until settled");
        println!("  writes until settled: {}", list(&self.writes));
        println!("  reconciles until settled: {}", list(&self.reconciles));
        println!("  writes in {} s while idle: {}", QUIET.as_secs(), self.idle_writes);
    }
}

fn list(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

impl Operator {
    /// Starts an operator for a namespace and waits until its caches are complete.
    pub async fn start(program: &Path, cluster: &Cluster, namespace: &str) -> Result<Self> {
        let logs = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(program)
            .args(["run", "--namespace", namespace, "--listen", &address.to_string(), "--kubeconfig"])
            .arg(cluster.kubeconfig_path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(logs.path().join("log"))?)
            .kill_on_drop(true)
            .spawn()?;
        let mut operator = Self { process, address, logs };
        wait_for("the operator's readiness", PATIENCE, async || {
            Ok(operator.get("/readyz").is_ok_and(|response| response.contains("ready\n")).then_some(()))
        })
        .await?;
        operator.check()?;
        Ok(operator)
    }

    /// Fails if the operator has ended.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the operator ended: {status}\n{}", tail(&self.logs.path().join("log")));
        }
        Ok(())
    }

    /// Returns the processor time since the start, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = self.proc("stat")?;
        // The name of the program comes first, in brackets, and may contain any character.
        let (_, numbers) = stat.rsplit_once(')').context("/proc/PID/stat without a name")?;
        let ticks = numbers.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
    }

    /// Waits until the operator has settled, measures its idle writes and stops it.
    pub async fn finish(mut self, cpu_seconds: f64) -> Result<Report> {
        let settled = self.settle().await?;
        let (writes, settled_cpu_seconds) = (self.counts("apply_total", ["kind", "result"])?, self.cpu_seconds()?);
        let before = self.written()?;
        sleep(QUIET).await;
        let report = Report {
            settled,
            peak_mib: self.memory("VmHWM")?,
            idle_mib: self.memory("VmRSS")?,
            cpu_seconds,
            settled_cpu_seconds,
            writes,
            reconciles: self.counts("reconcile_total", ["controller", "result"])?,
            idle_writes: self.written()? - before,
        };
        self.stop().await?;
        Ok(report)
    }

    async fn settle(&mut self) -> Result<bool> {
        let started = Instant::now();
        let (mut last, mut since) = (self.written()?, Instant::now());
        while started.elapsed() < PATIENCE {
            sleep(Duration::from_millis(500)).await;
            self.check()?;
            let written = self.written()?;
            if written != last {
                (last, since) = (written, Instant::now());
            } else if since.elapsed() >= QUIET {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stops the operator by SIGTERM and checks its exit code.
    async fn stop(mut self) -> Result<()> {
        let id = self.process.id().context("the operator has ended already")?;
        let kill = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        ensure!(kill.success(), "cannot send SIGTERM to the operator");
        let status = timeout(PATIENCE, self.process.wait()).await.context("the operator does not stop")??;
        ensure!(status.success(), "the operator stopped with {status}\n{}", tail(&self.logs.path().join("log")));
        Ok(())
    }

    /// Returns the number of requests that changed an object.
    fn written(&self) -> Result<u64> {
        let counts = self.counts("apply_total", ["kind", "result"])?;
        Ok(counts.iter().filter(|(name, _)| name.ends_with("written")).map(|(_, count)| count).sum())
    }

    /// Returns the values of a counter, by the values of its labels.
    fn counts(&self, metric: &str, labels: [&str; 2]) -> Result<BTreeMap<String, u64>> {
        let scrape = self.get("/metrics")?;
        let prefix = format!("ecs_operator_{metric}{{");
        let lines = scrape.lines().filter_map(|line| line.strip_prefix(&prefix)?.rsplit_once("} "));
        lines
            .map(|(series, count)| {
                let value = |label: &str| series.split(&format!("{label}=\"")).nth(1)?.split('"').next();
                let name = labels.map(|label| value(label).unwrap_or("?")).join(" ");
                Ok((name, count.parse()?))
            })
            .collect()
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut connection = TcpStream::connect(self.address)?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(connection, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut response = String::new();
        connection.read_to_string(&mut response)?;
        let status = response.lines().next().unwrap_or("nothing");
        ensure!(response.starts_with("HTTP/1.0 200"), "{path} returned {status}");
        Ok(response)
    }

    fn memory(&self, field: &str) -> Result<f64> {
        let status = self.proc("status")?;
        let line =
            status.lines().find_map(|line| line.strip_prefix(field)).context("/proc/PID/status lacks a field")?;
        let kib: f64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
        Ok(kib / 1024.0)
    }

    fn proc(&self, file: &str) -> Result<String> {
        let id = self.process.id().context("the operator has ended")?;
        Ok(fs::read_to_string(format!("/proc/{id}/{file}"))?)
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
