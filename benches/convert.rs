//! Duration of the conversion of a thousand definitions, compared with a floor measured in the same run: parsing the same JSON and
//! writing it as YAML.
//!
//! Rounds of both alternate, and medians are compared. A slow result is printed and is no failure.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ecs_operator::convert::files::Source;
use ecs_operator::convert::{self, Settings, Target};
use ecs_operator::report;
use serde_json::{Value, json};

const DEFINITIONS: usize = 1_000;
const ROUNDS: usize = 5;
/// Target duration for a thousand definitions.
const TARGET: Duration = Duration::from_secs(1);

fn main() {
    let sources: Vec<Source> = (0..DEFINITIONS).map(source).collect();
    let bytes: usize = sources.iter().filter_map(|source| source.text.as_ref().ok()).map(String::len).sum();
    let mut rounds = [const { Vec::new() }; 3];
    for round in 1..=ROUNDS {
        let durations = [
            time(|| floor(&sources)),
            time(|| convert(&sources, Target::CustomResources)),
            time(|| convert(&sources, Target::Kubernetes)),
        ];
        println!(
            "round {round}: floor {:.3?}, to custom resources {:.3?}, to Kubernetes {:.3?}",
            durations[0], durations[1], durations[2]
        );
        rounds.iter_mut().zip(durations).for_each(|(all, one)| all.push(one));
    }
    let [floor, custom, plain] = rounds.map(median);
    println!(
        "{DEFINITIONS} definitions, {} KiB of JSON; medians of {ROUNDS} rounds, reports in JSON included",
        bytes / 1024
    );
    println!("  floor               {floor:>9.3?}");
    for (name, duration) in [("to custom resources", custom), ("to Kubernetes", plain)] {
        let ratio = duration.as_secs_f64() / floor.as_secs_f64();
        let result = if duration <= TARGET { "within" } else { "MORE THAN" };
        println!("  {name:<19} {duration:>9.3?}, {ratio:.1} times the floor, {result} the target of {TARGET:?}");
    }
}

/// Returns a definition of typical size: four containers, forty variables, health checks, volumes and logs.
fn source(number: usize) -> Source {
    let container = |position: usize| {
        let variables: Vec<Value> = (0..10)
            .map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value {n} of {number}")}))
            .collect();
        json!({
            "name": format!("container-{position}"), "image": "registry.example.test/shop/app:1.2.3", "cpu": 256,
            "memory": 512, "memoryReservation": 256, "essential": position == 0, "environment": variables,
            "portMappings": [{"containerPort": 8080 + position, "protocol": "tcp"}],
            "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/ || exit 1"], "interval": 30},
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": position > 0}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/shop", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "shop"}},
            "ulimits": [], "command": [], "entryPoint": [], "secrets": [],
        })
    };
    let definition = json!({"taskDefinition": {
        "family": format!("shop-{number}"), "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "1 vCPU", "memory": "2 GB", "volumes": [{"name": "data"}], "revision": 7, "status": "ACTIVE",
        "containerDefinitions": (0..4).map(container).collect::<Vec<_>>(),
    }});
    Source { name: format!("shop-{number}.json"), from_folder: true, text: Ok(definition.to_string()) }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn floor(sources: &[Source]) {
    for source in sources {
        let text = source.text.as_deref().expect("a text");
        let value: Value = serde_json::from_str(text).expect("JSON");
        black_box(serde_saphyr::to_string(&value).expect("YAML"));
    }
}

fn convert(sources: &[Source], target: Target) {
    // The settings of a report without line numbers.
    let settings = Settings { target, locations: false, ..Settings::default() };
    let conversion = convert::convert(sources, &settings);
    assert!(!conversion.report.has_refused(), "a definition of the benchmark was refused");
    let written: usize = conversion.manifests.iter().map(|manifest| manifest.yaml.len()).sum();
    assert!(conversion.manifests.len() >= DEFINITIONS, "only {} objects", conversion.manifests.len());
    black_box((written, report::json(&conversion.report).expect("a report")));
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}
