//! One round of each: the operator's, and the floor's.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use devcluster::Cluster;
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;

use crate::load::{self, Children, child_kinds};
use crate::operator::{Operator, Report};
use crate::server;

/// How many requests of a client are under way at once; the operator's own default too.
const CONCURRENCY: usize = 16;
/// Enough services to warm the server up.
const WARM_UP: u32 = 30;

/// What all rounds share.
pub struct Rounds<'a> {
    cluster: &'a Cluster,
    program: &'a Path,
    client: Client,
    desired_count: u32,
    children: Children,
}

impl<'a> Rounds<'a> {
    /// Warms the server up with both, which also gives the children of the floor.
    pub async fn prepare(cluster: &'a Cluster, program: &'a Path, desired_count: u32) -> Result<Self> {
        let client = cluster.client().await?;
        server::install_definitions(&client).await?;
        println!("warming up with {WARM_UP} services");
        let namespace = cluster.namespace("bench-warm-up").await?;
        let operator = Operator::start(program, cluster, &namespace).await?;
        create_roots(&client, &namespace, WARM_UP, desired_count).await?;
        await_children(&client, &namespace, WARM_UP).await?;
        operator.finish(0.0).await?;
        let children = Children::of(&client, &namespace, &load::name(0)).await?;
        let rounds = Self { cluster, program, client, desired_count, children };
        rounds.floor(WARM_UP).await?;
        Ok(rounds)
    }

    /// Seconds from the first custom resource to the last child, and what the operator spent.
    pub async fn operator(&self, services: u32) -> Result<(f64, Report)> {
        let namespace = self.fresh_namespace("bench-operator").await?;
        let mut operator = Operator::start(self.program, self.cluster, &namespace).await?;
        let started = Instant::now();
        tokio::try_join!(
            create_roots(&self.client, &namespace, services, self.desired_count),
            await_children(&self.client, &namespace, services)
        )?;
        let took = started.elapsed();
        operator.check()?;
        let cpu_seconds = operator.cpu_seconds()?;
        Ok((took.as_secs_f64(), operator.finish(cpu_seconds).await?))
    }

    /// Seconds to write the same objects directly.
    pub async fn floor(&self, services: u32) -> Result<f64> {
        let namespace = self.fresh_namespace("bench-floor").await?;
        let started = Instant::now();
        stream::iter((0..services).map(Ok::<_, anyhow::Error>))
            .try_for_each_concurrent(CONCURRENCY, |n| self.write_all(&namespace, n))
            .await?;
        let took: Duration = started.elapsed();
        for resource in child_kinds() {
            let found = server::count_of(&self.client, &namespace, &resource).await?;
            ensure!(found == u64::from(services), "the floor made {found} objects {}", resource.kind);
        }
        Ok(took.as_secs_f64())
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

/// Kinds one after the other: when the last kind is complete, the time of the others no longer matters.
async fn await_children(client: &Client, namespace: &str, services: u32) -> Result<()> {
    for resource in child_kinds() {
        server::await_count(client, namespace, &resource, services).await?;
    }
    Ok(())
}
