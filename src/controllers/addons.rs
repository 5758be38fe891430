//! What a cluster may or may not offer: the optional kinds of the table, drivers of storage, and rights on nodes.
//!
//! It is looked for when the operator starts and again every few minutes, so that an add-on can be installed, and a right be
//! given, at any time. What is missing turns a feature off, and the log says so once.

use crate::k8s::kinds::{Availability, ChildKind, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use kube::api::ApiResource;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::context::Context;
use super::fan_out::FanOut;
use super::kinds;
use super::start::{Wiring, watch_child};
use crate::kubernetes::discovery::{self, Rule};
use crate::translate::volumes::efs_volume_configuration;

/// How long one look may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// How soon it is looked again after a look that failed.
const RETRY: Duration = Duration::from_secs(5);

/// The drivers of storage that are asked for.
const DRIVERS: [&str; 1] = [efs_volume_configuration::DRIVER];

/// What the cluster offers at the moment.
pub(super) struct Addons(watch::Sender<Found>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    /// Whether there has been a complete look.
    looked: bool,
    kinds: BTreeSet<ChildKind>,
    drivers: BTreeSet<&'static str>,
    /// Whether the operator may label nodes.
    nodes: bool,
}

impl Addons {
    /// Nothing, until there has been a look.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Found::default()))
    }

    /// Whether the server has the kind, and the operator all rights on it.
    pub(super) fn has_kind(&self, kind: ChildKind) -> bool {
        self.0.borrow().kinds.contains(&kind)
    }

    /// Whether the cluster has a CSI driver of this name.
    pub(super) fn has_driver(&self, name: &str) -> bool {
        self.0.borrow().drivers.contains(name)
    }

    /// Whether the operator has the rights to watch and label nodes.
    pub(super) fn may_label_nodes(&self) -> bool {
        self.0.borrow().nodes
    }

    /// Waits for the first complete look, and gives the kinds that it found.
    pub(super) async fn looked(&self) -> BTreeSet<ChildKind> {
        let mut changes = self.0.subscribe();
        let found = changes.wait_for(|found| found.looked).await;
        found.map(|found| found.kinds.clone()).unwrap_or_default()
    }

    /// Takes note of what was found; whether that is news.
    fn note(&self, found: &Found) -> bool {
        self.0.send_if_modified(|known| {
            let changed = known != found;
            known.clone_from(found);
            changed
        })
    }
}

/// Looks every `interval` until the shutdown, and follows each optional kind from when it is found.
pub(super) async fn explore(wiring: Wiring, context: Arc<Context>, fan_out: FanOut, interval: Duration) {
    let shutdown = wiring.shutdown.clone();
    let work = async {
        let mut explorer = Explorer { wiring, told: BTreeMap::new() };
        let mut followed = BTreeSet::new();
        let mut watches: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
        loop {
            let known = context.addons.0.borrow().clone();
            let (found, complete) = attended(explorer.look(&known), &mut watches).await;
            for kind in found.kinds.iter().filter(|kind| followed.insert(**kind)) {
                watches.push(watch_child(&explorer.wiring, &context, &fan_out, *kind));
                watches.push(once_listed(Arc::clone(&context), fan_out.clone(), *kind).boxed());
            }
            if context.addons.note(&found) {
                fan_out.everything();
            }
            attended(sleep(if complete { interval } else { RETRY.min(interval) }), &mut watches).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(work).await;
}

/// Does something while the watches go on.
async fn attended<T>(work: impl Future<Output = T>, watches: &mut FuturesUnordered<BoxFuture<'static, ()>>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(()) = watches.next() => {}
        }
    }
}

/// Roots that were decided about without a kind are looked at again when its objects are known.
async fn once_listed(context: Arc<Context>, fan_out: FanOut, kind: ChildKind) {
    context.children.of(kind).wait_ready().await;
    fan_out.everything();
}

struct Explorer {
    wiring: Wiring,
    /// What the log says of each kind and driver, to say it once.
    told: BTreeMap<&'static str, String>,
}

impl Explorer {
    /// What there is, and whether every question was answered: for the others, what was known counts on.
    async fn look(&mut self, known: &Found) -> (Found, bool) {
        let mut found = Found { looked: known.looked, ..Found::default() };
        let mut complete = true;
        for kind in kinds::of_need(Availability::Optional) {
            let was_there = known.kinds.contains(&kind);
            let answer = timeout(DEADLINE, self.lack_of_kind(kind, was_there)).await;
            if self.judge(kind.info().cache_name, answer, was_there, &mut complete) {
                found.kinds.insert(kind);
            }
        }
        for driver in DRIVERS {
            let was_there = known.drivers.contains(driver);
            let answer = timeout(DEADLINE, self.lack_of_driver(driver)).await;
            if self.judge(driver, answer, was_there, &mut complete) {
                found.drivers.insert(driver);
            }
        }
        let answer = timeout(DEADLINE, self.lack_of_rights_on_nodes(known.nodes)).await;
        found.nodes = self.judge("Node", answer, known.nodes, &mut complete);
        found.looked |= complete;
        (found, complete)
    }

    fn judge<E>(
        &mut self,
        what: &'static str,
        answer: Result<kube::Result<Option<String>>, E>,
        was_there: bool,
        complete: &mut bool,
    ) -> bool {
        let Ok(Ok(lack)) = answer else {
            tracing::debug!(what, "the server did not say whether it is there");
            *complete = false;
            return was_there;
        };
        let said = lack.clone().unwrap_or_default();
        if self.told.insert(what, said.clone()).as_ref() != Some(&said) {
            if let Some(lack) = &lack {
                tracing::info!(what, "not used: {lack}");
            } else {
                tracing::info!(what, "found, and used from now on");
            }
        }
        lack.is_none()
    }

    /// What is missing of a kind; nothing when it can be used. Rights are asked for until they are there: later, a write says
    /// what is wrong.
    async fn lack_of_kind(&self, kind: ChildKind, was_there: bool) -> kube::Result<Option<String>> {
        let entry = kind.info();
        if !discovery::serves(&self.wiring.clients.write, entry.group, entry.version, entry.plural).await? {
            return Ok(Some(format!("the server has no API {} {}", entry.api_version(), entry.kind)));
        }
        if was_there { Ok(None) } else { self.lack_of_rights(kinds::of_kind(kind), entry.scope).await }
    }

    async fn lack_of_rights_on_nodes(&self, had_them: bool) -> kube::Result<Option<String>> {
        if had_them { Ok(None) } else { self.lack_of_rights(kinds::NODES, Scope::Cluster).await }
    }

    async fn lack_of_driver(&self, name: &str) -> kube::Result<Option<String>> {
        if let Some(lack) = self.lack_of_rights(kinds::CSI_DRIVERS, Scope::Cluster).await? {
            return Ok(Some(lack));
        }
        let resource = ApiResource::erase::<k8s_openapi::api::storage::v1::CSIDriver>(&());
        let there = discovery::exists(&self.wiring.clients.write, &resource, name).await?;
        Ok((!there).then(|| "the cluster has no such CSI driver".to_owned()))
    }

    async fn lack_of_rights(&self, rule: Rule<'static>, scope: Scope) -> kube::Result<Option<String>> {
        let namespace = self.wiring.namespace.as_deref().filter(|_| scope == Scope::Namespace);
        let missing = discovery::missing_rights(&self.wiring.clients.write, namespace, &[rule]).await?;
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        Ok((!missing.is_empty()).then(|| format!("the operator lacks rights: {}", missing.join("; "))))
    }
}
