//! Placement compared with a reference algorithm that shares no code with the product: it computes the state of an instance
//! from its tasks each time, and compares all instances by whole lists of keys.

mod cluster;
mod reference;

use cluster::{Case, Job, Machine, Rule, host_port};
use ecs_operator::ecs::placement::{
    Amounts, Constraint, Failure, Instance, Request, Reservation, RunningTask, Strategy, best, best_to_stop,
    choose_to_stop, place,
};
use fastrand::Rng;
use proptest::arbitrary::any;
use proptest::strategy::Strategy as _;
use reference::{expected, expected_to_stop, objections};

/// Random clusters.
pub fn cases() -> impl proptest::strategy::Strategy<Value = Case> {
    any::<u64>().prop_map(|seed| Case::random(&mut Rng::with_seed(seed)))
}

/// Both algorithms choose the same instances for each task placed, and the same tasks to stop.
pub fn agrees(case: &Case) -> Result<(), String> {
    let mut rng = Rng::with_seed(case.seed);
    let job = case.definition.job(case.group);
    let mut request = Request::from_task_definition(&case.definition.read(), case.group);
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
        let expected_choice = expected(case, &machines, &job);
        let found = best(&instances, &request);
        if found != expected_choice {
            return Err(format!(
                "turn {turn}: the candidates are {found:?}, expected {expected_choice:?}\n{machines:?}"
            ));
        }
        match place(&instances, &request, |count| rng.usize(..count)) {
            Ok(at) if expected_choice.contains(&at) => {
                instances[at].take(&request);
                let placed = Job { protected: rng.u32(..4) == 0, healthy: rng.u32(..6) > 0, ..job.clone() };
                machines[at].tasks.push(placed);
            }
            Ok(at) => return Err(format!("turn {turn}: instance {at} is not among {expected_choice:?}")),
            Err(failure) => failure_agrees(&failure, &machines, &job, &case.rules)?,
        }
    }
    let anew: Vec<Instance> = machines.iter().enumerate().map(|(number, machine)| machine.instance(number)).collect();
    if anew == instances { Ok(()) } else { Err(format!("the instances are\n{instances:?}\nexpected\n{anew:?}")) }
}

fn strategies(case: &Case) -> Vec<Strategy> {
    if case.steps.is_empty() && case.is_service {
        return Strategy::service_default();
    }
    case.steps.iter().map(|step| step.spelled().parse().expect("a step")).collect()
}

fn same_reservation(found: &Reservation, job: &Job) -> Result<(), String> {
    let ports = job.ports.iter().map(|port| host_port(*port)).collect();
    let expected_choice = Reservation { amounts: Amounts { cpu: job.cpu, memory: job.memory, gpus: job.gpus }, ports };
    if *found == expected_choice { Ok(()) } else { Err(format!("{found:?} is reserved, expected {expected_choice:?}")) }
}

/// Every instance refuses the task in the reference too, and for the same reasons.
fn failure_agrees(failure: &Failure, machines: &[Machine], job: &Job, rules: &[Rule]) -> Result<(), String> {
    let all: Vec<Vec<&str>> = machines.iter().map(|machine| objections(machine, job, rules)).collect();
    let reason = failure.reason.to_string();
    let is_one = all.iter().flatten().any(|words| *words == reason) || machines.is_empty();
    let rejections = failure.rejections.iter().zip(&all);
    let right =
        rejections.map(|(refusal, words)| refusal.reasons().all(|reason| words.contains(&reason.to_string().as_str())));
    if is_one && failure.rejections.len() == machines.len() && right.into_iter().all(|right| right) {
        Ok(())
    } else {
        Err(format!("the failure is {failure:?}, expected one of {all:?}"))
    }
}

fn stop_one(case: &Case, machines: &mut [Machine], instances: &mut [Instance], rng: &mut Rng) -> Result<(), String> {
    let mut places = Vec::new();
    let mut tasks = Vec::new();
    for (instance, machine) in machines.iter().enumerate() {
        for (position, job) in machine.tasks.iter().enumerate().filter(|(_, job)| job.group == case.group) {
            places.push((instance, position));
            let reserved = Amounts { cpu: job.cpu, memory: job.memory, gpus: job.gpus };
            tasks.push(RunningTask { instance, reserved, protected: job.protected, healthy: job.healthy });
        }
    }
    let expected_choice = expected_to_stop(case, machines);
    let found: Vec<_> =
        best_to_stop(instances, &tasks, &strategies(case)).into_iter().map(|task| places[task]).collect();
    if found != expected_choice {
        return Err(format!("the candidates to stop are {found:?}, expected {expected_choice:?}"));
    }
    let Some(task) = choose_to_stop(instances, &tasks, &strategies(case), |count| rng.usize(..count)) else {
        return if expected_choice.is_empty() {
            Ok(())
        } else {
            Err(format!("none of {expected_choice:?} is stopped"))
        };
    };
    let (number, position) = places[task];
    if !expected_choice.contains(&(number, position)) {
        return Err(format!("{:?} is not among {expected_choice:?}", (number, position)));
    }
    let job = machines[number].tasks.remove(position);
    let ports: Vec<i64> = machines[number].tasks.iter().flat_map(|job| job.ports.clone()).collect();
    let ports = job.ports.iter().filter(|port| !ports.contains(port)).map(|port| host_port(*port)).collect();
    let amounts = Amounts { cpu: job.cpu, memory: job.memory, gpus: job.gpus };
    instances[number].release(job.group, &Reservation { amounts, ports });
    Ok(())
}
