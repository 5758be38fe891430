//! Capacity providers, launch types and the cluster → the nodes on which the tasks of a service may run.
//!
//! A provider selects nodes by labels. The labels are taken from the Cluster, else from the `CapacityProvider` of that name,
//! else from a label with the name of the provider. `FARGATE` and `FARGATE_SPOT` may be undeclared, and then select every
//! node of the cluster.

pub mod capacity_provider_strategy;
pub mod field_verdicts;
pub mod provider;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{CapacityNodes, CapacityProviderSpec, ClusterKubernetes, Toleration, labels};
use crate::ecs::arn;
use crate::ecs::capacity::{EffectiveStrategy, FARGATE, FARGATE_SPOT, Strategy, StrategySource, is_fargate};
use crate::k8s::names;
use crate::translate::capacity::capacity_provider_strategy::ProviderShare;
use crate::translate::placement::terms::Terms;

pub use capacity_provider_strategy::{Assignment, ProviderAllocation};
pub use field_verdicts::{record_cluster, record_service};
pub use provider::{findings, record as record_provider};

/// Nodes on which tasks may run, by labels and taints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Labels of every node.
    selector: BTreeMap<String, String>,
    /// Alternative groups of labels: each node has one of them. Empty without alternatives.
    groups: Vec<BTreeMap<String, String>>,
    /// Taints that all tasks tolerate.
    tolerations: Vec<Toleration>,
    /// Allocation of tasks to providers, if the operator assigns them.
    allocation: Option<ProviderAllocation>,
}

/// A named provider that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider is not defined.
    #[error(
        "capacity provider {0} not found: there is no valid CapacityProvider {object} in this namespace, and \
         kubernetes.capacityProviders of the Cluster has no entry for it",
        object = object_name(.0)
    )]
    NotFound(String),
    /// The cluster does not list the provider.
    #[error("capacity provider {0} is not among the capacityProviders of the cluster")]
    NotInCluster(String),
    /// The provider belongs to another cluster.
    #[error("capacity provider {0} belongs to the cluster {1}")]
    InOtherCluster(String, String),
}

/// The capacity providers of a cluster and their nodes.
#[derive(Clone, Copy, Debug)]
pub struct ProviderCatalog<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// `kubernetes` block of the Cluster.
    pub nodes: Option<&'a ClusterKubernetes>,
    /// Providers that the cluster lists. If empty, any provider may be used.
    pub cluster_providers: &'a [String],
    /// Valid `CapacityProvider`s, by object name.
    pub providers: &'a BTreeMap<String, CapacityProviderSpec>,
    /// True if the operator assigns tasks to providers. A daemon has a task on each node of every provider instead.
    pub allocates: bool,
}

impl Capacity {
    /// Resolves the nodes of a strategy.
    ///
    /// # Errors
    /// Returns an error if the strategy names a provider that cannot be used.
    pub fn resolve(effective: &EffectiveStrategy, catalog: &ProviderCatalog<'_>) -> Result<Self, ProviderError> {
        let EffectiveStrategy::Providers { source, items } = effective else {
            return Ok(Self::from_cluster(catalog.nodes));
        };
        let nodes = items.iter().map(|item| catalog.find(&item.capacity_provider, *source));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let strategy = Strategy::new(items);
        let used = nodes.iter().enumerate().filter(|(position, _)| strategy.is_used(*position)).map(|(_, nodes)| nodes);
        let groups: BTreeSet<_> = used.clone().map(|nodes| &nodes.node_selector).collect();
        let cluster = Self::from_cluster(catalog.nodes);
        if groups.len() < 2 || !catalog.allocates {
            return Ok(cluster.restrict(used.cloned()));
        }
        let shares = items.iter().cloned().zip(nodes).map(|(item, nodes)| ProviderShare { item, nodes });
        Ok(cluster.allocate(ProviderAllocation::new(shares.collect())))
    }

