use serde_json::{Value, json};

use super::*;
use crate::ecs::query;

fn instance(id: &str, zone: &str, cpu: i64, memory: i64) -> Instance {
    let attributes = [(ZONE.to_owned(), zone.to_owned())].into();
    let facts = query::Instance { agent_connected: true, attributes, ..query::Instance::default() };
    Instance::new(id, facts, Amounts { cpu, memory, gpus: 0 })
}

fn request(cpu: i64, memory: i64, strategies: &[&str]) -> Request {
    let mut request = Request { group: "service:web".to_owned(), ..Request::default() };
    request.reservation.amounts = Amounts { cpu, memory, gpus: 0 };
    request.strategies = strategies.iter().map(|text| text.parse().unwrap()).collect();
    request
}

/// Places several tasks, each on the first of equally good instances, and returns the IDs of the instances.
fn placed(instances: &mut [Instance], request: &Request, count: usize) -> Vec<String> {
    let ids = (0..count).map(|_| match place(instances, request, |_| 0) {
        Ok(at) => {
            instances[at].take(request);
            instances[at].id.clone()
        }
        Err(failure) => failure.reason.to_string(),
    });
    ids.collect()
}

fn cluster() -> Vec<Instance> {
    vec![instance("a1", "a", 1024, 4096), instance("a2", "a", 2048, 2048), instance("b1", "b", 4096, 1024)]
}

#[test]
fn steps_break_the_ties_of_those_before_them() {
    let cases: [(&[&str], &[&str]); 6] = [
        (&["spread=attribute:ecs.availability-zone"], &["a1", "b1", "a1", "b1"]),
        (&["spread=attribute:ecs.availability-zone", "spread=host"], &["a1", "b1", "a2", "b1"]),
        (&["spread=instanceId", "binpack=memory"], &["b1", "a2", "a1", "b1"]),
        (&["binpack=cpu"], &["a1", "a1", "a1", "a1"]),
        (&["binpack=memory"], &["b1", "b1", "b1", "b1"]),
        (&["spread=attribute:rack", "binpack=CPU"], &["a1", "a1", "a1", "a1"]),
    ];
    for (strategies, expected) in cases {
        assert_eq!(placed(&mut cluster(), &request(256, 256, strategies), 4), expected, "{strategies:?}");
    }
}

#[test]
fn only_ties_are_decided_randomly() {
    let cluster = cluster();
    assert_eq!(best(&cluster, &request(1, 1, &[])), [0, 1, 2]);
    assert_eq!(best(&cluster, &request(1, 1, &["random", "binpack=cpu"])), [0, 1, 2]);
    assert_eq!(best(&cluster, &request(1100, 1, &["spread=host"])), [1, 2]);
    assert_eq!(place(&cluster, &request(1, 1, &[]), |count| count - 1), Ok(2));
    assert_eq!(place(&cluster, &request(1, 1, &["binpack=cpu"]), |_| unreachable!("nothing ties")), Ok(0));
}

#[test]
fn instances_that_accept_no_task_count_for_balance() {
    let mut cluster = cluster();
    cluster[1].draining = true;
    (0..3).for_each(|_| cluster[1].add_task("service:web"));
    cluster[2].add_task("service:web");
    cluster[2].add_task("service:other");
    assert_eq!(
        placed(&mut cluster, &request(1, 1, &["spread=attribute:ecs.availability-zone"]), 3),
        ["b1", "b1", "a1"]
    );
}

#[test]
fn the_default_of_services_is_zone_then_instance() {
    let by_default = Strategy::service_default();
    assert_eq!(
        by_default.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["spread=attribute:ecs.availability-zone", "spread=instanceId"]
    );
}

#[test]
fn reserved_resources_cannot_be_reserved_again() {
    let mut both = request(600, 600, &["binpack=cpu"]);
    both.reservation.ports = [HostPort { number: 80, protocol: crate::ecs::TransportProtocol::Tcp }].into();
    let mut cluster = cluster();
    assert_eq!(placed(&mut cluster, &both, 4), ["a1", "a2", "b1", "RESOURCE:PORTS"]);
    cluster[0].release("service:web", &both.reservation);
    assert_eq!(cluster[0].free, Amounts { cpu: 1024, memory: 4096, gpus: 0 });
    assert_eq!((cluster[0].tasks_of("service:web"), cluster[0].facts().running_tasks), (0, 0));
    assert_eq!(placed(&mut cluster, &both, 2), ["a1", "RESOURCE:PORTS"]);
}

