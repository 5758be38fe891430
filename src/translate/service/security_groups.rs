//! `awsvpcConfiguration`: security groups → a `NetworkPolicy` or a `SecurityGroupPolicy`. Subnets and public addresses have no
//! equivalent.
//!
//! The rules of a group are stored in AWS, so the `Cluster` repeats the relevant ones. Pods have their groups as labels, so
//! that the rules of one group can refer to another. Rules of several groups are additive, as in policies, so a policy is
//! rendered only if the Cluster defines all groups of a service.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{
    ClusterKubernetes, NetworkPeer, NetworkPort, NetworkProtocol, SecurityGroup, SecurityGroupRule, labels,
};
use crate::ecs::service::{AssignPublicIp, AwsVpcConfiguration};
use crate::ecs::{self, Pointer};
use crate::k8s::{UntypedObject, names};
use crate::translate::pod::network_mode;
use crate::translate::{Code, ObjectContext, RenderContext, VerdictRecorder, target};

fn configuration(service: &ecs::Service) -> Option<&AwsVpcConfiguration> {
    service.network_configuration.as_ref()?.awsvpc_configuration.as_ref()
}

fn groups(service: &ecs::Service) -> &[String] {
    configuration(service).map_or(&[], |configuration| &configuration.security_groups)
}

/// Returns the labels of the service's Pods for its groups.
pub(crate) fn labels(service: &ecs::Service) -> BTreeMap<String, String> {
    let valid = groups(service).iter().filter(|group| names::is_qualified_name(group));
    valid.map(|group| (label(group), "true".to_owned())).collect()
}

fn label(group: &str) -> String {
    format!("{}{group}", labels::SECURITY_GROUPS)
}

/// Renders the policy of EKS, if the Cluster enables it.
pub(crate) fn eks_policy(
    task: &RenderContext<'_>,
    context: &ObjectContext<'_>,
    cluster: Option<&ClusterKubernetes>,
) -> Option<UntypedObject> {
    let groups: Vec<&String> =
        groups(&task.service?.ecs).iter().filter(|group| names::is_qualified_name(group)).collect();
    let is_enabled = cluster.is_some_and(|cluster| cluster.security_group_policies == Some(true));
    (is_enabled && !groups.is_empty()).then(|| {
        let spec = json!({
            "podSelector": {"matchLabels": context.identity.selector()},
            "securityGroups": {"groupIds": groups},
        });
        UntypedObject::from_spec(context.metadata(context.identity.service), spec)
    })
}

/// Renders the network policy that allows the same traffic as the groups of the service; `None` unless the Cluster defines
/// all of them.
pub(crate) fn network_policy(
    task: &RenderContext<'_>,
    context: &ObjectContext<'_>,
    cluster: Option<&ClusterKubernetes>,
) -> Option<UntypedObject> {
    let all = &cluster?.security_groups;
    let groups: Option<Vec<&SecurityGroup>> = groups(&task.service?.ecs).iter().map(|group| all.get(group)).collect();
    // Policies are additive, so this one would open a network that is disabled.
    let groups = groups.filter(|groups| !groups.is_empty() && !network_mode::has_no_network(task))?;
    let rules = |rules: &[SecurityGroupRule], direction: &str| -> Vec<Value> {
        rules.iter().map(|it| rule(it, direction, all)).collect()
    };
    let ingress: Vec<Value> = groups.iter().flat_map(|group| rules(&group.ingress, "from")).collect();
    let mut spec = json!({
        "podSelector": {"matchLabels": context.identity.selector()},
        "policyTypes": ["Ingress"],
        "ingress": ingress,
    });
    // A group without egress rules allows all outbound traffic, also for the other groups.
    let egress: Option<Vec<&Vec<SecurityGroupRule>>> = groups.iter().map(|group| group.egress.as_ref()).collect();
    if let Some(egress) = egress {
        let mut egress: Vec<Value> = egress.into_iter().flat_map(|it| rules(it, "to")).collect();
        // Security groups do not apply to the DNS resolver of a VPC.
        egress.push(json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}));
        spec["policyTypes"] = json!(["Ingress", "Egress"]);
        spec["egress"] = egress.into();
    }
    if ingress.is_empty() {
        spec.as_object_mut()?.remove("ingress");
    }
    Some(UntypedObject::from_spec(context.metadata(policy_name(context.identity.service)), spec))
}

