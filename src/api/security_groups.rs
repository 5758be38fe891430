//! Rules of security groups, for networks without security groups of AWS.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Members and rules of a security group. Without rules it allows no ingress and all egress, as on
/// AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityGroup {
    /// Members in addition to the tasks of services that name the group, such as the subnets of a
    /// load balancer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub members: Vec<NetworkPeer>,
    /// Allowed ingress. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub ingress: Vec<SecurityGroupRule>,
    /// Allowed egress. An empty list allows only DNS. Default: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub egress: Option<Vec<SecurityGroupRule>>,
}

/// Traffic that a security group allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityGroupRule {
    /// Security groups on the other side: their tasks and their members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub security_groups: Vec<String>,
    /// Other peers. Without peers and groups, the rule applies to all peers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub peers: Vec<NetworkPeer>,
    /// Ports of the called side. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub ports: Vec<NetworkPort>,
}

/// Peer on the network: addresses, or Pods by their labels and those of their namespaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPeer {
    /// Addresses, such as `10.0.0.0/16`. Excludes the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub cidr: Option<String>,
    /// Labels of namespaces. Default: only the namespace of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_labels: Option<BTreeMap<String, String>>,
    /// Labels of Pods. Default: all Pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_labels: Option<BTreeMap<String, String>>,
}

/// Port, or range of ports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPort {
    /// Port, or the first one of a range.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
    /// Last port of a range. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub end_port: Option<i32>,
    /// Protocol. Default `TCP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<NetworkProtocol>,
}

/// Protocol with ports: `TCP` (default) or `UDP`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum NetworkProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}
