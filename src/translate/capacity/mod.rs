//! Capacity providers, launch types and the cluster → which nodes the tasks of a service may run on.
//!
//! A provider stands for nodes with some labels: those that the Cluster says for it, or the CapacityProvider of its name, or a
//! label with its name. Fargate's two need no declaration and are any node of the cluster then.

pub mod field_verdicts;
pub mod provider;
pub mod provider_allocation;

use std::collections::{BTreeMap, BTreeSet};

use crate::translate::capacity::provider_allocation::ProviderShare;

use crate::api::{CapacityNodes, CapacityProviderSpec, ClusterKubernetes, Toleration, labels};
use crate::ecs::arn;
use crate::ecs::capacity::{EffectiveStrategy, FARGATE, FARGATE_SPOT, Strategy, StrategySource, is_fargate};
use crate::k8s::names;
use crate::translate::placement::terms::Terms;

pub use field_verdicts::{claim_cluster, claim_service};
pub use provider::{claim as claim_provider, findings};
pub use provider_allocation::{Assignment, ProviderAllocation};

/// The nodes that tasks may run on, by labels and taints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Labels that each of the nodes has.
    selector: BTreeMap<String, String>,
    /// Labels of which a node has one group or another; none when there is no such choice.
    groups: Vec<BTreeMap<String, String>>,
    /// Taints that all the tasks tolerate.
    tolerations: Vec<Toleration>,
    /// How tasks are divided among the groups, where the operator does that.
    allocation: Option<ProviderAllocation>,
}

/// A provider that a service or its cluster names and that it cannot use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Nobody says what it is.
    #[error(
        "capacity provider {0} not found: there is no valid CapacityProvider {object} in this namespace, and the Cluster says nothing of \
         it in kubernetes.capacityProviders",
        object = object_name(.0)
    )]
    NotFound(String),
    /// The cluster has others.
    #[error("capacity provider {0} is not among the capacityProviders of the cluster")]
    NotInCluster(String),
    /// It belongs to another cluster.
    #[error("capacity provider {0} belongs to the cluster {1}")]
    InOtherCluster(String, String),
}

/// What is catalog when it is decided where tasks run.
#[derive(Clone, Copy, Debug)]
pub struct ProviderCatalog<'a> {
    /// The name of the cluster.
    pub cluster: &'a str,
    /// What Kubernetes knows of it.
    pub nodes: Option<&'a ClusterKubernetes>,
    /// The providers that it lists; any when there are none.
    pub cluster_providers: &'a [String],
    /// The valid `CapacityProvider`s, by their object names.
    pub providers: &'a BTreeMap<String, CapacityProviderSpec>,
    /// Whether the operator allocates tasks among several providers. Those of a daemon are on each node of any of them.
    pub allocates: bool,
}

impl Capacity {
    /// The nodes for a choice.
    ///
    /// # Errors
    /// When the choice names a provider that cannot be used.
    pub fn of(effective: &EffectiveStrategy, catalog: &ProviderCatalog<'_>) -> Result<Self, ProviderError> {
        let EffectiveStrategy::Providers { source, items } = effective else {
            return Ok(Self::of_cluster(catalog.nodes));
        };
        let found = items.iter().map(|item| catalog.find(&item.capacity_provider, *source));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let strategy = Strategy::new(items);
        let is_used = |position: &usize| strategy.is_used(*position);
        let of_used = found.iter().enumerate().filter(|(position, _)| is_used(position)).map(|(_, nodes)| nodes);
        let groups: BTreeSet<_> = of_used.clone().map(|nodes| &nodes.node_selector).collect();
        let all = Self::of_cluster(catalog.nodes);
        if groups.len() < 2 || !catalog.allocates {
            return Ok(all.within(of_used.cloned()));
        }
        let shares = items.iter().cloned().zip(found).map(|(item, nodes)| ProviderShare { item, nodes });
        Ok(all.divided(ProviderAllocation::new(shares.collect())))
    }

