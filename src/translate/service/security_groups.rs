//! `awsvpcConfiguration`: security groups → a `NetworkPolicy` or a `SecurityGroupPolicy`, as the cluster says; subnets and public
//! addresses are the network's own affair.
//!
//! The rules of a group stand in AWS, so the `Cluster` repeats those that matter. Pods bear their groups as labels, by which
//! one group can let in another. Rules of several groups add up, as on AWS and in policies: only when all groups of a service
//! are known can a policy say what they let through together.

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

/// The labels by which the service's Pods are known as members of its groups.
pub(crate) fn labels(service: &ecs::Service) -> BTreeMap<String, String> {
    let fitting = groups(service).iter().filter(|group| names::is_qualified_name(group));
    fitting.map(|group| (label(group), "true".to_owned())).collect()
}

fn label(group: &str) -> String {
    format!("{}{group}", labels::SECURITY_GROUPS)
}

/// The policy that EKS reads; only where the cluster asks for it.
pub(crate) fn eks_policy(
    task: &RenderContext<'_>,
    place: &ObjectContext<'_>,
    cluster: Option<&ClusterKubernetes>,
) -> Option<UntypedObject> {
    let groups: Vec<&String> =
        groups(&task.service?.ecs).iter().filter(|group| names::is_qualified_name(group)).collect();
    let is_wanted = cluster.is_some_and(|cluster| cluster.security_group_policies == Some(true));
    (is_wanted && !groups.is_empty()).then(|| {
        let spec = json!({
            "podSelector": {"matchLabels": place.identity.selector()},
            "securityGroups": {"groupIds": groups},
        });
        UntypedObject::from_spec(place.metadata(place.identity.service), spec)
    })
}

/// The policy that lets through what the groups of the service do; none unless the cluster knows all of them.
pub(crate) fn network_policy(
    task: &RenderContext<'_>,
    place: &ObjectContext<'_>,
    cluster: Option<&ClusterKubernetes>,
) -> Option<UntypedObject> {
    let known = &cluster?.security_groups;
    let own: Option<Vec<&SecurityGroup>> = groups(&task.service?.ecs).iter().map(|group| known.get(group)).collect();
    // What is closed altogether must not be opened: policies add up.
    let own = own.filter(|own| !own.is_empty() && !network_mode::is_closed(task))?;
    let rules = |rules: &[SecurityGroupRule], side: &str| -> Vec<Value> {
        rules.iter().map(|given| rule(given, side, known)).collect()
    };
    let ingress: Vec<Value> = own.iter().flat_map(|group| rules(&group.ingress, "from")).collect();
    let mut spec = json!({
        "podSelector": {"matchLabels": place.identity.selector()},
        "policyTypes": ["Ingress"],
        "ingress": ingress,
    });
    // A single group that lets out everything does so for all of them.
    let egress: Option<Vec<&Vec<SecurityGroupRule>>> = own.iter().map(|group| group.egress.as_ref()).collect();
    if let Some(egress) = egress {
        let mut out: Vec<Value> = egress.into_iter().flat_map(|given| rules(given, "to")).collect();
        // The resolver of a VPC is beyond its security groups.
        out.push(json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}));
        spec["policyTypes"] = json!(["Ingress", "Egress"]);
        spec["egress"] = out.into();
    }
    if ingress.is_empty() {
        spec.as_object_mut()?.remove("ingress");
    }
    Some(UntypedObject::from_spec(place.metadata(policy_name(place.identity.service)), spec))
}

/// Not that of the policy for tasks without a network, which the same service may have had before.
fn policy_name(service: &str) -> String {
    format!("{service}-security-groups")
}

fn rule(given: &SecurityGroupRule, side: &str, known: &BTreeMap<String, SecurityGroup>) -> Value {
    let of_group = |group: &String| {
        let tasks =
            names::is_qualified_name(group).then(|| json!({"podSelector": {"matchLabels": {label(group): "true"}}}));
        let members = known.get(group).into_iter().flat_map(|group| &group.members).map(peer);
        tasks.into_iter().chain(members).collect::<Vec<_>>()
    };
    let peers: Vec<Value> =
        given.security_groups.iter().flat_map(of_group).chain(given.peers.iter().map(peer)).collect();
    let mut rule = json!({});
    if !peers.is_empty() {
        rule[side] = peers.into();
    }
    if !given.ports.is_empty() {
        rule["ports"] = given.ports.iter().map(port).collect();
    }
    rule
}

fn peer(given: &NetworkPeer) -> Value {
    if let Some(cidr) = &given.cidr {
        return json!({"ipBlock": {"cidr": cidr}});
    }
    let selector = |labels: &BTreeMap<String, String>| {
        if labels.is_empty() { json!({}) } else { json!({"matchLabels": labels}) }
    };
    let mut peer = json!({});
    if let Some(namespaces) = &given.namespace_labels {
        peer["namespaceSelector"] = selector(namespaces);
    }
    if given.pod_labels.is_some() || given.namespace_labels.is_none() {
        peer["podSelector"] = given.pod_labels.as_ref().map_or_else(|| json!({}), selector);
    }
    peer
}

