//! Nodes as container instances, for ECS's own placement.
//!
//! | of an instance | of a node |
//! |---|---|
//! | attributes, agent, registration | as expressions see them ([`NodeFacts`]) |
//! | what is left | `status.allocatable`, less what the Pods on it request and the ports they have |
//! | its tasks | Pods with the labels of tasks |
//! | `DRAINING` | `spec.unschedulable` |
//! | agent not connected | not `Ready` |
//!
//! Taints that a task does not tolerate, and labels that its `kubernetes.nodeSelector` asks for, keep it away as attributes do.
//! ECS has no word for how many Pods a node takes, which is not counted.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::api::TaskDefinitionKubernetes;
use crate::ecs::placement::{Amounts, Constraint, HostPort, Instance, Request, Strategy, ZONE};
use crate::ecs::pointer::Pointer;
use crate::ecs::query::{Condition, Expression, Test};
use crate::ecs::units::UNITS_PER_VCPU;
use crate::k8s::quantity::NANOS;
use crate::translate::container::resource_requirements::GPU;
use crate::translate::placement::facts::{NodeFacts, TaskFacts, is_over};
use crate::translate::placement::group::fitted;
use crate::translate::placement::requests;
pub use crate::translate::placement::requests::UnreadableQuantity;
use crate::translate::placement::scheduling::repelling;

/// The taint by which the server says `spec.unschedulable` once more.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

const MEBIBYTE: i128 = 1 << 20;

/// Who asks for instances.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The tasks to be placed.
    pub request: &'a Request,
    /// What only Kubernetes knows of their definition.
    pub kubernetes: Option<&'a TaskDefinitionKubernetes>,
    /// The namespace of the tasks whose groups count; those of all when there is none.
    pub namespace: Option<&'a str>,
}

/// Calls the groups of a request as Pods know them, by the names of objects.
pub fn fit(request: &mut Request) {
    request.group = fitted(&request.group);
    for constraint in &mut request.constraints {
        if let Constraint::MemberOf(expression) = constraint {
            *expression = expression.with_groups_named(&fitted);
        }
    }
}

/// The nodes as instances, in their order. The request is one that [`fit`] was applied to.
///
/// # Errors
/// When an amount cannot be read, which no API server says.
pub fn instances(nodes: Vec<Node>, pods: &[Pod], asker: &Asker<'_>) -> Result<Vec<Instance>, UnreadableQuantity> {
    let mut occupants = occupants(pods)?;
    let question = question(asker.request);
    let instance = |node: Node| {
        let occupant = occupants.remove(node.metadata.name.as_deref().unwrap_or_default()).unwrap_or_default();
        instance(node, occupant, &question, asker)
    };
    nodes.into_iter().map(instance).collect()
}

/// What a request asks about instances, as one question.
fn question(request: &Request) -> Expression {
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

/// A node as one of the instances that tasks run on already, with the attributes that the steps of a strategy ask about.
#[must_use]
pub fn occupied(node: &NodeFacts, free: Amounts, strategies: &[Strategy]) -> Instance {
    let asked = Expression::all(strategies.iter().filter_map(|strategy| strategy.attribute()).map(exists));
    Instance::new(node.name.clone(), node.instance(&asked, None, [].iter()), free)
}

/// What a Pod keeps from others on its node, in whole units that are rounded up.
///
/// # Errors
/// When an amount cannot be read, which no API server says.
pub fn reserved(pod: &PodSpec) -> Result<Amounts, UnreadableQuantity> {
    let requested = |resource| requests::of(pod, resource);
    let taken_off = whole(-requested("cpu")?, -requested("memory")?, -requested(GPU)?);
    let mut reserved = Amounts::default();
    reserved -= taken_off;
    Ok(reserved)
}

/// What the Pods of a node can reserve altogether, in whole units that are rounded down. A node that says nothing has nothing.
///
/// # Errors
/// When an amount cannot be read, which no API server says.
pub fn allocatable(node: &Node) -> Result<Amounts, UnreadableQuantity> {
    free(node, &Occupants::default())
}

/// What is on a node already; amounts in billionths.
#[derive(Default)]
struct Occupants {
    cpu: i128,
    memory: i128,
    gpus: i128,
    ports: Vec<HostPort>,
    tasks: Vec<TaskFacts>,
}

fn occupants(pods: &[Pod]) -> Result<BTreeMap<&str, Occupants>, UnreadableQuantity> {
    let mut found: BTreeMap<&str, Occupants> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !is_over(pod)) {
        let Some(spec) = &pod.spec else { continue };
        let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) else { continue };
        let requested = |resource| requests::of(spec, resource).map_err(|error| error.of("Pod", &pod.metadata));
        let on_node = found.entry(node).or_default();
        on_node.cpu = on_node.cpu.saturating_add(requested("cpu")?);
        on_node.memory = on_node.memory.saturating_add(requested("memory")?);
        on_node.gpus = on_node.gpus.saturating_add(requested(GPU)?);
        on_node.ports.extend(requests::ports(spec));
        on_node.tasks.extend(TaskFacts::of(pod).map(|(_, task)| task));
    }
    Ok(found)
}