    /// Leaves the labels and tolerations of providers to the allocation, which assigns one provider to each task. Labels of
    /// the cluster that a provider overrides move to the allocation, as a Pod cannot override its template.
    fn allocate(mut self, allocation: ProviderAllocation) -> Self {
        let overridable = self.take_labels(&allocation.keys());
        Self { allocation: Some(allocation.with_default(&overridable)), ..self }
    }

    /// Removes the labels with these keys from the selector and returns them.
    fn take_labels(&mut self, keys: &BTreeSet<String>) -> BTreeMap<String, String> {
        let (taken, left) = std::mem::take(&mut self.selector).into_iter().partition(|(key, _)| keys.contains(key));
        self.selector = left;
        taken
    }

    /// Resolves the nodes of a strategy for plain manifests. The nodes of an undeclared provider are assumed to have the
    /// label with its name.
    #[must_use]
    pub fn resolve_or_assume(effective: &EffectiveStrategy, catalog: &ProviderCatalog<'_>) -> Self {
        let EffectiveStrategy::Providers { items, .. } = effective else { return Self::from_cluster(catalog.nodes) };
        let strategy = Strategy::new(items);
        let used = items.iter().enumerate().filter(|(position, _)| strategy.is_used(*position));
        let nodes = used.map(|(_, item)| {
            let name = &item.capacity_provider;
            catalog.declared(name).unwrap_or_else(|| with_default_label(name, CapacityNodes::default()))
        });
        Self::from_cluster(catalog.nodes).restrict(nodes)
    }

    /// Returns all nodes of a cluster.
    #[must_use]
    pub fn from_cluster(cluster: Option<&ClusterKubernetes>) -> Self {
        let (selector, tolerations) =
            cluster.map(|it| (it.node_selector.clone(), it.tolerations.clone())).unwrap_or_default();
        Self { selector, tolerations, ..Self::default() }
    }

    /// Restricts the nodes to those of any of the providers.
    fn restrict(mut self, providers: impl Iterator<Item = CapacityNodes>) -> Self {
        let mut groups: Vec<BTreeMap<String, String>> = Vec::new();
        for nodes in providers {
            for toleration in nodes.tolerations {
                if !self.tolerations.contains(&toleration) {
                    self.tolerations.push(toleration);
                }
            }
            if !groups.contains(&nodes.node_selector) {
                groups.push(nodes.node_selector);
            }
        }
        if let [only] = groups.as_slice() {
            self.selector.extend(only.clone());
            return self;
        }
        // The labels of a provider take precedence over those of the cluster.
        let overridable = self.take_labels(&groups.iter().flat_map(BTreeMap::keys).cloned().collect());
        let groups = groups.into_iter().map(|group| overridable.clone().into_iter().chain(group).collect());
        self.groups = groups.collect();
        self
    }

    /// Returns the labels that a node must have.
    pub(super) fn selector(&self) -> &BTreeMap<String, String> {
        &self.selector
    }

    /// Returns the tolerations of the tasks.
    pub(super) fn tolerations(&self) -> &[Toleration] {
        &self.tolerations
    }

    /// Returns the allocation of tasks to providers; `None` if all tasks have the same nodes.
    pub(super) fn allocation(&self) -> Option<&ProviderAllocation> {
        self.allocation.as_ref()
    }

    /// Returns the alternative nodes as node affinity terms. The labels of `selector`, the node selector of the Pod, take
    /// precedence. Terms are unconditional where the operator allocates tasks, as each task gets one provider.
    pub(super) fn terms(&self, selector: &BTreeMap<String, String>) -> Terms {
        let groups = self.groups.iter().map(|group| {
            let labels = group.iter().filter(|(key, _)| !selector.contains_key(*key));
            labels.map(|(key, value)| (key.clone(), value.clone())).collect()
        });
        let mut terms = groups.map(|labels| Terms::with_labels(&labels));
        let Some(first) = terms.next() else { return Terms::always() };
        // A strategy has at most 20 providers, which is below the limit of terms.
        terms.fold(first, |all, group| all.or(&group).unwrap_or(all))
    }
}