    /// Each task gets the labels and tolerations of its own provider later, and no other's. Labels of the cluster that a provider says
    /// otherwise are given with the provider, as a Pod keeps what its template asks for.
    fn divided(mut self, allocation: ProviderAllocation) -> Self {
        let with_provider = self.take_labels(&allocation.keys());
        Self { allocation: Some(allocation.with_default(&with_provider)), ..self }
    }

    /// The labels of these keys, which each of the nodes has no more.
    fn take_labels(&mut self, keys: &BTreeSet<String>) -> BTreeMap<String, String> {
        let (taken, left) = std::mem::take(&mut self.selector).into_iter().partition(|(key, _)| keys.contains(key));
        self.selector = left;
        taken
    }

    /// The same where nobody can be asked for what is missing: such a provider's nodes have the label with its name.
    #[must_use]
    pub fn assumed(effective: &EffectiveStrategy, catalog: &ProviderCatalog<'_>) -> Self {
        let EffectiveStrategy::Providers { items, .. } = effective else { return Self::of_cluster(catalog.nodes) };
        let strategy = Strategy::new(items);
        let used = items.iter().enumerate().filter(|(position, _)| strategy.is_used(*position));
        let nodes = |name: &str| catalog.declared(name).unwrap_or_else(|| with_default(name, CapacityNodes::default()));
        Self::of_cluster(catalog.nodes).within(used.map(|(_, item)| nodes(&item.capacity_provider)))
    }

    /// All nodes of a cluster.
    #[must_use]
    pub fn of_cluster(cluster: Option<&ClusterKubernetes>) -> Self {
        let (selector, tolerations) =
            cluster.map(|it| (it.node_selector.clone(), it.tolerations.clone())).unwrap_or_default();
        Self { selector, tolerations, ..Self::default() }
    }

    /// Those of them that belong to one provider or another.
    fn within(mut self, providers: impl Iterator<Item = CapacityNodes>) -> Self {
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
        // What a provider says counts before what the cluster says, for that provider.
        let with_provider = self.take_labels(&groups.iter().flat_map(BTreeMap::keys).cloned().collect());
        let whole = |group| with_provider.clone().into_iter().chain(group).collect();
        self.groups = groups.into_iter().map(whole).collect();
        self
    }

    /// Labels that a node must have.
    pub(super) fn selector(&self) -> &BTreeMap<String, String> {
        &self.selector
    }

    /// Taints that the tasks tolerate.
    pub(super) fn tolerations(&self) -> &[Toleration] {
        &self.tolerations
    }

    /// How the operator allocates the tasks; none where one template says it all.
    pub(super) fn allocation(&self) -> Option<&ProviderAllocation> {
        self.allocation.as_ref()
    }

    /// The choice among several providers' nodes, as a node affinity has it. Tasks that are divided have none, as each gets one of
    /// the providers. A Pod that asks for some labels already keeps to those.
    pub(super) fn terms(&self, given: &BTreeMap<String, String>) -> Terms {
        let left = self.groups.iter().map(|group| {
            group.iter().filter(|(key, _)| !given.contains_key(*key)).map(|(key, value)| (key.clone(), value.clone()))
        });
        let mut terms = left.map(|group| Terms::labelled(&group.collect()));
        let Some(first) = terms.next() else { return Terms::always() };
        // A strategy has at most 20 providers, which is less than an affinity takes.
        terms.fold(first, |all, group| all.or(&group).unwrap_or(all))
    }
}

impl ProviderCatalog<'_> {
    fn find(&self, name: &str, source: StrategySource) -> Result<CapacityNodes, ProviderError> {
        // The cluster's own default is checked with the cluster.
        let is_associated =
            self.cluster_providers.is_empty() || self.cluster_providers.iter().any(|other| other == name);
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
        let by_cluster = self.nodes.and_then(|cluster| cluster.capacity_providers.get(name));
        let object = || self.providers.get(&object_name(name));
        let by_object = || object().map(|spec| spec.kubernetes.clone().unwrap_or_default());
        let by_nobody = || is_fargate(name).then(CapacityNodes::default);
        Some(with_default(name, by_cluster.cloned().or_else(by_object).or_else(by_nobody)?))
    }
}

