//! Reservation of a task on its container instance.

use std::collections::BTreeSet;
use std::ops::{AddAssign, SubAssign};

use crate::ecs::task_definition::{ContainerDefinition, NetworkMode, ResourceType, TaskDefinition, TransportProtocol};
use crate::ecs::units::{cpu_units, memory_mib};
use crate::ecs::validate::network_mode;

/// Amounts of resources. The free amounts of an overcommitted instance are negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amounts {
    /// CPU units; 1024 are one vCPU.
    pub cpu: i64,
    /// Memory in MiB.
    pub memory: i64,
    /// Whole GPUs.
    pub gpus: i64,
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.gpus += other.gpus;
    }
}

impl SubAssign for Amounts {
    fn sub_assign(&mut self, other: Self) {
        self.cpu -= other.cpu;
        self.memory -= other.memory;
        self.gpus -= other.gpus;
    }
}

/// Port of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// Number, 1 to 65535.
    pub number: i32,
    /// Protocol. The same number is a different port in another protocol.
    pub protocol: TransportProtocol,
}

/// Resources that a task reserves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Amounts.
    pub amounts: Amounts,
    /// Ports that no other task on the instance can use.
    pub ports: BTreeSet<HostPort>,
}

impl Reservation {
    /// Returns the reservation of a task of a valid definition.
    ///
    /// CPU and memory are those of the task, otherwise the sum over its containers, where `memoryReservation` takes precedence
    /// over `memory`. Ports are the fixed ports of the instance: none in the network mode `awsvpc`, `hostPort` in `bridge`,
    /// `containerPort` in `host`. `ALL` GPUs and a part of a GPU count as one.
    ///
    /// Source: "Task definition parameters" in the ECS developer guide: "Task size", "Memory", "Port mappings", "Resource
    /// requirements".
    #[must_use]
    pub fn from_task_definition(task: &TaskDefinition) -> Self {
        let containers = &task.container_definitions;
        let cpu: i64 = containers.iter().filter_map(|container| container.cpu).map(i64::from).sum();
        let memory = containers.iter().map(reserved_memory).sum();
        let amounts = Amounts {
            cpu: task_cpu(task).unwrap_or(cpu),
            memory: task_memory(task).unwrap_or(memory),
            gpus: containers.iter().map(gpus).sum(),
        };
        Self { amounts, ports: fixed_ports(task) }
    }
}

/// Returns the CPU units of the task; `None` if absent or invalid.
pub(in crate::ecs) fn task_cpu(task: &TaskDefinition) -> Option<i64> {
    task.cpu.as_deref().and_then(|text| cpu_units(text).ok())
}

/// Returns the memory of the task in MiB; `None` if absent or invalid.
pub(in crate::ecs) fn task_memory(task: &TaskDefinition) -> Option<i64> {
    task.memory.as_deref().and_then(|text| memory_mib(text).ok())
}

/// Returns the memory of a container in MiB: its reservation, otherwise its limit.
pub(in crate::ecs) fn reserved_memory(container: &ContainerDefinition) -> i64 {
    let amounts = [container.memory_reservation, container.memory];
    i64::from(amounts.into_iter().flatten().find(|amount| *amount > 0).unwrap_or(0))
}

fn gpus(container: &ContainerDefinition) -> i64 {
    let gpus = container.resource_requirements.iter().filter(|requirement| requirement.r#type == ResourceType::Gpu);
    let counts = gpus.map(|requirement| requirement.value.as_deref().and_then(|value| value.parse::<u32>().ok()));
    counts.map(|count| i64::from(count.filter(|count| *count > 0).unwrap_or(1))).sum()
}

fn fixed_ports(task: &TaskDefinition) -> BTreeSet<HostPort> {
    let mode = network_mode(task);
    let mappings = task.container_definitions.iter().flat_map(|container| &container.port_mappings);
    let fixed = mappings.filter_map(|mapping| {
        let number = match mode {
            NetworkMode::Bridge => mapping.host_port,
            NetworkMode::Host => mapping.container_port,
            NetworkMode::Awsvpc | NetworkMode::None => None,
        };
        let number = number.filter(|number| *number != 0)?;
        Some(HostPort { number, protocol: mapping.protocol.unwrap_or_default() })
    });
    fixed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn reservation(definition: Value) -> Reservation {
        Reservation::from_task_definition(&serde_json::from_value(definition).unwrap())
    }

    fn amounts(definition: Value) -> (i64, i64, i64) {
        let Amounts { cpu, memory, gpus } = reservation(definition).amounts;
        (cpu, memory, gpus)
    }

    #[test]
    fn amounts_of_the_task_take_precedence_over_those_of_its_containers() {
        let containers = json!([{"cpu": 100, "memory": 300, "memoryReservation": 200}, {"memory": 64}, {"cpu": 28}]);
        let cases = [
            (json!({"containerDefinitions": containers}), (128, 264, 0)),
            (json!({"cpu": "1 vCPU", "containerDefinitions": containers}), (1024, 264, 0)),
            (json!({"memory": "0.5GB", "containerDefinitions": containers}), (128, 512, 0)),
            (json!({"cpu": "256", "memory": "1024", "containerDefinitions": containers}), (256, 1024, 0)),
            (json!({"cpu": "", "memory": "", "containerDefinitions": containers}), (128, 264, 0)),
        ];
        for (definition, expected) in cases {
            assert_eq!(amounts(definition.clone()), expected, "{definition}");
        }
    }

    #[test]
    fn gpus_of_all_containers_add_up() {
        let container = |value: Value| json!({"resourceRequirements": [{"type": "GPU", "value": value}]});
        let neuron = json!({"resourceRequirements": [{"type": "NeuronDevice", "value": "4"}]});
        let definition = json!({"containerDefinitions": [container(json!("2")), container(json!("ALL")), neuron]});
        assert_eq!(amounts(definition), (0, 0, 3));
    }

    #[test]
    fn only_fixed_ports_are_reserved() {
        let ports = |mode: Value, more: Value| {
            let mappings = json!([
                {"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}, {"containerPort": 82, "hostPort": 0},
                {"containerPort": 53, "hostPort": 53, "protocol": "udp"}, {"containerPortRange": "100-200"},
            ]);
            let container = json!({"portMappings": mappings});
            let task =
                json!({"networkMode": mode, "requiresCompatibilities": more, "containerDefinitions": [container]});
            reservation(task).ports.into_iter().map(|port| (port.number, port.protocol.as_str())).collect::<Vec<_>>()
        };
        let none = json!([]);
        assert_eq!(ports(json!("bridge"), none.clone()), [(53, "udp"), (8080, "tcp")]);
        assert_eq!(ports(Value::Null, none.clone()), [(53, "udp"), (8080, "tcp")]);
        assert_eq!(ports(json!("host"), none.clone()), [(53, "udp"), (80, "tcp"), (81, "tcp"), (82, "tcp")]);
        assert_eq!(ports(json!("awsvpc"), none.clone()), []);
        assert_eq!(ports(Value::Null, json!(["FARGATE"])), [], "Fargate requires awsvpc");
    }
}