impl UnreadableQuantity {
    fn of(self, kind: &str, metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Self {
        let name = metadata.name.as_deref().unwrap_or_default();
        let namespace = metadata.namespace.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        Self { object: format!("{kind} {namespace}{name}"), ..self }
    }
}

fn instance(
    node: Node,
    occupants: Occupants,
    question: &Expression,
    asker: &Asker<'_>,
) -> Result<Instance, UnreadableQuantity> {
    let free = free(&node, &occupants).map_err(|error| error.of("Node", &node.metadata))?;
    let draining = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let facts = NodeFacts::of(node);
    let repels = asker.kubernetes.and_then(|kubernetes| unselected(kubernetes, &facts));
    let repels = repels.or_else(|| untolerated(&taints, asker.kubernetes));
    let seen = facts.instance(question, asker.namespace, occupants.tasks.iter());
    let mut instance = Instance::new(facts.name, seen, free);
    instance.draining = draining;
    instance.repels = repels;
    instance.ports.extend(occupants.ports);
    let near = |task: &&TaskFacts| asker.namespace.is_none_or(|namespace| namespace == task.namespace);
    occupants.tasks.iter().filter(near).for_each(|task| instance.add_task(&task.group));
    Ok(instance)
}

/// What is left of a node, in whole units that are rounded down. A node that says nothing has nothing.
fn free(node: &Node, occupants: &Occupants) -> Result<Amounts, UnreadableQuantity> {
    let status = node.status.as_ref();
    let said = [
        ("allocatable", status.and_then(|status| status.allocatable.as_ref())),
        ("capacity", status.and_then(|status| status.capacity.as_ref())),
    ];
    let said = said.into_iter().find_map(|(name, amounts)| Some((name, amounts?)));
    let has = |resource: &str| {
        let Some((name, amounts)) = said else { return Ok(0) };
        let at = Pointer::root().key("status").key(name).key(resource);
        amounts.get(resource).map_or(Ok(0), |amount: &Quantity| requests::read(amount, &at))
    };
    let left = |resource: &str, taken: i128| Ok(has(resource)?.saturating_sub(taken));
    Ok(whole(left("cpu", occupants.cpu)?, left("memory", occupants.memory)?, left(GPU, occupants.gpus)?))
}

/// Amounts in billionths as whole units, rounded down.
fn whole(cpu: i128, memory: i128, gpus: i128) -> Amounts {
    let whole = |nanos: i128, unit: i128| {
        let units = nanos.div_euclid(unit).clamp(i64::MIN.into(), i64::MAX.into());
        i64::try_from(units).unwrap_or(i64::MAX)
    };
    Amounts {
        cpu: whole(cpu.saturating_mul(UNITS_PER_VCPU.into()), NANOS),
        memory: whole(memory, MEBIBYTE * NANOS),
        gpus: whole(gpus, NANOS),
    }
}

/// What a task's node selector asks for and a node has not.
fn unselected(kubernetes: &TaskDefinitionKubernetes, node: &NodeFacts) -> Option<String> {
    let wanted = kubernetes.node_selector.iter().find(|(key, value)| node.labels.get(*key) != Some(value));
    wanted.map(|(key, value)| format!("it lacks the label {key}={value} of the task's nodeSelector"))
}

/// The taint that keeps a task away. A cordoned node is draining, which says it already.
fn untolerated(taints: &[Taint], kubernetes: Option<&TaskDefinitionKubernetes>) -> Option<String> {
    let given = kubernetes.map_or(&[][..], |kubernetes| &kubernetes.tolerations);
    let tolerations: Vec<Toleration> = given.iter().map(Toleration::from).collect();
    let taint = repelling(taints, &tolerations).find(|taint| taint.key != CORDONED)?;
    let value = taint.value.as_deref().filter(|value| !value.is_empty());
    let value = value.map(|value| format!("={value}")).unwrap_or_default();
    Some(format!("it has the taint {}{value}:{}, which the task does not tolerate", taint.key, taint.effect))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::placement::refusals;
    use serde_json::{Value, json};

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

    fn asking(request: &Request) -> Asker<'_> {
        Asker { request, kubernetes: None, namespace: None }
    }

