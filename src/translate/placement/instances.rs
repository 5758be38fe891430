//! Nodes as container instances, for the placement algorithm of ECS.
//!
//! | instance | node |
//! |---|---|
//! | attributes, agent, registration | [`NodeFacts`] |
//! | remaining resources | `status.allocatable`, less the requests and host ports of the Pods on the node |
//! | tasks | Pods with the labels of tasks |
//! | `DRAINING` | `spec.unschedulable` |
//! | agent not connected | not `Ready` |
//!
//! Taints that a task does not tolerate, and labels missing for its `kubernetes.nodeSelector`, exclude a node as attributes do.
//! The maximum number of Pods of a node is ignored, as ECS has no equivalent.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, Taint, Toleration};

use crate::api::TaskDefinitionKubernetes;
use crate::ecs::placement::{Amounts, Constraint, HostPort, Instance, Request, Strategy, ZONE};
use crate::ecs::pointer::Pointer;
use crate::ecs::query::{Condition, Expression, Test};
use crate::ecs::units::UNITS_PER_VCPU;
use crate::k8s::quantity::NANOS;
use crate::translate::container::resource_requirements::GPU;
use crate::translate::placement::facts::{NodeFacts, TaskFacts, is_stopped};
use crate::translate::placement::group::with_object_names;
use crate::translate::placement::requests;
pub use crate::translate::placement::requests::InvalidQuantity;
use crate::translate::placement::scheduling::untolerated;

/// Taint that Kubernetes adds to nodes with `spec.unschedulable`.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

const MEBIBYTE: i128 = 1 << 20;

/// Placement request with its Kubernetes settings.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// Tasks to place.
    pub request: &'a Request,
    /// `kubernetes` block of the task definition.
    pub kubernetes: Option<&'a TaskDefinitionKubernetes>,
    /// Namespace of the tasks whose groups count; `None` counts the groups of all namespaces.
    pub namespace: Option<&'a str>,
}

/// Replaces the ECS names in the groups of a request with the names of objects.
pub fn use_object_names(request: &mut Request) {
    request.group = with_object_names(&request.group);
    for constraint in &mut request.constraints {
        if let Constraint::MemberOf(expression) = constraint {
            *expression = expression.rename_groups(&with_object_names);
        }
    }
}

/// Returns the nodes as instances, in the same order. Requires that [`use_object_names`] was applied to the request.
///
/// # Errors
/// Returns an error if a quantity is invalid, which an API server rejects.
pub fn instances(
    nodes: Vec<Node>,
    pods: &[Pod],
    context: &RequestContext<'_>,
) -> Result<Vec<Instance>, InvalidQuantity> {
    let mut occupants = occupants(pods)?;
    let attributes = attributes(context.request);
    let instances = nodes.into_iter().map(|node| {
        let occupants = occupants.remove(node.metadata.name.as_deref().unwrap_or_default()).unwrap_or_default();
        instance(node, occupants, &attributes, context)
    });
    instances.collect()
}

/// Returns an expression that contains every attribute and task group of a request.
fn attributes(request: &Request) -> Expression {
    let expressions = request.constraints.iter().filter_map(|constraint| match constraint {
        Constraint::MemberOf(expression) => Some(expression.clone()),
        Constraint::DistinctInstance => None,
    });
    let spread = request.strategies.iter().filter_map(|strategy| strategy.attribute());
    let names = request.attributes.keys().copied().chain(spread).chain([ZONE]);
    Expression::all(expressions.chain(names.map(exists)))
}

fn exists(attribute: &str) -> Expression {
    Expression::Is(Condition::Attribute { name: attribute.to_owned(), test: Test::Exists })
}

/// Returns an instance that runs tasks, with the attributes that the steps of a strategy refer to.
#[must_use]
pub fn occupied(node: &NodeFacts, free: Amounts, strategies: &[Strategy]) -> Instance {
    let attributes = Expression::all(strategies.iter().filter_map(|strategy| strategy.attribute()).map(exists));
    Instance::new(node.name.clone(), node.instance(&attributes, None, [].iter()), free)
}

/// Returns the resources that a Pod reserves on its node, in whole units, rounded up.
///
/// # Errors
/// Returns an error if a quantity is invalid, which an API server rejects.
pub fn reserved(pod: &PodSpec) -> Result<Amounts, InvalidQuantity> {
    let requested = |resource| requests::pod_request(pod, resource);
    // Rounding down the negative amounts rounds up the amounts.
    let negative = whole_units(-requested("cpu")?, -requested("memory")?, -requested(GPU)?);
    let mut reserved = Amounts::default();
    reserved -= negative;
    Ok(reserved)
}

/// Returns the resources that the Pods of a node can reserve, in whole units, rounded down. Absent amounts are 0.
///
/// # Errors
/// Returns an error if a quantity is invalid, which an API server rejects.
pub fn allocatable(node: &Node) -> Result<Amounts, InvalidQuantity> {
    free(node, &Occupants::default())
}