/// The name of the `CapacityProvider` that stands for a provider: `fargate` and `fargate-spot` for Fargate's, as ECS lets no
/// other provider be called like that.
#[must_use]
pub fn object_name(provider: &str) -> String {
    match provider {
        FARGATE => "fargate".to_owned(),
        FARGATE_SPOT => "fargate-spot".to_owned(),
        other => names::object_name(other),
    }
}

/// The name of the provider that a `CapacityProvider` of this name stands for.
#[must_use]
pub fn provider_name<'a>(spec: &'a CapacityProviderSpec, object: &'a str) -> &'a str {
    let fargate = [FARGATE, FARGATE_SPOT].into_iter().find(|provider| object_name(provider) == object);
    spec.ecs.name.as_deref().or(fargate).unwrap_or(object)
}

/// The nodes that a `CapacityProvider` of this name stands for.
#[must_use]
pub fn nodes_of(spec: &CapacityProviderSpec, object: &str) -> CapacityNodes {
    with_default(provider_name(spec, object), spec.kubernetes.clone().unwrap_or_default())
}

/// A provider's nodes, with its label where no other is said.
fn with_default(name: &str, mut nodes: CapacityNodes) -> CapacityNodes {
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

    fn of(strategy: Value, cluster: Value) -> Result<Capacity, ProviderError> {
        told(strategy, cluster, true)
    }

    fn told(strategy: Value, cluster: Value, allocates: bool) -> Result<Capacity, ProviderError> {
        let items: Vec<_> = serde_json::from_value(strategy).unwrap();
        let cluster: ClusterKubernetes = serde_json::from_value(cluster).unwrap();
        let spec = |spec| serde_json::from_value::<CapacityProviderSpec>(spec).unwrap();
        let providers = BTreeMap::from([
            (OBJECT.to_owned(), spec(json!({"kubernetes": {"nodeSelector": {"pool": "spot"}}}))),
            ("gpu".to_owned(), spec(json!({}))),
            ("theirs".to_owned(), spec(json!({"cluster": "other"}))),
        ]);
        let catalog = ProviderCatalog {
            cluster: "prod",
            nodes: Some(&cluster),
            cluster_providers: &[],
            providers: &providers,
            allocates,
        };
        Capacity::of(&EffectiveStrategy::resolve(&items, None, &[]), &catalog)
    }

    fn only(name: &str) -> Value {
        json!([{"capacityProvider": name}])
    }

    fn selector(strategy: Value, cluster: Value) -> Value {
        serde_json::to_value(of(strategy, cluster).unwrap().selector()).unwrap()
    }

    #[test]
    fn a_provider_stands_for_labels() {
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
    fn the_providers_of_fargate_can_be_other_nodes() {
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
        let capacity = Capacity::of(&EffectiveStrategy::resolve(&items, None, &[]), &catalog).unwrap();
        assert_eq!(capacity.selector().get("spot").map(String::as_str), Some("yes"));
    }

    #[test]
    fn providers_that_get_no_task_do_not_matter() {
        let two = |weight| json!([{"capacityProvider": "spot-group", "weight": 1}, {"capacityProvider": "gpu", "weight": weight}]);
        assert_eq!(selector(two(0), json!({})), json!({"pool": "spot"}));
        let both = of(two(2), json!({})).unwrap();
        assert!(both.allocation().is_some() && both.terms(&BTreeMap::new()).is_always());
        let both = told(two(2), json!({}), false).unwrap();
        assert_eq!(asked(&both, &[]), ["ecs-operator.dev/capacity-provider=gpu", "pool=spot"]);
        assert_eq!(both.selector(), &BTreeMap::new());
    }

    /// The terms of nodes, where a Pod asks for some labels already.
    fn asked(capacity: &Capacity, given: &[(&str, &str)]) -> Vec<String> {
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let terms = capacity.terms(&given).selector().map(|it| it.node_selector_terms).unwrap_or_default();
        let told = terms.into_iter().map(|term| {
            let all = term.match_expressions.unwrap_or_default().into_iter();
            all.map(|it| format!("{}={}", it.key, it.values.unwrap_or_default().join("|")))
                .collect::<Vec<_>>()
                .join(",")
        });
        told.collect()
    }

    #[test]
    fn labels_of_the_cluster_give_way_to_those_of_each_provider_where_any_of_them_will_do() {
        let strategy =
            json!([{"capacityProvider": "spot-group", "weight": 1}, {"capacityProvider": "FARGATE", "weight": 1}]);
        let all = told(strategy, json!({"nodeSelector": {"pool": "shop", "team": "shop"}}), false).unwrap();
        assert_eq!(all.selector().keys().collect::<Vec<_>>(), ["team"]);
        assert_eq!(asked(&all, &[]), ["pool=shop", "pool=spot"]);
        assert_eq!(asked(&all, &[("pool", "of-task")]), [""; 0], "the task says which, and that is that");
    }

    #[test]
    fn labels_of_the_cluster_give_way_to_those_of_each_provider() {
        let strategy =
            json!([{"capacityProvider": "spot-group", "weight": 1}, {"capacityProvider": "gpu", "weight": 1}]);
        let divided = of(strategy, json!({"nodeSelector": {"pool": "shop", "team": "shop"}})).unwrap();
        assert_eq!(divided.selector().keys().collect::<Vec<_>>(), ["team"]);
        let pools = |given: &[(&str, &str)]| {
            let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let allocation = divided.allocation().unwrap().without_labels(&given);
            let of =
                |taken: &[i64]| allocation.next(&taken.iter().copied().collect()).unwrap().node_selector.remove("pool");
            [of(&[]), of(&[1])]
        };
        assert_eq!(pools(&[]), [Some("spot".to_owned()), Some("shop".to_owned())]);
        assert_eq!(pools(&[("pool", "of-task")]), [None, None]);
    }

    #[test]
    fn one_provider_of_any_node_makes_all_of_them_any_node() {
        let strategy =
            json!([{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
        let spot = json!({"nodeSelector": {"spot": "true"}, "tolerations": [{"key": "spot"}]});
        let capacity = of(strategy, json!({"capacityProviders": {"FARGATE_SPOT": spot}})).unwrap();
        assert!(capacity.terms(&BTreeMap::new()).is_always() && capacity.selector().is_empty());
        assert_eq!(capacity.tolerations(), [], "tasks of the other provider do not tolerate the taints of this one");
        let tolerated = |taken: &[i64]| {
            capacity.allocation().unwrap().next(&taken.iter().copied().collect()).unwrap().tolerations.len()
        };
        assert_eq!([tolerated(&[]), tolerated(&[1])], [0, 1]);
    }

    #[test]
    fn a_provider_that_nobody_knows_or_that_belongs_to_others_is_refused() {
        assert_eq!(of(only("none"), json!({})), Err(ProviderError::NotFound("none".into())));
        assert_eq!(of(only("theirs"), json!({})), Err(ProviderError::InOtherCluster("theirs".into(), "other".into())));
        let catalog = ProviderCatalog {
            cluster: "prod",
            nodes: None,
            cluster_providers: &["FARGATE".to_owned()],
            providers: &BTreeMap::new(),
            allocates: true,
        };
        let items: Vec<_> = serde_json::from_value(only("FARGATE_SPOT")).unwrap();
        let refused = Capacity::of(&EffectiveStrategy::resolve(&items, None, &[]), &catalog);
        assert_eq!(refused, Err(ProviderError::NotInCluster("FARGATE_SPOT".into())));
        let others = ProviderCatalog { cluster_providers: &["spot-group".to_owned()], ..catalog };
        let launched = Capacity::of(&EffectiveStrategy::resolve(&[], Some(LaunchType::Fargate), &[]), &others);
        assert_eq!(launched, Ok(Capacity::default()), "a launch type needs no association");
        let assumed = Capacity::assumed(&EffectiveStrategy::resolve(&[items[0].clone()], None, &[]), &catalog);
        assert_eq!(assumed, Capacity::default());
    }
}
