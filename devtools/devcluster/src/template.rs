//! Templates of nodes.

use std::collections::BTreeMap;

/// The capacity type of a node on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CapacityType {
    /// By the hour.
    #[default]
    OnDemand,
    /// Spare capacity that AWS can take back.
    Spot,
}

/// A group of nodes that are alike, with the labels that EKS and Karpenter give theirs.
///
/// A number makes the default template: `NodeTemplate::from(3)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTemplate {
    /// The beginning of the nodes' names; a hyphen and a number from 1 follow. Empty:
    /// `sim` for simulated nodes and `node` for real ones.
    pub name_prefix: String,
    /// Number of nodes.
    pub count: usize,
    /// Label `topology.kubernetes.io/region`.
    pub region: String,
    /// Label `topology.kubernetes.io/zone`, assigned to the nodes in turn.
    pub zones: Vec<String>,
    /// Label `node.kubernetes.io/instance-type`.
    pub instance_type: String,
    /// Labels `eks.amazonaws.com/capacityType` and `karpenter.sh/capacity-type`.
    pub capacity_type: CapacityType,
    /// Additional labels, which take precedence over those above.
    pub labels: BTreeMap<String, String>,
    /// Label `kubernetes.io/arch`. Simulated nodes only: a real one has the machine's.
    pub architecture: String,
    /// Processors, as a Kubernetes quantity. Simulated nodes only.
    pub cpu: String,
    /// Memory, as a Kubernetes quantity. Simulated nodes only.
    pub memory: String,
    /// Maximum number of Pods. Simulated nodes only.
    pub pods: usize,
}

impl Default for NodeTemplate {
    /// One m5.xlarge on demand, in three zones of us-east-1 when there are more.
    fn default() -> Self {
        Self {
            name_prefix: String::new(),
            count: 1,
            region: "us-east-1".to_owned(),
            zones: ["us-east-1a", "us-east-1b", "us-east-1c"].map(str::to_owned).to_vec(),
            instance_type: "m5.xlarge".to_owned(),
            capacity_type: CapacityType::OnDemand,
            labels: BTreeMap::new(),
            architecture: "amd64".to_owned(),
            cpu: "4".to_owned(),
            memory: "16Gi".to_owned(),
            pods: 110,
        }
    }
}

impl From<usize> for NodeTemplate {
    fn from(count: usize) -> Self {
        Self { count, ..Self::default() }
    }
}

/// One node of a template.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// In the form of the AWS cloud provider: `aws:///ZONE/INSTANCE`.
    pub(crate) provider_id: String,
}

impl NodeTemplate {
    /// The nodes; `default_prefix` begins their names when the template has no prefix.
    pub(crate) fn nodes(&self, default_prefix: &str) -> Vec<Node> {
        let prefix = match self.name_prefix.as_str() {
            "" => default_prefix,
            prefix => prefix,
        };
        let mut zones = self.zones.iter().map(String::as_str).cycle();
        (1..=self.count)
            .map(|number| self.node(format!("{prefix}-{number}"), zones.next().unwrap_or_default()))
            .collect()
    }

    fn node(&self, name: String, zone: &str) -> Node {
        let instance = &crate::digest::sha256_hex(name.as_bytes())[..17];
        let (eks, karpenter) = match self.capacity_type {
            CapacityType::OnDemand => ("ON_DEMAND", "on-demand"),
            CapacityType::Spot => ("SPOT", "spot"),
        };
        let mut labels: BTreeMap<String, String> = [
            ("topology.kubernetes.io/region", self.region.as_str()),
            ("topology.kubernetes.io/zone", zone),
            ("node.kubernetes.io/instance-type", &self.instance_type),
            ("eks.amazonaws.com/capacityType", eks),
            ("karpenter.sh/capacity-type", karpenter),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        labels.extend(self.labels.clone());
        Node { provider_id: format!("aws:///{zone}/i-{instance}"), name, labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_dealt_to_the_zones_in_turn() {
        let zones: Vec<_> = NodeTemplate::from(4)
            .nodes("sim")
            .into_iter()
            .map(|node| (node.name, node.labels["topology.kubernetes.io/zone"].clone()))
            .collect();
        let expected =
            [("sim-1", "us-east-1a"), ("sim-2", "us-east-1b"), ("sim-3", "us-east-1c"), ("sim-4", "us-east-1a")];
        assert_eq!(zones, expected.map(|(name, zone)| (name.to_owned(), zone.to_owned())));
    }

    #[test]
    fn own_labels_win() {
        let key = "node.kubernetes.io/instance-type".to_owned();
        let template =
            NodeTemplate { labels: [(key.clone(), "c7g.large".to_owned())].into(), ..NodeTemplate::default() };
        assert_eq!(template.nodes("sim")[0].labels[&key], "c7g.large");
    }
}
