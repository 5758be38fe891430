//! What security groups let through, for a network that knows nothing of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A security group: who is in it and what it lets through. By itself it lets nothing in and everything out, as on AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityGroup {
    /// Who has the group besides the tasks of services that name it, such as the subnets of a load balancer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub members: Vec<NetworkPeer>,
    /// What it lets in. Default: nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub ingress: Vec<SecurityGroupRule>,
    /// What it lets out; an empty list: only questions to DNS. Default: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub egress: Option<Vec<SecurityGroupRule>>,
}

/// Traffic that a security group lets through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityGroupRule {
    /// Security groups on the other side: the tasks that have them, and their members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub security_groups: Vec<String>,
    /// Others on the other side. With neither these nor groups: everybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub peers: Vec<NetworkPeer>,
    /// Ports of the side that is called. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub ports: Vec<NetworkPort>,
}

/// Somebody on the network: addresses, or Pods by their labels and those of their namespaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPeer {
    /// Addresses, as `10.0.0.0/16`. Excludes the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub cidr: Option<String>,
    /// Labels of namespaces. Default: the namespace of the cluster alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_labels: Option<BTreeMap<String, String>>,
    /// Labels of Pods. Default: all Pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_labels: Option<BTreeMap<String, String>>,
}

/// A port, or some in a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPort {
    /// The port, or the first one.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
    /// The last one. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub end_port: Option<i32>,
    /// Default `TCP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<NetworkProtocol>,
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum NetworkProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}