impl ProviderCatalog<'_> {
    fn find(&self, name: &str, source: StrategySource) -> Result<CapacityNodes, ProviderError> {
        let is_associated =
            self.cluster_providers.is_empty() || self.cluster_providers.iter().any(|other| other == name);
        // The default strategy is validated with the cluster.
        if source == StrategySource::Strategy && !is_associated {
            return Err(ProviderError::NotInCluster(name.to_owned()));
        }
        let object = self.providers.get(&object_name(name));
        if let Some(owner) = object.and_then(|spec| spec.ecs.cluster.as_deref()) {
            let owner = arn::cluster_name(Some(owner));
            if owner != arn::cluster_name(Some(self.cluster)) {
                return Err(ProviderError::InOtherCluster(name.to_owned(), owner.to_owned()));
            }
        }
        self.declared(name).ok_or_else(|| ProviderError::NotFound(name.to_owned()))
    }

    fn declared(&self, name: &str) -> Option<CapacityNodes> {
        let in_cluster = self.nodes.and_then(|cluster| cluster.capacity_providers.get(name)).cloned();
        let nodes = in_cluster
            .or_else(|| Some(self.providers.get(&object_name(name))?.kubernetes.clone().unwrap_or_default()))
            .or_else(|| is_fargate(name).then(CapacityNodes::default))?;
        Some(with_default_label(name, nodes))
    }
}

/// Returns the name of the `CapacityProvider` object of a provider. `FARGATE` and `FARGATE_SPOT` map to `fargate` and
/// `fargate-spot`, which ECS allows for no other provider.
#[must_use]
pub fn object_name(provider: &str) -> String {
    match provider {
        FARGATE => "fargate".to_owned(),
        FARGATE_SPOT => "fargate-spot".to_owned(),
        other => names::object_name(other),
    }
}

/// Returns the ECS name of the provider that a `CapacityProvider` with this object name defines.
#[must_use]
pub fn provider_name<'a>(spec: &'a CapacityProviderSpec, object: &'a str) -> &'a str {
    let fargate = [FARGATE, FARGATE_SPOT].into_iter().find(|provider| object_name(provider) == object);
    spec.ecs.name.as_deref().or(fargate).unwrap_or(object)
}

/// Returns the nodes of a `CapacityProvider` with this object name.
#[must_use]
pub fn provider_nodes(spec: &CapacityProviderSpec, object: &str) -> CapacityNodes {
    with_default_label(provider_name(spec, object), spec.kubernetes.clone().unwrap_or_default())
}

