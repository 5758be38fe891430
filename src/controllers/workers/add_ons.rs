//! Detects add-ons: optional kinds, storage drivers, and the rights on nodes.
//!
//! The detection runs at the start and every few minutes, so that an add-on can be installed, or a right be granted,
//! at any time. A missing add-on turns a feature off and is logged once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use kube::api::ApiResource;
use tokio::time::{sleep, timeout};

use crate::controllers::state::add_ons::Detected;
use crate::controllers::state::context::Context;
use crate::controllers::wiring::fan_out::FanOut;
use crate::controllers::wiring::watches::{self, WatchDeps};
use crate::controllers::{resources, rights};
use crate::k8s::kinds::{Availability, ChildKind, Scope};
use crate::kubernetes::discovery::{self, Rule};
use crate::translate::volumes::efs_volume_configuration;

/// Maximum duration of one check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);
/// Time until the next detection after an incomplete one.
const RETRY: Duration = Duration::from_secs(5);

/// CSI drivers that are detected.
const CSI_DRIVERS: [&str; 1] = [efs_volume_configuration::DRIVER];

/// Detects add-ons every `interval` until the shutdown, and starts the watch on each optional kind once it is detected.
pub(crate) async fn run(deps: WatchDeps, context: Arc<Context>, fan_out: FanOut, interval: Duration) {
    let shutdown = deps.shutdown.clone();
    let work = async {
        let mut detector = Detector { deps, logged: BTreeMap::new() };
        let mut started = BTreeSet::new();
        let mut watches: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
        loop {
            let last = context.add_ons.detected();
            let (detected, complete) = with_watches(detector.detect(&last), &mut watches).await;
            for kind in detected.kinds.iter().filter(|kind| started.insert(**kind)) {
                watches.push(watches::children(&detector.deps, &context, &fan_out, *kind));
                watches.push(reconcile_once_listed(Arc::clone(&context), fan_out.clone(), *kind).boxed());
            }
            if context.add_ons.set(&detected) {
                fan_out.add_ons_changed();
            }
            with_watches(sleep(if complete { interval } else { RETRY.min(interval) }), &mut watches).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(work).await;
}

/// Runs `work` together with the watches.
async fn with_watches<T>(work: impl Future<Output = T>, watches: &mut FuturesUnordered<BoxFuture<'static, ()>>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(()) = watches.next() => {}
        }
    }
}

/// Reconciles all custom resources once the list of a kind is complete, as earlier decisions were made without it.
async fn reconcile_once_listed(context: Arc<Context>, fan_out: FanOut, kind: ChildKind) {
    context.children.get(kind).wait_ready().await;
    fan_out.add_ons_changed();
}

struct Detector {
    deps: WatchDeps,
    /// Last message about each kind and driver, so that it is logged once.
    logged: BTreeMap<&'static str, String>,
}

impl Detector {
    /// Returns the detected features, and true if every check was completed. For the others, the last result is kept.
    async fn detect(&mut self, last: &Detected) -> (Detected, bool) {
        let mut detected = Detected { complete: last.complete, ..Detected::default() };
        let mut complete = true;
        for kind in resources::children_with(Availability::Optional) {
            let was_there = last.kinds.contains(&kind);
            let answer = timeout(CHECK_TIMEOUT, self.problem_with_kind(kind, was_there)).await;
            if self.is_usable(kind.info().cache_name, answer, was_there, &mut complete) {
                detected.kinds.insert(kind);
            }
        }
        for driver in CSI_DRIVERS {
            let was_there = last.drivers.contains(driver);
            let answer = timeout(CHECK_TIMEOUT, self.problem_with_driver(driver)).await;
            if self.is_usable(driver, answer, was_there, &mut complete) {
                detected.drivers.insert(driver);
            }
        }
        let answer = timeout(CHECK_TIMEOUT, self.missing_rights_on_nodes(last.nodes)).await;
        detected.nodes = self.is_usable("Node", answer, last.nodes, &mut complete);
        detected.complete |= complete;
        (detected, complete)
    }

    /// Evaluates and logs the result of a check.
    fn is_usable<E>(
        &mut self,
        what: &'static str,
        answer: Result<kube::Result<Option<String>>, E>,
        was_there: bool,
        complete: &mut bool,
    ) -> bool {
        let Ok(Ok(problem)) = answer else {
            tracing::debug!(what, "the check was not completed; keeping the last result");
            *complete = false;
            return was_there;
        };
        let message = problem.clone().unwrap_or_default();
        if self.logged.insert(what, message.clone()).as_ref() != Some(&message) {
            if let Some(problem) = &problem {
                tracing::info!(what, "not used: {problem}");
            } else {
                tracing::info!(what, "detected");
            }
        }
        problem.is_none()
    }

    /// Returns why a kind cannot be used; `None` if it can. Rights are checked until they are granted; failed writes
    /// report later changes.
    async fn problem_with_kind(&self, kind: ChildKind, was_there: bool) -> kube::Result<Option<String>> {
        let info = kind.info();
        if !discovery::serves(&self.deps.clients.write, info.group, info.version, info.plural).await? {
            return Ok(Some(format!("the server has no API {} {}", info.api_version(), info.kind)));
        }
        if was_there { Ok(None) } else { self.missing_rights(rights::child_rule(kind), info.scope).await }
    }

    async fn missing_rights_on_nodes(&self, had_them: bool) -> kube::Result<Option<String>> {
        if had_them { Ok(None) } else { self.missing_rights(rights::NODES, Scope::Cluster).await }
    }

    async fn problem_with_driver(&self, name: &str) -> kube::Result<Option<String>> {
        if let Some(problem) = self.missing_rights(rights::CSI_DRIVERS, Scope::Cluster).await? {
            return Ok(Some(problem));
        }
        let resource = ApiResource::erase::<k8s_openapi::api::storage::v1::CSIDriver>(&());
        let exists = discovery::exists(&self.deps.clients.write, &resource, name).await?;
        Ok((!exists).then(|| "the CSI driver is not installed".to_owned()))
    }

    async fn missing_rights(&self, rule: Rule<'static>, scope: Scope) -> kube::Result<Option<String>> {
        let namespace = self.deps.namespace.as_deref().filter(|_| scope == Scope::Namespace);
        let missing = discovery::missing_rights(&self.deps.clients.write, namespace, &[rule]).await?;
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        Ok((!missing.is_empty()).then(|| format!("the operator lacks rights: {}", missing.join("; "))))
    }
}