/// Returns the name of the policy, which differs from the name of the policy for tasks without a network.
fn policy_name(service: &str) -> String {
    format!("{service}-security-groups")
}

/// Renders a rule; `direction` is `from` or `to`.
fn rule(rule: &SecurityGroupRule, direction: &str, groups: &BTreeMap<String, SecurityGroup>) -> Value {
    let group_peers = rule.security_groups.iter().flat_map(|group| {
        let tasks =
            names::is_qualified_name(group).then(|| json!({"podSelector": {"matchLabels": {label(group): "true"}}}));
        let members = groups.get(group).into_iter().flat_map(|group| &group.members).map(peer);
        tasks.into_iter().chain(members).collect::<Vec<_>>()
    });
    let peers: Vec<Value> = group_peers.chain(rule.peers.iter().map(peer)).collect();
    let mut rendered = json!({});
    if !peers.is_empty() {
        rendered[direction] = peers.into();
    }
    if !rule.ports.is_empty() {
        rendered["ports"] = rule.ports.iter().map(port).collect();
    }
    rendered
}

fn peer(peer: &NetworkPeer) -> Value {
    if let Some(cidr) = &peer.cidr {
        return json!({"ipBlock": {"cidr": cidr}});
    }
    let selector = |labels: &BTreeMap<String, String>| {
        if labels.is_empty() { json!({}) } else { json!({"matchLabels": labels}) }
    };
    let mut rendered = json!({});
    if let Some(namespaces) = &peer.namespace_labels {
        rendered["namespaceSelector"] = selector(namespaces);
    }
    if peer.pod_labels.is_some() || peer.namespace_labels.is_none() {
        rendered["podSelector"] = peer.pod_labels.as_ref().map_or_else(|| json!({}), selector);
    }
    rendered
}

fn port(port: &NetworkPort) -> Value {
    let protocol = match port.protocol.unwrap_or_default() {
        NetworkProtocol::Tcp => "TCP",
        NetworkProtocol::Udp => "UDP",
    };
    let mut rendered = json!({"port": port.port, "protocol": protocol});
    if let Some(end) = port.end_port.filter(|end| *end > port.port) {
        rendered["endPort"] = end.into();
    }
    rendered
}