#[test]
fn each_chosen_instance_satisfies_the_constraints() {
    let cases: [(&[&str], &[&str]); 5] = [
        (&["distinctInstance"], &["a1", "a2", "b1", "DistinctInstance placement constraint unsatisfied."]),
        (&["memberOf=attribute:ecs.availability-zone == b"], &["b1", "b1", "b1", "b1"]),
        (
            &["memberOf=attribute:ecs.availability-zone == b", "distinctInstance"],
            &["b1", "MemberOf placement constraint unsatisfied."],
        ),
        (&["memberOf=task:group == service:web"], &["MemberOf placement constraint unsatisfied."]),
        (&["memberOf=runningTasksCount < 1"], &["a1", "a2", "b1", "MemberOf placement constraint unsatisfied."]),
    ];
    for (constraints, expected) in cases {
        let mut request = request(1, 1, &[]);
        request.constraints = constraints.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(placed(&mut cluster(), &request, expected.len()), expected, "{constraints:?}");
    }
}

#[test]
fn a_failure_has_the_reason_of_the_closest_instances() {
    let reason = |change: &dyn Fn(&mut Vec<Instance>, &mut Request)| {
        let (mut cluster, mut request) = (cluster(), request(1, 1, &[]));
        change(&mut cluster, &mut request);
        place(&cluster, &request, |_| 0).unwrap_err().reason.to_string()
    };
    assert_eq!(reason(&|cluster, _| cluster.clear()), "No Container Instances were found in your cluster.");
    assert_eq!(reason(&|_, request| request.reservation.amounts.cpu = 5000), "RESOURCE:CPU");
    assert_eq!(reason(&|_, request| request.reservation.amounts.memory = 5000), "RESOURCE:MEMORY");
    assert_eq!(reason(&|_, request| request.reservation.amounts.gpus = 1), "RESOURCE:GPU");
    let too_much = Amounts { cpu: 2000, memory: 3000, gpus: 0 };
    assert_eq!(reason(&|_, request| request.reservation.amounts = too_much), "RESOURCE:MEMORY", "of two instances");
    let draining = |cluster: &mut Vec<Instance>| cluster.iter_mut().for_each(|instance| instance.draining = true);
    assert_eq!(reason(&|cluster, _| draining(cluster)), "No Container Instances were found in your cluster.");
    let attribute = |cluster: &mut Vec<Instance>, _: &mut Request| {
        draining(cluster);
        cluster[2].draining = false;
        cluster[2].exclusion = Some("a taint".to_owned());
    };
    assert_eq!(reason(&attribute), "ATTRIBUTE");
    let constraint = |cluster: &mut Vec<Instance>, request: &mut Request| {
        attribute(cluster, request);
        cluster[1].draining = false;
        request.constraints = vec!["memberOf=attribute:stack exists".parse().unwrap()];
    };
    assert_eq!(reason(&constraint), "MemberOf placement constraint unsatisfied.");
    assert_eq!(
        reason(&|cluster, request| {
            constraint(cluster, request);
            cluster[0] = instance("full", "a", 0, 0);
            request.constraints = vec!["memberOf=attribute:ecs.availability-zone == a".parse().unwrap()];
            cluster[1].draining = true;
        }),
        "RESOURCE:CPU"
    );
}

#[test]
fn an_instance_without_a_connected_agent_gets_no_task() {
    let facts = query::Instance::default();
    let cluster = [Instance::new("a", facts, Amounts { cpu: 1, memory: 1, gpus: 0 })];
    assert_eq!(place(&cluster, &request(1, 1, &[]), |_| 0).unwrap_err().reason, Reason::Agent);
}

#[test]
fn a_full_instance_accepts_a_task_that_reserves_nothing() {
    let cluster = [instance("a", "a", -5, 0)];
    assert_eq!(place(&cluster, &request(0, 0, &[]), |_| 0), Ok(0));
    assert_eq!(place(&cluster, &request(1, 0, &[]), |_| 0).unwrap_err().reason, Reason::Resource(Resource::Cpu));
}

