//! Random clusters and tasks, as simple data and as inputs of the placement engine.

use std::collections::BTreeMap;

use ecs_operator::ecs::placement::{Amounts, HostPort, Instance};
use ecs_operator::ecs::{TaskDefinition, query};
use fastrand::Rng;
use serde_json::{Value, json};

/// A cluster, a task to place on it, and a seed for the random events of the test.
#[derive(Debug)]
pub struct Case {
    pub machines: Vec<Machine>,
    pub definition: Definition,
    pub group: &'static str,
    pub is_service: bool,
    pub steps: Vec<Step>,
    pub rules: Vec<Rule>,
    pub seed: u64,
}

#[derive(Clone, Debug)]
pub struct Machine {
    pub attributes: BTreeMap<&'static str, &'static str>,
    pub cpu: i64,
    pub memory: i64,
    pub gpus: i64,
    pub active: bool,
    pub connected: bool,
    pub tainted: bool,
    pub tasks: Vec<Job>,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub group: &'static str,
    pub cpu: i64,
    pub memory: i64,
    pub gpus: i64,
    pub ports: Vec<i64>,
    pub protected: bool,
    pub healthy: bool,
}

/// A task definition: the size of the task and of each container.
#[derive(Clone, Debug)]
pub struct Definition {
    pub cpu: Option<i64>,
    pub memory: Option<i64>,
    pub mode: Option<&'static str>,
    pub containers: Vec<Sizes>,
}