/// Records verdicts on `networkConfiguration`.
pub(crate) fn record(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    let Some(configuration) = configuration(service) else { return };
    let at = Pointer::root().key("networkConfiguration").key("awsvpcConfiguration");
    let message = "tasks get addresses from the network of the cluster, on any node: select zones with kubernetes.nodeSelector in the \
                   task definition (topology.kubernetes.io/zone)";
    recorder.unsupported(at.key("subnets"), Code::ClusterNetworkUsed, message);
    match configuration.assign_public_ip {
        Some(AssignPublicIp::Enabled) => {
            let message = "Pods have no public address: outbound traffic uses the address of the node or a NAT gateway; use a load \
                           balancer for inbound traffic";
            recorder.unsupported(at.key("assignPublicIp"), Code::ClusterNetworkUsed, message);
        }
        Some(AssignPublicIp::Disabled) => {
            recorder.exact(at.key("assignPublicIp"), target::workload(service, name, "/spec/template/spec"));
        }
        None => {}
    }
    let target = target::workload(service, name, "/spec/template/metadata/labels");
    for (index, group) in configuration.security_groups.iter().enumerate() {
        let path = at.key("securityGroups").index(index);
        if names::is_qualified_name(group) {
            let message = format!(
                "Pods have the group as the label {}, which blocks no traffic. Define the rules of all groups in \
                 kubernetes.securityGroups of the Cluster to create an equivalent NetworkPolicy, which the network plugin must enforce; \
                 on EKS with security groups for Pods, set kubernetes.securityGroupPolicies of the Cluster to true instead",
                label(group)
            );
            recorder.needs_addon(path, Code::ClusterSecurityGroupUsed, target.clone(), message);
        } else {
            let message = "the id of the group is not valid in the key of a label, so the group has no effect";
            recorder.unsupported(path, Code::NameNotValid, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ServiceSpec;
    use crate::ecs::TaskDefinition;
    use crate::translate::RenderProfile;
    use crate::translate::metadata::Identity;

    fn policy(groups: &[&str], cluster: Value, definition: Value) -> Option<Value> {
        let definition: TaskDefinition = serde_json::from_value(definition).unwrap();
        let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": groups}});
        let service: ServiceSpec = serde_json::from_value(json!({"networkConfiguration": network})).unwrap();
        let profile = RenderProfile::current(36);
        let task = RenderContext { service: Some(&service), ..RenderContext::alone(&definition, "web", &profile) };
        let identity = Identity { service: "web", task_definition: "web", cluster: "prod" };
        let context = ObjectContext { revision: Some(1), ..ObjectContext::alone(identity, "web:1") };
        let cluster: ClusterKubernetes = serde_json::from_value(cluster).unwrap();
        network_policy(&task, &context, Some(&cluster)).map(|policy| policy.body["spec"].clone())
    }

    fn open() -> Value {
        json!({"containerDefinitions": [{"name": "app"}]})
    }

    #[test]
    fn tasks_accept_traffic_only_from_the_group_of_the_load_balancer() {
        let cluster = json!({"securityGroups": {
            "sg-alb": {"members": [{"cidr": "10.0.0.0/20"}]},
            "sg-web": {"ingress": [{"securityGroups": ["sg-alb"], "ports": [{"port": 80}]}]},
        }});
        let spec = policy(&["sg-web"], cluster, open()).unwrap();
        assert_eq!(spec["policyTypes"], json!(["Ingress"]));
        let label = json!({"podSelector": {"matchLabels": {"security-groups.ecs-operator.dev/sg-alb": "true"}}});
        let from = json!([label, {"ipBlock": {"cidr": "10.0.0.0/20"}}]);
        assert_eq!(spec["ingress"], json!([{"from": from, "ports": [{"port": 80, "protocol": "TCP"}]}]));
    }

    #[test]
    fn egress_is_the_union_of_all_groups_and_includes_dns() {
        let closed = json!({"egress": []});
        let both = json!({"securityGroups": {"sg-a": closed, "sg-b": {}}});
        assert_eq!(policy(&["sg-a", "sg-b"], both, open()).unwrap().get("egress"), None);
        let spec = policy(&["sg-a"], json!({"securityGroups": {"sg-a": closed}}), open()).unwrap();
        assert_eq!(spec["egress"].as_array().map(Vec::len), Some(1));
        assert_eq!(spec["egress"][0]["ports"][0]["port"], 53);
    }

    #[test]
    fn unknown_groups_and_tasks_without_a_network_have_no_policy() {
        let cluster = json!({"securityGroups": {"sg-a": {}}});
        assert!(policy(&["sg-a"], cluster.clone(), open()).is_some());
        assert_eq!(policy(&["sg-a", "sg-b"], cluster.clone(), open()), None);
        assert_eq!(policy(&[], cluster.clone(), open()), None);
        let closed = json!({"containerDefinitions": [{"name": "app", "disableNetworking": true}]});
        assert_eq!(policy(&["sg-a"], cluster, closed), None);
    }

    #[test]
    fn a_peer_selects_pods_and_namespaces() {
        let cases = [
            (json!({"podLabels": {"a": "b"}}), json!({"podSelector": {"matchLabels": {"a": "b"}}})),
            (json!({"namespaceLabels": {}}), json!({"namespaceSelector": {}})),
            (json!({}), json!({"podSelector": {}})),
            (
                json!({"namespaceLabels": {"n": "x"}, "podLabels": {}}),
                json!({"namespaceSelector": {"matchLabels": {"n": "x"}}, "podSelector": {}}),
            ),
        ];
        for (input, expected) in cases {
            assert_eq!(peer(&serde_json::from_value(input).unwrap()), expected);
        }
    }
}