    #[test]
    fn what_pods_request_and_have_is_taken_off_their_node() {
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
        let found = instances(vec![node("a", &json!({})), node("b", &json!({}))], &pods, &asking(&request)).unwrap();
        // 20m are 20.48 units.
        assert_eq!(found[0].free, Amounts { cpu: 2048 - 21, memory: 4096 - 3, gpus: 0 });
        assert_eq!(found[0].ports.len(), 1);
        assert_eq!((found[0].tasks_of("service:web"), found[0].tasks_of("family:app")), (1, 0));
        assert_eq!(found[0].attribute(ZONE), Some("z1"));
        assert_eq!(found[1].free, Amounts { cpu: 2048, memory: 4096, gpus: 2 });
        let elsewhere = Asker { namespace: Some("bank"), ..asking(&request) };
        let found = instances(vec![node("a", &json!({}))], &pods, &elsewhere).unwrap();
        assert_eq!((found[0].tasks_of("service:web"), found[0].free.gpus), (0, 0));
    }

    #[test]
    fn taints_and_labels_keep_tasks_away_unless_the_definition_says_otherwise() {
        let request = Request::default();
        let taint = |key: &str, effect: &str| json!({"key": key, "value": "gpu", "effect": effect});
        let refused = |spec: Value, kubernetes: Value| {
            let kubernetes: TaskDefinitionKubernetes = serde_json::from_value(kubernetes).unwrap();
            let asker = Asker { kubernetes: Some(&kubernetes), ..asking(&request) };
            refusals(&instances(vec![node("a", &spec)], &[], &asker).unwrap(), &request).remove(0)
        };
        let tainted = json!({"taints": [taint("dedicated", "PreferNoSchedule"), taint("dedicated", "NoSchedule")]});
        let told = format!("{:?}", refused(tainted.clone(), json!({})));
        assert!(told.contains("taint dedicated=gpu:NoSchedule"), "{told}");
        let cases = [
            (json!({"tolerations": [{"key": "dedicated", "value": "gpu"}]}), true),
            (json!({"tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]}), true),
            (json!({"tolerations": [{"operator": "Exists"}]}), true),
            (json!({"tolerations": [{"key": "dedicated"}]}), false),
            (json!({"tolerations": [{"key": "other", "operator": "Exists"}]}), false),
            (json!({"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}), false),
        ];
        for (kubernetes, tolerated) in cases {
            assert_eq!(refused(tainted.clone(), kubernetes.clone()).is_none(), tolerated, "{kubernetes}");
        }
        assert_eq!(refused(json!({}), json!({"nodeSelector": {"pool": "general"}})), None);
        assert!(refused(json!({}), json!({"nodeSelector": {"pool": "special"}})).is_some());
        let cordoned = json!({"unschedulable": true, "taints": [taint(CORDONED, "NoSchedule")]});
        assert_eq!(format!("{:?}", refused(cordoned, json!({}))), "Some(Draining)");
    }

    #[test]
    fn an_amount_that_cannot_be_read_is_told_with_its_object() {
        let request = Request::default();
        let mut broken = node("a", &json!({}));
        let allocatable = broken.status.as_mut().and_then(|status| status.allocatable.as_mut()).unwrap();
        allocatable.insert("memory".to_owned(), Quantity("lots".to_owned()));
        let error = instances(vec![broken], &[], &asking(&request)).unwrap_err();
        assert_eq!(error.to_string(), "Node a, /status/allocatable/memory: `lots` is not a quantity");
    }
}