/// Resources in use on a node; amounts in billionths.
#[derive(Default)]
struct Occupants {
    cpu: i128,
    memory: i128,
    gpus: i128,
    ports: Vec<HostPort>,
    tasks: Vec<TaskFacts>,
}

fn occupants(pods: &[Pod]) -> Result<BTreeMap<&str, Occupants>, InvalidQuantity> {
    let mut nodes: BTreeMap<&str, Occupants> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !is_stopped(pod)) {
        let Some(spec) = &pod.spec else { continue };
        let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) else { continue };
        let requested =
            |resource| requests::pod_request(spec, resource).map_err(|error| error.in_object("Pod", &pod.metadata));
        let on_node = nodes.entry(node).or_default();
        on_node.cpu = on_node.cpu.saturating_add(requested("cpu")?);
        on_node.memory = on_node.memory.saturating_add(requested("memory")?);
        on_node.gpus = on_node.gpus.saturating_add(requested(GPU)?);
        on_node.ports.extend(requests::ports(spec));
        on_node.tasks.extend(TaskFacts::from_pod(pod).map(|(_, task)| task));
    }
    Ok(nodes)
}

impl InvalidQuantity {
    fn in_object(self, kind: &str, metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Self {
        let name = metadata.name.as_deref().unwrap_or_default();
        let namespace = metadata.namespace.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        Self { object: format!("{kind} {namespace}{name}"), ..self }
    }
}

fn instance(
    node: Node,
    occupants: Occupants,
    attributes: &Expression,
    context: &RequestContext<'_>,
) -> Result<Instance, InvalidQuantity> {
    let free = free(&node, &occupants).map_err(|error| error.in_object("Node", &node.metadata))?;
    let draining = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let facts = NodeFacts::from_node(node);
    let repels = context.kubernetes.and_then(|kubernetes| missing_label(kubernetes, &facts));
    let repels = repels.or_else(|| repelling_taint(&taints, context.kubernetes));
    let properties = facts.instance(attributes, context.namespace, occupants.tasks.iter());
    let mut instance = Instance::new(facts.name, properties, free);
    instance.draining = draining;
    instance.exclusion = repels;
    instance.ports.extend(occupants.ports);
    let in_namespace = |task: &&TaskFacts| context.namespace.is_none_or(|namespace| namespace == task.namespace);
    occupants.tasks.iter().filter(in_namespace).for_each(|task| instance.add_task(&task.group));
    Ok(instance)
}

/// Returns the remaining resources of a node, in whole units, rounded down. Absent amounts are 0.
fn free(node: &Node, occupants: &Occupants) -> Result<Amounts, InvalidQuantity> {
    let status = node.status.as_ref();
    let lists = [
        ("allocatable", status.and_then(|status| status.allocatable.as_ref())),
        ("capacity", status.and_then(|status| status.capacity.as_ref())),
    ];
    let list = lists.into_iter().find_map(|(name, amounts)| Some((name, amounts?)));
    let remaining = |resource: &str, used: i128| {
        let Some((name, amount)) = list.and_then(|(name, amounts)| Some((name, amounts.get(resource)?))) else {
            return Ok(0_i128.saturating_sub(used));
        };
        let at = Pointer::root().key("status").key(name).key(resource);
        Ok(requests::read(amount, &at)?.saturating_sub(used))
    };
    Ok(whole_units(
        remaining("cpu", occupants.cpu)?,
        remaining("memory", occupants.memory)?,
        remaining(GPU, occupants.gpus)?,
    ))
}

/// Converts amounts in billionths to whole units, rounded down.
fn whole_units(cpu: i128, memory: i128, gpus: i128) -> Amounts {
    let units = |nanos: i128, unit: i128| {
        let units = nanos.div_euclid(unit).clamp(i64::MIN.into(), i64::MAX.into());
        i64::try_from(units).unwrap_or(i64::MAX)
    };
    Amounts {
        cpu: units(cpu.saturating_mul(UNITS_PER_VCPU.into()), NANOS),
        memory: units(memory, MEBIBYTE * NANOS),
        gpus: units(gpus, NANOS),
    }
}

/// Returns a message about a label that the node selector of a task requires and the node lacks.
fn missing_label(kubernetes: &TaskDefinitionKubernetes, node: &NodeFacts) -> Option<String> {
    let missing = kubernetes.node_selector.iter().find(|(key, value)| node.labels.get(*key) != Some(value));
    missing.map(|(key, value)| format!("it lacks the label {key}={value} of the task's nodeSelector"))
}

/// Returns a message about a taint that a task does not tolerate, except the taint of cordoned nodes, which count as draining.
fn repelling_taint(taints: &[Taint], kubernetes: Option<&TaskDefinitionKubernetes>) -> Option<String> {
    let tolerations = kubernetes.map_or(&[][..], |kubernetes| &kubernetes.tolerations);
    let tolerations: Vec<Toleration> = tolerations.iter().map(Toleration::from).collect();
    let taint = untolerated(taints, &tolerations).find(|taint| taint.key != CORDONED)?;
    let value = taint.value.as_deref().filter(|value| !value.is_empty());
    let value = value.map(|value| format!("={value}")).unwrap_or_default();
    Some(format!("it has the taint {}{value}:{}, which the task does not tolerate", taint.key, taint.effect))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use serde_json::{Value, json};

    use super::*;
    use crate::ecs::placement::rejections;

    fn node(name: &str, spec: &Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": "z1", "pool": "general"}}, "spec": spec,
            "status": {"conditions": [{"type": "Ready", "status": "True"}],
                "allocatable": {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "2", "pods": "110"}},
        }))
        .unwrap()
    }

    fn pod(labels: &Value, spec: &Value, phase: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "shop", "labels": labels}, "spec": spec, "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn context(request: &Request) -> RequestContext<'_> {
        RequestContext { request, kubernetes: None, namespace: None }
    }

    #[test]
    fn requests_and_ports_of_pods_are_subtracted_from_their_node() {
        let container = json!({"name": "a", "ports": [{"containerPort": 80, "hostPort": 80}],
            "resources": {"requests": {"cpu": "10m", "memory": "1.5Mi"}, "limits": {"nvidia.com/gpu": "1"}}});
        let spec = json!({"nodeName": "a", "containers": [container]});
        let task = json!({"ecs-operator.dev/service": "web", "ecs-operator.dev/task-definition": "app"});
        let pods = [
            pod(&task, &spec, "Running"),
            pod(&Value::Null, &spec, "Pending"),
            pod(&Value::Null, &spec, "Succeeded"),
            pod(&Value::Null, &json!({"containers": [container]}), "Pending"),
        ];
        let request = Request::default();
        let instances_of_both =
            instances(vec![node("a", &json!({})), node("b", &json!({}))], &pods, &context(&request));
        let [a, b]: [Instance; 2] = instances_of_both.unwrap().try_into().unwrap();
        // 20m are 20.48 units.
        assert_eq!(a.free, Amounts { cpu: 2048 - 21, memory: 4096 - 3, gpus: 0 });
        assert_eq!(a.ports.len(), 1);
        assert_eq!((a.tasks_of("service:web"), a.tasks_of("family:app")), (1, 0));
        assert_eq!(a.attribute(ZONE), Some("z1"));
        assert_eq!(b.free, Amounts { cpu: 2048, memory: 4096, gpus: 2 });
        let elsewhere = RequestContext { namespace: Some("bank"), ..context(&request) };
        let other = instances(vec![node("a", &json!({}))], &pods, &elsewhere).unwrap().remove(0);
        assert_eq!((other.tasks_of("service:web"), other.free.gpus), (0, 0));
    }

    #[test]
    fn taints_and_missing_labels_exclude_a_node() {
        let request = Request::default();
        let taint = |key: &str, effect: &str| json!({"key": key, "value": "gpu", "effect": effect});
        let refusal = |spec: Value, kubernetes: Value| {
            let kubernetes: TaskDefinitionKubernetes = serde_json::from_value(kubernetes).unwrap();
            let context = RequestContext { kubernetes: Some(&kubernetes), ..context(&request) };
            rejections(&instances(vec![node("a", &spec)], &[], &context).unwrap(), &request).remove(0)
        };
        let tainted = json!({"taints": [taint("dedicated", "PreferNoSchedule"), taint("dedicated", "NoSchedule")]});
        let message = format!("{:?}", refusal(tainted.clone(), json!({})));
        assert!(message.contains("taint dedicated=gpu:NoSchedule"), "{message}");
        let cases = [
            (json!({"tolerations": [{"key": "dedicated", "value": "gpu"}]}), true),
            (json!({"tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]}), true),
            (json!({"tolerations": [{"operator": "Exists"}]}), true),
            (json!({"tolerations": [{"key": "dedicated"}]}), false),
            (json!({"tolerations": [{"key": "other", "operator": "Exists"}]}), false),
            (json!({"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}), false),
        ];
        for (kubernetes, tolerated) in cases {
            assert_eq!(refusal(tainted.clone(), kubernetes.clone()).is_none(), tolerated, "{kubernetes}");
        }
        assert_eq!(refusal(json!({}), json!({"nodeSelector": {"pool": "general"}})), None);
        assert!(refusal(json!({}), json!({"nodeSelector": {"pool": "special"}})).is_some());
        let cordoned = json!({"unschedulable": true, "taints": [taint(CORDONED, "NoSchedule")]});
        assert_eq!(format!("{:?}", refusal(cordoned, json!({}))), "Some(Draining)");
    }

    #[test]
    fn an_invalid_quantity_is_reported_with_its_object() {
        let request = Request::default();
        let mut broken = node("a", &json!({}));
        let allocatable = broken.status.as_mut().and_then(|status| status.allocatable.as_mut()).unwrap();
        allocatable.insert("memory".to_owned(), Quantity("lots".to_owned()));
        let error = instances(vec![broken], &[], &context(&request)).unwrap_err();
        assert_eq!(error.to_string(), "Node a, /status/allocatable/memory: `lots` is not a quantity");
    }
}