/// Selects nodes by the label with the provider's name if `nodes` has no selector.
fn with_default_label(name: &str, mut nodes: CapacityNodes) -> CapacityNodes {
    if nodes.node_selector.is_empty() && !is_fargate(name) {
        nodes.node_selector.insert(labels::CAPACITY_PROVIDER.to_owned(), names::label_value(name));
    }
    nodes
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ecs::common::LaunchType;

    const OBJECT: &str = "spot-group";

    fn resolve(strategy: Value, cluster: Value) -> Result<Capacity, ProviderError> {
        resolve_with(strategy, cluster, true)
    }

    fn resolve_with(strategy: Value, cluster: Value, allocates: bool) -> Result<Capacity, ProviderError> {
        let items: Vec<_> = serde_json::from_value(strategy).unwrap();
        let cluster: ClusterKubernetes = serde_json::from_value(cluster).unwrap();
        let providers = json!({
            OBJECT: {"kubernetes": {"nodeSelector": {"pool": "spot"}}},
            "gpu": {},
            "foreign": {"cluster": "other"},
        });
        let providers = serde_json::from_value(providers).unwrap();
        let catalog = ProviderCatalog {
            cluster: "prod",
            nodes: Some(&cluster),
            cluster_providers: &[],
            providers: &providers,
            allocates,
        };
        Capacity::resolve(&EffectiveStrategy::resolve(&items, None, &[]), &catalog)
    }

    fn only(name: &str) -> Value {
        json!([{"capacityProvider": name}])
    }

    fn selector(strategy: Value, cluster: Value) -> Value {
        serde_json::to_value(resolve(strategy, cluster).unwrap().selector()).unwrap()
    }

    #[test]
    fn a_provider_selects_nodes_by_labels() {
        let nodes = json!({"nodeSelector": {"team": "shop"}, "capacityProviders": {
            "FARGATE_SPOT": {"nodeSelector": {"karpenter.sh/capacity-type": "spot"}},
            "Spot_Group": {"nodeSelector": {"pool": "of-cluster"}}}});
        let cases = [
            (json!([]), json!({}), json!({})),
            (json!([]), nodes.clone(), json!({"team": "shop"})),
            (only("FARGATE"), nodes.clone(), json!({"team": "shop"})),
            (only("FARGATE_SPOT"), json!({}), json!({})),
            (only("FARGATE_SPOT"), nodes.clone(), json!({"team": "shop", "karpenter.sh/capacity-type": "spot"})),
            (only("spot-group"), json!({}), json!({"pool": "spot"})),
            (only("Spot_Group"), nodes, json!({"team": "shop", "pool": "of-cluster"})),
            (only("gpu"), json!({}), json!({"ecs-operator.dev/capacity-provider": "gpu"})),
        ];
        for (strategy, cluster, expected) in cases {
            assert_eq!(selector(strategy.clone(), cluster), expected, "{strategy}");
        }
    }

    #[test]
    fn capacity_provider_objects_can_define_the_nodes_of_fargate_spot() {
        let spec: CapacityProviderSpec =
            serde_json::from_value(json!({"kubernetes": {"nodeSelector": {"spot": "yes"}}})).unwrap();
        assert_eq!(provider_name(&spec, "fargate-spot"), FARGATE_SPOT);
        assert_eq!(provider_name(&spec, "gpu"), "gpu");
        let providers = BTreeMap::from([(object_name(FARGATE_SPOT), spec)]);
        let catalog = ProviderCatalog {
            cluster: "prod",
            nodes: None,
            cluster_providers: &[],
            providers: &providers,
            allocates: true,
        };
        let items: Vec<_> = serde_json::from_value(only(FARGATE_SPOT)).unwrap();
        let capacity = Capacity::resolve(&EffectiveStrategy::resolve(&items, None, &[]), &catalog).unwrap();
        assert_eq!(capacity.selector().get("spot").map(String::as_str), Some("yes"));
    }

    #[test]
    fn providers_without_base_and_weight_are_ignored() {
        let spot_and_gpu = |gpu_weight| json!([{"capacityProvider": "spot-group", "weight": 1}, {"capacityProvider": "gpu", "weight": gpu_weight}]);
        assert_eq!(selector(spot_and_gpu(0), json!({})), json!({"pool": "spot"}));
        let both = resolve(spot_and_gpu(2), json!({})).unwrap();
        assert!(both.allocation().is_some() && both.terms(&BTreeMap::new()).is_always());
        let both = resolve_with(spot_and_gpu(2), json!({}), false).unwrap();
        assert_eq!(terms(&both, &[]), ["ecs-operator.dev/capacity-provider=gpu", "pool=spot"]);
        assert_eq!(both.selector(), &BTreeMap::new());
    }

    fn to_map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// Renders the node affinity terms of a Pod with this node selector, as `key=value|value,key=value`.
    fn terms(capacity: &Capacity, selector: &[(&str, &str)]) -> Vec<String> {
        let terms = capacity.terms(&to_map(selector)).selector().map(|it| it.node_selector_terms).unwrap_or_default();
        let lines = terms.into_iter().map(|term| {
            let requirements = term.match_expressions.unwrap_or_default().into_iter();
            requirements
                .map(|it| format!("{}={}", it.key, it.values.unwrap_or_default().join("|")))
                .collect::<Vec<_>>()
                .join(",")
        });
        lines.collect()
    }

    #[test]
    fn labels_of_a_provider_override_those_of_the_cluster_in_a_node_affinity() {
        let strategy =
            json!([{"capacityProvider": "spot-group", "weight": 1}, {"capacityProvider": "FARGATE", "weight": 1}]);
        let all = resolve_with(strategy, json!({"nodeSelector": {"pool": "shop", "team": "shop"}}), false).unwrap();
        assert_eq!(all.selector().keys().collect::<Vec<_>>(), ["team"]);
        assert_eq!(terms(&all, &[]), ["pool=shop", "pool=spot"]);
        assert_eq!(terms(&all, &[("pool", "of-task")]), [""; 0], "the node selector of the task takes precedence");
    }

    #[test]
    fn labels_of_a_provider_override_those_of_the_cluster_in_an_allocation() {
        let strategy =
            json!([{"capacityProvider": "spot-group", "weight": 1}, {"capacityProvider": "gpu", "weight": 1}]);
        let capacity = resolve(strategy, json!({"nodeSelector": {"pool": "shop", "team": "shop"}})).unwrap();
        assert_eq!(capacity.selector().keys().collect::<Vec<_>>(), ["team"]);
        let pools = |selector: &[(&str, &str)]| {
            let allocation = capacity.allocation().unwrap().without_labels(&to_map(selector));
            [BTreeSet::new(), BTreeSet::from([1])]
                .map(|taken| allocation.next(&taken).unwrap().node_selector.remove("pool"))
        };
        assert_eq!(pools(&[]), [Some("spot".to_owned()), Some("shop".to_owned())]);
        assert_eq!(pools(&[("pool", "of-task")]), [None, None]);
    }

    #[test]
    fn a_provider_of_all_nodes_adds_no_node_affinity() {
        let strategy =
            json!([{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
        let spot = json!({"nodeSelector": {"spot": "true"}, "tolerations": [{"key": "spot"}]});
        let capacity = resolve(strategy, json!({"capacityProviders": {"FARGATE_SPOT": spot}})).unwrap();
        assert!(capacity.terms(&BTreeMap::new()).is_always() && capacity.selector().is_empty());
        assert_eq!(capacity.tolerations(), [], "tasks of the other provider do not tolerate the taints of this one");
        let allocation = capacity.allocation().unwrap();
        let tolerations =
            [BTreeSet::new(), BTreeSet::from([1])].map(|taken| allocation.next(&taken).unwrap().tolerations);
        assert_eq!(tolerations.map(|it| it.len()), [0, 1]);
    }

    #[test]
    fn an_unknown_or_foreign_provider_is_an_error() {
        assert_eq!(resolve(only("none"), json!({})), Err(ProviderError::NotFound("none".into())));
        let foreign = ProviderError::InOtherCluster("foreign".into(), "other".into());
        assert_eq!(resolve(only("foreign"), json!({})), Err(foreign));
        let catalog = ProviderCatalog {
            cluster: "prod",
            nodes: None,
            cluster_providers: &["FARGATE".to_owned()],
            providers: &BTreeMap::new(),
            allocates: true,
        };
        let items: Vec<_> = serde_json::from_value(only("FARGATE_SPOT")).unwrap();
        let unlisted = Capacity::resolve(&EffectiveStrategy::resolve(&items, None, &[]), &catalog);
        assert_eq!(unlisted, Err(ProviderError::NotInCluster("FARGATE_SPOT".into())));
        let others = ProviderCatalog { cluster_providers: &["spot-group".to_owned()], ..catalog };
        let launch_type = Capacity::resolve(&EffectiveStrategy::resolve(&[], Some(LaunchType::Fargate), &[]), &others);
        assert_eq!(launch_type, Ok(Capacity::default()), "a launch type needs no association");
        let assumed =
            Capacity::resolve_or_assume(&EffectiveStrategy::resolve(&[items[0].clone()], None, &[]), &catalog);
        assert_eq!(assumed, Capacity::default());
    }
}