#[derive(Clone, Debug)]
pub struct Sizes {
    pub cpu: Option<i64>,
    pub limit: Option<i64>,
    pub reservation: Option<i64>,
    pub gpus: i64,
    /// Container port and host port.
    pub ports: Vec<(i64, Option<i64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Random,
    SpreadHost,
    SpreadAttribute(&'static str),
    BinpackCpu,
    BinpackMemory,
}

#[derive(Clone, Copy, Debug)]
pub enum Rule {
    Distinct,
    Is { name: &'static str, value: &'static str },
    IsNot { name: &'static str, value: &'static str },
    Lacks(&'static str),
    Near(&'static str),
    Far(&'static str),
    FewerThan(usize),
}

pub const GROUPS: [&str; 3] = ["service:web", "family:job", "service:db"];
pub const ATTRIBUTES: [(&str, &[&str]); 3] =
    [("ecs.availability-zone", &["a", "b", "c"]), ("rack", &["1", "2"]), ("stack", &["prod", "test"])];

fn one_of<T: Copy>(from: &[T], rng: &mut Rng) -> T {
    from[rng.usize(..from.len())]
}

fn maybe<T>(rng: &mut Rng, percent: u32, value: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.u32(..100) < percent).then(|| value(rng))
}

fn some<T>(rng: &mut Rng, most: usize, value: impl Fn(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(..=most)).map(|_| value(rng)).collect()
}

impl Case {
    pub fn random(rng: &mut Rng) -> Self {
        let is_service = rng.bool();
        Self {
            machines: some(rng, 9, Machine::random),
            definition: Definition::random(rng),
            group: if is_service { GROUPS[0] } else { GROUPS[1] },
            is_service,
            steps: some(rng, 5, Step::random),
            rules: if rng.bool() { some(rng, 3, Rule::random) } else { Vec::new() },
            seed: rng.u64(..),
        }
    }
}

impl Machine {
    pub fn random(rng: &mut Rng) -> Self {
        let mut attributes = BTreeMap::new();
        for (name, values) in ATTRIBUTES {
            attributes.extend(maybe(rng, 85, |rng| (name, one_of(values, rng))));
        }
        Self {
            attributes,
            cpu: rng.i64(0..8) * 512,
            memory: rng.i64(0..8) * 512,
            gpus: rng.i64(0..3),
            active: rng.u32(..10) > 0,
            connected: rng.u32(..10) > 0,
            tainted: rng.u32(..10) == 0,
            tasks: some(rng, 3, Job::random),
        }
    }

    pub fn left(&self, total: i64, of: impl Fn(&Job) -> i64) -> i64 {
        total - self.tasks.iter().map(of).sum::<i64>()
    }

    pub fn cpu_left(&self) -> i64 {
        self.left(self.cpu, |job| job.cpu)
    }

    pub fn memory_left(&self) -> i64 {
        self.left(self.memory, |job| job.memory)
    }

    pub fn tasks_of(&self, group: &str) -> usize {
        self.tasks.iter().filter(|job| job.group == group).count()
    }

    /// The instance as an input of the placement engine.
    pub fn instance(&self, number: usize) -> Instance {
        let attributes =
            self.attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let facts = query::Instance {
            attributes,
            agent_connected: self.connected,
            running_tasks: i64::try_from(self.tasks.len()).expect("few"),
            ..query::Instance::default()
        };
        let gpus = self.left(self.gpus, |job| job.gpus);
        let free = Amounts { cpu: self.cpu_left(), memory: self.memory_left(), gpus };
        let mut instance = Instance::new(number.to_string(), facts, free);
        instance.draining = !self.active;
        instance.exclusion = self.tainted.then(|| "a taint".to_owned());
        for job in &self.tasks {
            instance.add_task(job.group);
            instance.ports.extend(job.ports.iter().map(|port| host_port(*port)));
        }
        instance
    }
}

pub fn host_port(number: i64) -> HostPort {
    HostPort { number: i32::try_from(number).expect("a port"), protocol: ecs_operator::ecs::TransportProtocol::Tcp }
}

impl Job {
    pub fn random(rng: &mut Rng) -> Self {
        Self {
            group: one_of(&GROUPS, rng),
            cpu: rng.i64(0..3) * 256,
            memory: rng.i64(0..3) * 256,
            gpus: i64::from(rng.u32(..8) == 0),
            ports: some(rng, 1, |rng| rng.i64(8000..8010)),
            protected: rng.u32(..4) == 0,
            healthy: rng.u32(..6) > 0,
        }
    }
}

impl Definition {
    pub fn random(rng: &mut Rng) -> Self {
        let sizes = |rng: &mut Rng| Sizes {
            cpu: maybe(rng, 70, |rng| rng.i64(0..4) * 128),
            limit: maybe(rng, 70, |rng| rng.i64(3..5) * 128),
            reservation: maybe(rng, 50, |rng| rng.i64(1..4) * 128),
            gpus: i64::from(rng.u32(..10) == 0),
            ports: some(rng, 1, |rng| (rng.i64(8000..8010), maybe(rng, 60, |rng| one_of(&[0, 8001, 8002], rng)))),
        };
        let first = sizes(rng);
        Self {
            cpu: maybe(rng, 40, |rng| rng.i64(1..5) * 256),
            memory: maybe(rng, 40, |rng| rng.i64(1..5) * 256),
            mode: maybe(rng, 70, |rng| one_of(&["bridge", "host", "awsvpc", "none"], rng)),
            containers: [vec![first], some(rng, 2, sizes)].concat(),
        }
    }

    pub fn read(&self) -> TaskDefinition {
        let container = |sizes: &Sizes| {
            let gpu = json!({"type": "GPU", "value": sizes.gpus.to_string()});
            let ports = sizes.ports.iter().map(|(port, host)| json!({"containerPort": port, "hostPort": host}));
            json!({
                "cpu": sizes.cpu, "memory": sizes.limit, "memoryReservation": sizes.reservation,
                "resourceRequirements": if sizes.gpus > 0 { vec![gpu] } else { Vec::new() },
                "portMappings": ports.collect::<Vec<Value>>(),
            })
        };
        let text = |amount: Option<i64>| amount.map(|amount| amount.to_string());
        serde_json::from_value(json!({
            "cpu": text(self.cpu), "memory": text(self.memory), "networkMode": self.mode,
            "containerDefinitions": self.containers.iter().map(container).collect::<Vec<Value>>(),
        }))
        .expect("a task definition")
    }

    /// The resources that a task of this definition reserves.
    pub fn job(&self, group: &'static str) -> Job {
        let (mut cpu, mut memory, mut gpus, mut ports) = (0, 0, 0, Vec::new());
        for sizes in &self.containers {
            cpu += sizes.cpu.unwrap_or(0);
            memory += if let Some(soft) = sizes.reservation { soft } else { sizes.limit.unwrap_or(0) };
            gpus += sizes.gpus;
            for (port, host) in &sizes.ports {
                match self.mode {
                    Some("host") => ports.push(*port),
                    Some("bridge") | None => ports.extend(host.filter(|host| *host > 0)),
                    _ => {}
                }
            }
        }
        let (cpu, memory) = (self.cpu.unwrap_or(cpu), self.memory.unwrap_or(memory));
        Job { group, cpu, memory, gpus, ports, protected: false, healthy: true }
    }
}

impl Step {
    pub fn random(rng: &mut Rng) -> Self {
        let name = one_of(&ATTRIBUTES, rng).0;
        one_of(
            &[Self::Random, Self::SpreadHost, Self::SpreadAttribute(name), Self::BinpackCpu, Self::BinpackMemory],
            rng,
        )
    }

    pub fn spelled(self) -> String {
        match self {
            Self::Random => "random".to_owned(),
            Self::SpreadHost => "spread=host".to_owned(),
            Self::SpreadAttribute(name) => format!("spread=attribute:{name}"),
            Self::BinpackCpu => "binpack=cpu".to_owned(),
            Self::BinpackMemory => "binpack=memory".to_owned(),
        }
    }
}

impl Rule {
    pub fn random(rng: &mut Rng) -> Self {
        let (name, values) = one_of(&ATTRIBUTES, rng);
        let (value, group) = (one_of(values, rng), one_of(&GROUPS, rng));
        one_of(
            &[
                Self::Distinct,
                Self::Is { name, value },
                Self::IsNot { name, value },
                Self::Lacks(name),
                Self::Near(group),
                Self::Far(group),
                Self::FewerThan(rng.usize(1..6)),
            ],
            rng,
        )
    }

    pub fn spelled(self) -> String {
        match self {
            Self::Distinct => "distinctInstance".to_owned(),
            Self::Is { name, value } => format!("memberOf=attribute:{name} == {value}"),
            Self::IsNot { name, value } => format!("memberOf=attribute:{name} != {value}"),
            Self::Lacks(name) => format!("memberOf=not(attribute:{name} exists)"),
            Self::Near(group) => format!("memberOf=task:group == {group}"),
            Self::Far(group) => format!("memberOf=not(task:group == {group})"),
            Self::FewerThan(number) => format!("memberOf=runningTasksCount < {number}"),
        }
    }

    pub fn holds(self, machine: &Machine, group: &str) -> bool {
        match self {
            Self::Distinct => machine.tasks_of(group) == 0,
            Self::Is { name, value } => machine.attributes.get(name) == Some(&value),
            Self::IsNot { name, value } => machine.attributes.get(name).is_some_and(|has| *has != value),
            Self::Lacks(name) => !machine.attributes.contains_key(name),
            Self::Near(group) => machine.tasks_of(group) > 0,
            Self::Far(group) => machine.tasks_of(group) == 0,
            Self::FewerThan(number) => machine.tasks.len() < number,
        }
    }
}
