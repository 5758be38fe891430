//! Placement against a second account of the algorithm, which shares nothing with the first: what is known of an instance is
//! worked out anew from its tasks each time, and all instances are compared by whole lists of keys.

use std::collections::BTreeMap;

use ecs_operator::ecs::TaskDefinition;
use ecs_operator::ecs::placement::{
    Amounts, Constraint, Failure, HostPort, Instance, Request, Reservation, Running, Strategy, best, best_to_stop,
    choose_to_stop, place,
};
use ecs_operator::ecs::query;
use fastrand::Rng;
use proptest::arbitrary::any;
use proptest::strategy::Strategy as _;
use serde_json::{Value, json};

/// A cluster, what is asked of it, and random numbers for what happens in it.
#[derive(Debug)]
pub struct Case {
    machines: Vec<Machine>,
    definition: Definition,
    group: &'static str,
    is_service: bool,
    steps: Vec<Step>,
    rules: Vec<Rule>,
    seed: u64,
}

#[derive(Clone, Debug)]
struct Machine {
    attributes: BTreeMap<&'static str, &'static str>,
    cpu: i64,
    memory: i64,
    gpus: i64,
    active: bool,
    connected: bool,
    tainted: bool,
    tasks: Vec<Job>,
}

#[derive(Clone, Debug)]
struct Job {
    group: &'static str,
    cpu: i64,
    memory: i64,
    gpus: i64,
    ports: Vec<i64>,
    protected: bool,
    healthy: bool,
}

/// A task definition: the size of the task, and that of each container.
#[derive(Clone, Debug)]
struct Definition {
    cpu: Option<i64>,
    memory: Option<i64>,
    mode: Option<&'static str>,
    containers: Vec<Sizes>,
}

