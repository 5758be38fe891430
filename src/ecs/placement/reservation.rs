//! Reservation of a task on its container instance.

use std::collections::BTreeSet;
use std::ops::{AddAssign, SubAssign};

use crate::ecs::task_definition::{ContainerDefinition, NetworkMode, ResourceType, TaskDefinition, TransportProtocol};
use crate::ecs::units::{cpu_units, memory_mib};
use crate::ecs::validate::network_mode;

/// Amounts that are counted. What is left of an instance is below 0 where more is reserved than there is.
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

/// A port of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// The number, 1 to 65535.
    pub number: i32,
    /// One number is another port in another protocol.
    pub protocol: TransportProtocol,
}

/// Resources that a task reserves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// The amounts.
    pub amounts: Amounts,
    /// The ports that nothing else on the instance may have.
    pub ports: BTreeSet<HostPort>,
}

impl Reservation {
    /// Returns the reservation of a task of a valid definition.
    ///
    /// CPU and memory are those of the task, else the sum over its containers, where `memoryReservation` comes before
    /// `memory`. Ports are those of the instance that the definition fixes: none in the network mode `awsvpc`, `hostPort` in
    /// `bridge`, `containerPort` in `host`. Of GPUs, `ALL` and a part of one count as one.
    ///
    /// Source: "Task definition parameters" in the ECS developer guide: "Task size", "Memory", "Port mappings", "Resource
    /// requirements".
    #[must_use]
    pub fn of(task: &TaskDefinition) -> Self {
        let containers = &task.container_definitions;
        let cpu = || containers.iter().filter_map(|container| container.cpu).map(i64::from).sum();
        let memory = || containers.iter().map(reserved_memory).sum();
        let amounts = Amounts {
            cpu: task_cpu(task).unwrap_or_else(cpu),
            memory: task_memory(task).unwrap_or_else(memory),
            gpus: containers.iter().map(gpus).sum(),
        };
        Self { amounts, ports: fixed_ports(task) }
    }
}

/// The task's CPU in units; nothing when absent or unreadable.
pub(in crate::ecs) fn task_cpu(task: &TaskDefinition) -> Option<i64> {
    task.cpu.as_deref().and_then(|text| cpu_units(text).ok())
}

/// The task's memory in MiB; nothing when absent or unreadable.
pub(in crate::ecs) fn task_memory(task: &TaskDefinition) -> Option<i64> {
    task.memory.as_deref().and_then(|text| memory_mib(text).ok())
}

/// MiB set aside for a container: its reservation, else its limit.
pub(in crate::ecs) fn reserved_memory(container: &ContainerDefinition) -> i64 {
    let set = |amount: Option<i32>| amount.filter(|amount| *amount > 0);
    i64::from(set(container.memory_reservation).or(set(container.memory)).unwrap_or(0))
}

fn gpus(container: &ContainerDefinition) -> i64 {
    let wanted = container.resource_requirements.iter().filter(|requirement| requirement.r#type == ResourceType::Gpu);
    let count = |value: Option<&str>| value.and_then(|value| value.parse::<u32>().ok()).filter(|count| *count > 0);
    wanted.map(|requirement| i64::from(count(requirement.value.as_deref()).unwrap_or(1))).sum()
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

    fn of(definition: Value) -> Reservation {
        Reservation::of(&serde_json::from_value(definition).unwrap())
    }

    fn amounts(definition: Value) -> (i64, i64, i64) {
        let Amounts { cpu, memory, gpus } = of(definition).amounts;
        (cpu, memory, gpus)
    }

    #[test]
    fn the_tasks_amounts_come_before_those_of_its_containers() {
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
    fn only_ports_that_the_definition_fixes_are_reserved() {
        let ports = |mode: Value, more: Value| {
            let mappings = json!([
                {"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}, {"containerPort": 82, "hostPort": 0},
                {"containerPort": 53, "hostPort": 53, "protocol": "udp"}, {"containerPortRange": "100-200"},
            ]);
            let container = json!({"portMappings": mappings});
            let found =
                of(json!({"networkMode": mode, "requiresCompatibilities": more, "containerDefinitions": [container]}));
            found.ports.into_iter().map(|port| (port.number, port.protocol.as_str())).collect::<Vec<_>>()
        };
        let none = json!([]);
        assert_eq!(ports(json!("bridge"), none.clone()), [(53, "udp"), (8080, "tcp")]);
        assert_eq!(ports(Value::Null, none.clone()), [(53, "udp"), (8080, "tcp")]);
        assert_eq!(ports(json!("host"), none.clone()), [(53, "udp"), (80, "tcp"), (81, "tcp"), (82, "tcp")]);
        assert_eq!(ports(json!("awsvpc"), none.clone()), []);
        assert_eq!(ports(Value::Null, json!(["FARGATE"])), [], "which has awsvpc alone");
    }
}
