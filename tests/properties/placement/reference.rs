//! The reference algorithm.

use std::collections::BTreeMap;

use super::cluster::{Case, Job, Machine, Rule, Step};

/// The reasons why an instance refuses a task, in the words of RunTask.
pub fn objections(machine: &Machine, job: &Job, rules: &[Rule]) -> Vec<&'static str> {
    let busy: Vec<i64> = machine.tasks.iter().flat_map(|job| job.ports.clone()).collect();
    let short = |left: i64, needed: i64| needed > 0 && needed > left;
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

/// The steps of the strategy, or the default of a service if it has none.
fn steps(case: &Case) -> Vec<Step> {
    match (case.steps.as_slice(), case.is_service) {
        ([], true) => vec![Step::SpreadAttribute("ecs.availability-zone"), Step::SpreadHost],
        (steps, _) => steps.iter().copied().take_while(|step| *step != Step::Random).collect(),
    }
}

/// The best instances for a task: of those that accept it, all with the smallest key.
pub fn expected(case: &Case, machines: &[Machine], job: &Job) -> Vec<usize> {
    let key = |machine: &Machine| -> Vec<i64> {
        let count = |number: usize| i64::try_from(number).expect("few");
        let key = |step: &Step| match step {
            Step::SpreadHost => count(machine.tasks_of(job.group)),
            Step::SpreadAttribute(name) => count(crowd(machines, machine, name, job.group)),
            Step::BinpackCpu => machine.cpu_left(),
            Step::BinpackMemory => machine.memory_left(),
            Step::Random => unreachable!("steps end before it"),
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

/// The best tasks to stop, as instance and position on it: each task is removed and the rest of the cluster is rated.
pub fn expected_to_stop(case: &Case, machines: &[Machine]) -> Vec<(usize, usize)> {
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
        // The sum of squares is smallest if the counts are equal.
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
            Step::Random => unreachable!("steps end before it"),
        };
        (steps(case).iter().map(key).collect::<Vec<i64>>(), index)
    });
    let mut found: Vec<_> = first_and_equals(keyed.collect()).into_iter().map(|index| open[index].0).collect();
    found.sort_unstable();
    found
}