#[test]
fn the_runtime_platform_requires_attributes() {
    fn request(definition: Value) -> Request {
        Request::from_task_definition(&serde_json::from_value(definition).unwrap(), "family:job")
    }
    let linux = request(json!({"runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"},
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:stack == prod"}]}));
    assert_eq!(linux.attributes, [("ecs.cpu-architecture", "arm64"), ("ecs.os-type", "linux")].into());
    assert_eq!(linux.constraints.len(), 1);
    let windows = request(json!({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}));
    assert_eq!(windows.attributes, [("ecs.os-type", "windows")].into());
    assert!(request(json!({})).attributes.is_empty());
    let with_os = |value: &str| {
        let attributes = [("ecs.os-type".to_owned(), value.to_owned())].into();
        let facts = query::Instance { agent_connected: true, attributes, ..query::Instance::default() };
        Instance::new(value, facts, Amounts::default())
    };
    let cluster = [with_os("linux"), with_os("windows"), instance("unknown", "a", 0, 0)];
    assert_eq!(best(&cluster, &windows), [1, 2]);
    assert_eq!(rejections(&cluster, &windows)[0].as_ref().unwrap().reasons().collect::<Vec<_>>(), [Reason::Attribute]);
}

#[test]
fn strategies_and_constraints_are_parsed_from_their_command_line_form() {
    for text in ["random", "spread=instanceId", "spread=attribute:ecs.instance-type", "binpack=cpu", "binpack=memory"] {
        assert_eq!(text.parse::<Strategy>().unwrap().to_string(), text);
    }
    assert_eq!("spread=host".parse::<Strategy>(), "spread=instanceId".parse());
    let strategies = [
        ("spread", "spread needs a field"),
        ("spread=zone", "spread does not support the field `zone`"),
        ("spread=attribute:", "spread does not support"),
        ("binpack", "binpack needs a field"),
        ("binpack=gpu", "only the fields cpu and memory"),
        ("random=1", "random takes no field"),
        ("pack=cpu", "`pack` is not a strategy"),
        ("", "`` is not a strategy"),
    ];
    for (text, words) in strategies {
        let error = text.parse::<Strategy>().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert_eq!("distinctInstance".parse(), Ok(Constraint::DistinctInstance));
    assert!(matches!("memberOf=attribute:a == 'x=y'".parse(), Ok(Constraint::MemberOf(_))));
    let constraints = [
        ("memberOf", "memberOf needs an expression"),
        ("memberOf= ", "memberOf needs an expression"),
        ("memberOf=attribute:a = b", "attribute:a = b\n"),
        ("distinctInstance=x", "takes no expression"),
        ("onlyOne", "`onlyOne` is not a constraint"),
    ];
    for (text, words) in constraints {
        let error = text.parse::<Constraint>().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

fn running(instance: usize) -> RunningTask {
    let reserved = Amounts { cpu: 256, memory: 256, gpus: 0 };
    RunningTask { instance, reserved, protected: false, healthy: true }
}

#[test]
fn the_task_to_stop_is_on_the_instance_with_the_most_tasks() {
    let cluster = [cluster(), vec![instance("b2", "b", 512, 512)]].concat();
    let tasks = [0, 1, 1, 2, 2, 3, 3].map(running);
    let by_default = Strategy::service_default();
    assert_eq!(best_to_stop(&cluster, &tasks, &by_default), [3, 4, 5, 6], "zone b has four");
    assert_eq!(best_to_stop(&cluster, &tasks[..6], &by_default), [1, 2, 3, 4], "of three each, a2 and b1 have two");
    let zone = ["spread=attribute:ecs.availability-zone".parse().unwrap()];
    assert_eq!(best_to_stop(&cluster, &tasks[..4], &zone), [0, 1, 2], "any task in a zone");
    assert_eq!(best_to_stop(&cluster, &tasks, &["random".parse().unwrap()]).len(), 7);
    assert_eq!(choose_to_stop(&cluster, &tasks, &by_default, |count| count - 1), Some(6));
    assert_eq!(choose_to_stop(&cluster, &[], &by_default, |_| 0), None);
}

#[test]
fn binpack_stops_a_task_on_the_instance_with_the_most_free_resources() {
    let cluster = cluster();
    let mut tasks = [0, 1, 2].map(running);
    assert_eq!(best_to_stop(&cluster, &tasks, &["binpack=cpu".parse().unwrap()]), [2]);
    assert_eq!(best_to_stop(&cluster, &tasks, &["binpack=memory".parse().unwrap()]), [0]);
    tasks[0].reserved.cpu = 8192;
    assert_eq!(best_to_stop(&cluster, &tasks, &["binpack=cpu".parse().unwrap()]), [0], "released resources count");
}

#[test]
fn protected_tasks_stay_and_unhealthy_tasks_stop_first() {
    let cluster = cluster();
    let by_default = Strategy::service_default();
    let mut tasks = [0, 0, 0, 2].map(running);
    tasks[0].protected = true;
    assert_eq!(best_to_stop(&cluster, &tasks, &by_default), [1, 2]);
    tasks[3].healthy = false;
    assert_eq!(best_to_stop(&cluster, &tasks, &by_default), [3]);
    tasks[0].healthy = false;
    assert_eq!(best_to_stop(&cluster, &tasks, &by_default), [3], "protection takes precedence");
    for task in &mut tasks {
        task.protected = true;
    }
    assert_eq!(choose_to_stop(&cluster, &tasks, &by_default, |_| 0), None);
}