fn port(given: &NetworkPort) -> Value {
    let protocol = match given.protocol.unwrap_or_default() {
        NetworkProtocol::Tcp => "TCP",
        NetworkProtocol::Udp => "UDP",
    };
    let mut port = json!({"port": given.port, "protocol": protocol});
    if let Some(end) = given.end_port.filter(|end| *end > given.port) {
        port["endPort"] = end.into();
    }
    port
}

/// Claims `networkConfiguration`.
pub(crate) fn claim(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    let Some(configuration) = configuration(service) else { return };
    let at = Pointer::root().key("networkConfiguration").key("awsvpcConfiguration");
    let message = "tasks get addresses of the cluster's own network, on any node: choose zones by kubernetes.nodeSelector in the task \
                   definition (topology.kubernetes.io/zone)";
    recorder.unsupported(at.key("subnets"), Code::ClusterNetworkUsed, message);
    match configuration.assign_public_ip {
        Some(AssignPublicIp::Enabled) => {
            let message = "no Pod has a public address: calls go out by the nodes' own or a NAT gateway, and come in by a load balancer";
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
                "Pods bear the group as the label {}, which closes nothing by itself. A NetworkPolicy does what the groups do once \
                 the Cluster says what all of them let through, in kubernetes.securityGroups, and the network enforces \
                 policies; on EKS with security groups for Pods set kubernetes.securityGroupPolicies of the Cluster to true",
                label(group)
            );
            recorder.needs_addon(path, Code::ClusterSecurityGroupUsed, target.clone(), message);
        } else {
            let message = "this is no id of a security group that a label can have: nothing is closed by it";
            recorder.unsupported(path, Code::NameNotValid, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ServiceSpec;
    use crate::ecs::TaskDefinition;
    use crate::translate::Mode;
    use crate::translate::RenderProfile;
    use crate::translate::metadata::Identity;

    fn policy(groups: &[&str], cluster: Value, definition: Value) -> Option<Value> {
        let definition: TaskDefinition = serde_json::from_value(definition).unwrap();
        let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": groups}});
        let service: ServiceSpec = serde_json::from_value(json!({"networkConfiguration": network})).unwrap();
        let profile = RenderProfile::current(36);
        let task = RenderContext { service: Some(&service), ..RenderContext::alone(&definition, "web", &profile) };
        let identity = Identity { service: "web", task_definition: "web", cluster: "prod" };
        let place = ObjectContext {
            namespace: None,
            identity,
            task_definition: "web:1",
            revision: Some(1),
            tags: &[],
            mode: Mode::Operator,
        };
        let cluster: ClusterKubernetes = serde_json::from_value(cluster).unwrap();
        network_policy(&task, &place, Some(&cluster)).map(|policy| policy.body["spec"].clone())
    }

    fn open() -> Value {
        json!({"containerDefinitions": [{"name": "app"}]})
    }

    #[test]
    fn the_tasks_accept_only_from_the_group_of_the_load_balancer() {
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
    fn what_one_group_lets_out_all_do_and_names_can_always_be_asked_for() {
        let closed = json!({"egress": []});
        let both = json!({"securityGroups": {"sg-a": closed, "sg-b": {}}});
        assert_eq!(policy(&["sg-a", "sg-b"], both, open()).unwrap().get("egress"), None);
        let spec = policy(&["sg-a"], json!({"securityGroups": {"sg-a": closed}}), open()).unwrap();
        assert_eq!(spec["egress"].as_array().map(Vec::len), Some(1));
        assert_eq!(spec["egress"][0]["ports"][0]["port"], 53);
    }

    #[test]
    fn there_is_no_policy_for_unknown_groups_or_for_tasks_without_a_network() {
        let cluster = json!({"securityGroups": {"sg-a": {}}});
        assert!(policy(&["sg-a"], cluster.clone(), open()).is_some());
        assert_eq!(policy(&["sg-a", "sg-b"], cluster.clone(), open()), None);
        assert_eq!(policy(&[], cluster.clone(), open()), None);
        let closed = json!({"containerDefinitions": [{"name": "app", "disableNetworking": true}]});
        assert_eq!(policy(&["sg-a"], cluster, closed), None);
    }

    #[test]
    fn a_peer_is_addresses_or_pods_of_namespaces() {
        let of = |given: Value| peer(&serde_json::from_value(given).unwrap());
        assert_eq!(of(json!({"podLabels": {"a": "b"}})), json!({"podSelector": {"matchLabels": {"a": "b"}}}));
        assert_eq!(of(json!({"namespaceLabels": {}})), json!({"namespaceSelector": {}}));
        assert_eq!(of(json!({})), json!({"podSelector": {}}));
        let both = of(json!({"namespaceLabels": {"n": "x"}, "podLabels": {}}));
        assert_eq!(both, json!({"namespaceSelector": {"matchLabels": {"n": "x"}}, "podSelector": {}}));
    }
}
