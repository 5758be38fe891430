//! Rounds of the operator and of the floor.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use devcluster::Cluster;
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;

use crate::load::{self, Children, child_kinds};
use crate::operator::{Operator, Report};
use crate::server;

/// Maximum number of concurrent requests, the default of the operator.
const CONCURRENCY: usize = 16;
/// Number of services of the warm-up.
const WARM_UP: u32 = 30;

/// Data that all rounds share.
pub struct Rounds<'a> {
    cluster: &'a Cluster,
    program: &'a Path,
    client: Client,
    desired_count: u32,
    children: Children,
}

impl<'a> Rounds<'a> {
    /// Warms the server up with both kinds of rounds, and reads the children for the floor.
    pub async fn prepare(cluster: &'a Cluster, program: &'a Path, desired_count: u32) -> Result<Self> {
        let client = cluster.client().await?;
        server::install_definitions(&client).await?;
        println!("warming up with {WARM_UP} services");
        let namespace = cluster.namespace("bench-warm-up").await?;
        let operator = Operator::start(program, cluster, &namespace).await?;
        create_roots(&client, &namespace, WARM_UP, desired_count).await?;
        await_children(&client, &namespace, WARM_UP).await?;
        operator.finish(0.0).await?;
        let children = Children::read(&client, &namespace, &load::name(0)).await?;
        let rounds = Self { cluster, program, client, desired_count, children };
        rounds.floor(WARM_UP).await?;
        Ok(rounds)
    }

    /// Returns the seconds from the first custom resource to the last child, and the figures of the operator.
    pub async fn operator(&self, services: u32) -> Result<(f64, Report)> {
        let namespace = self.fresh_namespace("bench-operator").await?;
        let mut operator = Operator::start(self.program, self.cluster, &namespace).await?;
        let started = Instant::now();
        tokio::try_join!(
            create_roots(&self.client, &namespace, services, self.desired_count),
            await_children(&self.client, &namespace, services)
        )?;
        let duration = started.elapsed();
        operator.check()?;
        let cpu_seconds = operator.cpu_seconds()?;
        Ok((duration.as_secs_f64(), operator.finish(cpu_seconds).await?))
    }

    /// Returns the seconds that a client needs to write the same objects.
    pub async fn floor(&self, services: u32) -> Result<f64> {
        let namespace = self.fresh_namespace("bench-floor").await?;
        let started = Instant::now();
        stream::iter((0..services).map(Ok::<_, anyhow::Error>))
            .try_for_each_concurrent(CONCURRENCY, |n| self.write_all(&namespace, n))
            .await?;
        let duration: Duration = started.elapsed();
        for resource in child_kinds() {
            let count = server::count(&self.client, &namespace, &resource).await?;
            ensure!(count == u64::from(services), "the floor created {count} objects of kind {}", resource.kind);
        }
        Ok(duration.as_secs_f64())
    }

    async fn write_all(&self, namespace: &str, n: u32) -> Result<()> {
        let name = load::name(n);
        let roots = load::write_roots(&self.client, namespace, &name, self.desired_count).await?;
        self.children.write(&self.client, namespace, &name, &roots).await
    }

    async fn fresh_namespace(&self, prefix: &str) -> Result<String> {
        server::await_idle(&self.client).await?;
        self.cluster.namespace(prefix).await
    }
}

async fn create_roots(client: &Client, namespace: &str, services: u32, desired_count: u32) -> Result<()> {
    let writes =
        (0..services).map(|n| async move { load::write_roots(client, namespace, &load::name(n), desired_count).await });
    stream::iter(writes).buffer_unordered(CONCURRENCY).try_for_each(|_| async { Ok(()) }).await
}

/// Waits for all children, one kind after another. Only the last one determines the duration.
async fn await_children(client: &Client, namespace: &str, services: u32) -> Result<()> {
    for resource in child_kinds() {
        server::await_count(client, namespace, &resource, services).await?;
    }
    Ok(())
}