#[derive(Clone, Debug)]
struct Sizes {
    cpu: Option<i64>,
    limit: Option<i64>,
    reservation: Option<i64>,
    gpus: i64,
    /// Port of the container and port of the instance.
    ports: Vec<(i64, Option<i64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Random,
    SpreadHost,
    SpreadAttribute(&'static str),
    BinpackCpu,
    BinpackMemory,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Distinct,
    Is { name: &'static str, value: &'static str },
    IsNot { name: &'static str, value: &'static str },
    Lacks(&'static str),
    Near(&'static str),
    Far(&'static str),
    FewerThan(usize),
}

const GROUPS: [&str; 3] = ["service:web", "family:job", "service:db"];
const ATTRIBUTES: [(&str, &[&str]); 3] =
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
    fn random(rng: &mut Rng) -> Self {
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
    fn random(rng: &mut Rng) -> Self {
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

    fn left(&self, total: i64, of: impl Fn(&Job) -> i64) -> i64 {
        total - self.tasks.iter().map(of).sum::<i64>()
    }

    fn cpu_left(&self) -> i64 {
        self.left(self.cpu, |job| job.cpu)
    }

    fn memory_left(&self) -> i64 {
        self.left(self.memory, |job| job.memory)
    }

    fn tasks_of(&self, group: &str) -> usize {
        self.tasks.iter().filter(|job| job.group == group).count()
    }

    /// The instance as the algorithm takes it.
    fn instance(&self, number: usize) -> Instance {
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
        instance.repels = self.tainted.then(|| "a taint".to_owned());
        for job in &self.tasks {
            instance.add_task(job.group);
            instance.ports.extend(job.ports.iter().map(|port| host_port(*port)));
        }
        instance
    }
}

fn host_port(number: i64) -> HostPort {
    HostPort { number: i32::try_from(number).expect("a port"), protocol: ecs_operator::ecs::TransportProtocol::Tcp }
}

impl Job {
    fn random(rng: &mut Rng) -> Self {
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
    fn random(rng: &mut Rng) -> Self {
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

    fn read(&self) -> TaskDefinition {
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

    /// What a task of it reserves.
    fn job(&self, group: &'static str) -> Job {
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
    fn random(rng: &mut Rng) -> Self {
        let name = one_of(&ATTRIBUTES, rng).0;
        one_of(
            &[Self::Random, Self::SpreadHost, Self::SpreadAttribute(name), Self::BinpackCpu, Self::BinpackMemory],
            rng,
        )
    }

    fn spelled(self) -> String {
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
    fn random(rng: &mut Rng) -> Self {
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

    fn spelled(self) -> String {
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

    fn holds(self, machine: &Machine, group: &str) -> bool {
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

/// What is wrong with an instance for a task, in RunTask's words.
fn objections(machine: &Machine, job: &Job, rules: &[Rule]) -> Vec<&'static str> {
    let busy: Vec<i64> = machine.tasks.iter().flat_map(|job| job.ports.clone()).collect();
    let short = |left: i64, wanted: i64| wanted > 0 && wanted > left;
    let gpus = machine.left(machine.gpus, |job| job.gpus);
    let distinct = rules.iter().any(|rule| matches!(rule, Rule::Distinct) && !rule.holds(machine, job.group));
    let member = rules.iter().any(|rule| !matches!(rule, Rule::Distinct) && !rule.holds(machine, job.group));
    let all = [
        (!machine.active, "No Container Instances were found in your cluster."),
        (!machine.connected, "AGENT"),
        (machine.tainted, "ATTRIBUTE"),
        (short(machine.cpu_left(), job.cpu), "RESOURCE:CPU"),
        (short(machine.memory_left(), job.memory), "RESOURCE:MEMORY"),
        (short(gpus, job.gpus), "RESOURCE:GPU"),
        (job.ports.iter().any(|port| busy.contains(port)), "RESOURCE:PORTS"),
        (distinct, "DistinctInstance placement constraint unsatisfied."),
        (member, "MemberOf placement constraint unsatisfied."),
    ];
    all.into_iter().filter(|(objects, _)| *objects).map(|(_, words)| words).collect()
}

/// The tasks of a group on the instances that have the same value as this one.
fn crowd(machines: &[Machine], machine: &Machine, name: &str, group: &str) -> usize {
    let alike = machines.iter().filter(|other| other.attributes.get(name) == machine.attributes.get(name));
    alike.map(|machine| machine.tasks_of(group)).sum()
}

/// What is asked of the strategy: the steps, or a service's own way when there are none.
fn steps(case: &Case) -> Vec<Step> {
    match (case.steps.as_slice(), case.is_service) {
        ([], true) => vec![Step::SpreadAttribute("ecs.availability-zone"), Step::SpreadHost],
        (steps, _) => steps.iter().copied().take_while(|step| *step != Step::Random).collect(),
    }
}

/// The instances that a task may go to: all those that nothing is wrong with, in the order of their keys; of these the first
/// and its equals.
fn expected(case: &Case, machines: &[Machine], job: &Job) -> Vec<usize> {
    let key = |machine: &Machine| -> Vec<i64> {
        let count = |number: usize| i64::try_from(number).expect("few");
        let key = |step: &Step| match step {
            Step::SpreadHost => count(machine.tasks_of(job.group)),
            Step::SpreadAttribute(name) => count(crowd(machines, machine, name, job.group)),
            Step::BinpackCpu => machine.cpu_left(),
            Step::BinpackMemory => machine.memory_left(),
            Step::Random => unreachable!("it ends the steps"),
        };
        steps(case).iter().map(key).collect()
    };
    let willing = machines.iter().enumerate().filter(|(_, machine)| objections(machine, job, &case.rules).is_empty());
    first_and_equals(willing.map(|(number, machine)| (key(machine), number)).collect())
}

fn first_and_equals<K: Ord + Clone>(mut keyed: Vec<(K, usize)>) -> Vec<usize> {
    keyed.sort();
    let Some((first, _)) = keyed.first().cloned() else { return Vec::new() };
    keyed.into_iter().take_while(|(key, _)| *key == first).map(|(_, number)| number).collect()
}

/// The tasks that may stop, by instance and position on it: worked out by stopping each and looking at what is left.
fn expected_to_stop(case: &Case, machines: &[Machine]) -> Vec<(usize, usize)> {
    let own = |job: &Job| job.group == case.group;
    let all = machines.iter().enumerate().flat_map(|(number, machine)| {
        let jobs = machine.tasks.iter().enumerate().filter(|(_, job)| own(job) && !job.protected);
        jobs.map(move |(position, job)| ((number, position), job))
    });
    let unhealthy: Vec<_> = all.clone().filter(|(_, job)| !job.healthy).collect();
    let open: Vec<_> = if unhealthy.is_empty() { all.collect() } else { unhealthy };
    let keyed = open.iter().enumerate().map(|(index, ((number, position), _))| {
        let mut after = machines.to_vec();
        after[*number].tasks.remove(*position);
        // The smaller the sum of squares, the more alike the numbers.
        let unbalance = |value: &dyn Fn(usize, &Machine) -> Option<String>| {
            let mut counts: BTreeMap<Option<String>, i64> = BTreeMap::new();
            for (number, machine) in after.iter().enumerate() {
                let count = i64::try_from(machine.tasks_of(case.group)).expect("few");
                *counts.entry(value(number, machine)).or_default() += count;
            }
            counts.values().map(|count| count * count).sum::<i64>()
        };
        let key = |step: &Step| match step {
            Step::SpreadHost => unbalance(&|number, _| Some(number.to_string())),
            Step::SpreadAttribute(name) => {
                unbalance(&|_, machine| machine.attributes.get(name).map(|value| (*value).to_owned()))
            }
            Step::BinpackCpu => -after[*number].cpu_left(),
            Step::BinpackMemory => -after[*number].memory_left(),
            Step::Random => unreachable!("it ends the steps"),
        };
        (steps(case).iter().map(key).collect::<Vec<i64>>(), index)
    });
    let mut found: Vec<_> = first_and_equals(keyed.collect()).into_iter().map(|index| open[index].0).collect();
    found.sort_unstable();
    found
}

/// A random cluster.
pub fn cases() -> impl proptest::strategy::Strategy<Value = Case> {
    any::<u64>().prop_map(|seed| Case::random(&mut Rng::with_seed(seed)))
}

/// Task by task, those placed and those stopped, both accounts name the same instances and tasks.
pub fn agrees(case: &Case) -> Result<(), String> {
    let mut rng = Rng::with_seed(case.seed);
    let job = case.definition.job(case.group);
    let mut request = Request::of(&case.definition.read(), case.group);
    same_reservation(&request.reservation, &job)?;
    request.strategies = strategies(case);
    request.constraints = case.rules.iter().map(|rule| rule.spelled().parse::<Constraint>().expect("a rule")).collect();
    let mut machines = case.machines.clone();
    let mut instances: Vec<Instance> =
        machines.iter().enumerate().map(|(number, machine)| machine.instance(number)).collect();
    for turn in 0..rng.usize(1..12) {
        if case.is_service && rng.u32(..4) == 0 {
            stop_one(case, &mut machines, &mut instances, &mut rng)
                .map_err(|e| format!("turn {turn}: {e}\n{machines:?}"))?;
            continue;
        }
        let wanted = expected(case, &machines, &job);
        let found = best(&instances, &request);
        if found != wanted {
            return Err(format!("turn {turn}: {found:?} are chosen from, and not {wanted:?}\n{machines:?}"));
        }
        match place(&instances, &request, |count| rng.usize(..count)) {
            Ok(at) if wanted.contains(&at) => {
                instances[at].take(&request);
                let placed = Job { protected: rng.u32(..4) == 0, healthy: rng.u32(..6) > 0, ..job.clone() };
                machines[at].tasks.push(placed);
            }
            Ok(at) => return Err(format!("turn {turn}: instance {at} is none of {wanted:?}")),
            Err(failure) => fails_rightly(&failure, &machines, &job, &case.rules)?,
        }
    }
    let anew: Vec<Instance> = machines.iter().enumerate().map(|(number, machine)| machine.instance(number)).collect();
    if anew == instances { Ok(()) } else { Err(format!("the account is lost:\n{instances:?}\nis not\n{anew:?}")) }
}

fn strategies(case: &Case) -> Vec<Strategy> {
    if case.steps.is_empty() && case.is_service {
        return Strategy::of_service_by_default();
    }
    case.steps.iter().map(|step| step.spelled().parse().expect("a step")).collect()
}

fn same_reservation(found: &Reservation, job: &Job) -> Result<(), String> {
    let ports = job.ports.iter().map(|port| host_port(*port)).collect();
    let wanted = Reservation { amounts: Amounts { cpu: job.cpu, memory: job.memory, gpus: job.gpus }, ports };
    if *found == wanted { Ok(()) } else { Err(format!("{found:?} is reserved, and not {wanted:?}")) }
}

/// Each instance objects, and the reason given is one of theirs.
fn fails_rightly(failure: &Failure, machines: &[Machine], job: &Job, rules: &[Rule]) -> Result<(), String> {
    let all: Vec<Vec<&str>> = machines.iter().map(|machine| objections(machine, job, rules)).collect();
    let reason = failure.reason.to_string();
    let is_one = all.iter().flatten().any(|words| *words == reason) || machines.is_empty();
    let told = failure.refusals.iter().zip(&all);
    let right =
        told.map(|(refusal, words)| refusal.reasons().all(|reason| words.contains(&reason.to_string().as_str())));
    if is_one && failure.refusals.len() == machines.len() && right.into_iter().all(|right| right) {
        Ok(())
    } else {
        Err(format!("{failure:?} is told where these object: {all:?}"))
    }
}

fn stop_one(case: &Case, machines: &mut [Machine], instances: &mut [Instance], rng: &mut Rng) -> Result<(), String> {
    let mut places = Vec::new();
    let mut tasks = Vec::new();
    for (instance, machine) in machines.iter().enumerate() {
        for (position, job) in machine.tasks.iter().enumerate().filter(|(_, job)| job.group == case.group) {
            places.push((instance, position));
            let reserved = Amounts { cpu: job.cpu, memory: job.memory, gpus: job.gpus };
            tasks.push(Running { instance, reserved, protected: job.protected, healthy: job.healthy });
        }
    }
    let wanted = expected_to_stop(case, machines);
    let found: Vec<_> =
        best_to_stop(instances, &tasks, &strategies(case)).into_iter().map(|task| places[task]).collect();
    if found != wanted {
        return Err(format!("of {found:?} one is stopped, and not of {wanted:?}"));
    }
    let Some(task) = choose_to_stop(instances, &tasks, &strategies(case), |count| rng.usize(..count)) else {
        return if wanted.is_empty() { Ok(()) } else { Err(format!("none of {wanted:?} is stopped")) };
    };
    let (number, position) = places[task];
    if !wanted.contains(&(number, position)) {
        return Err(format!("{:?} is none of {wanted:?}", (number, position)));
    }
    let job = machines[number].tasks.remove(position);
    let ports: Vec<i64> = machines[number].tasks.iter().flat_map(|job| job.ports.clone()).collect();
    let ports = job.ports.iter().filter(|port| !ports.contains(port)).map(|port| host_port(*port)).collect();
    let amounts = Amounts { cpu: job.cpu, memory: job.memory, gpus: job.gpus };
    instances[number].release(job.group, &Reservation { amounts, ports });
    Ok(())
}
