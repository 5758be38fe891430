//! Random inputs as proptest strategies.

use ecs_operator::k8s::names::object_name;
use fastrand::Rng;
use proptest::arbitrary::any;
use proptest::strategy::{NewTree, Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::input::{Body, Cluster, File, Input, Style, to_text};
use crate::shrink::Shrinking;
use crate::{mutate, plausible};

/// A class of inputs.
#[derive(Clone, Copy, Debug)]
pub enum Inputs {
    /// Definitions that belong together, most of which ECS would accept.
    Plausible,
    /// Plausible definitions with a few mistakes in their documents.
    Mistaken,
    /// Plausible definitions with damaged bytes.
    Damaged,
}

impl Strategy for Inputs {
    type Tree = Shrinking;
    type Value = Input;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut rng = Rng::with_seed(any::<u64>().new_tree(runner)?.current());
        let mut input = plausible(&mut rng);
        match self {
            Self::Plausible => {}
            Self::Mistaken => make_mistakes(&mut input, &mut rng),
            Self::Damaged => damage(&mut input, &mut rng),
        }
        Ok(Shrinking::new(input))
    }
}

/// A definition before it is written to a file.
struct Part {
    name: String,
    kind: &'static str,
    document: Value,
}

fn plausible(rng: &mut Rng) -> Input {
    let parts: Vec<Part> = parts(rng).into_iter().map(|part| wrap(part, rng)).collect();
    let from_folder = rng.u32(..4) == 0;
    let files = match rng.u32(..8) {
        0 => vec![list_of(parts, rng)],
        1 | 2 => {
            let documents = parts.into_iter().map(|part| part.document).collect();
            vec![File { name: "all.yaml".to_owned(), from_folder, body: Body::Documents(documents, Style::Yaml) }]
        }
        _ => parts.into_iter().map(|part| file(part, from_folder, rng)).collect(),
    };
    let cluster = Cluster::ALL[rng.usize(..Cluster::ALL.len())];
    Input { files, keep_revisions: rng.bool(), namespace: rng.u32(..4) == 0, cluster }
}

fn parts(rng: &mut Rng) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut families: Vec<(String, Value)> = Vec::new();
    for number in 0..rng.usize(1..=2) {
        let family = format!("{}{number}", ["web", "Web_API", "x"][rng.usize(..3)]);
        let document = plausible::task_definition(&family, rng);
        families.push((family.clone(), document.clone()));
        parts.push(Part { document, name: family, kind: "TaskDefinition" });
    }
    for number in 0..[0, 1, 1, 2][rng.usize(..4)] {
        let (family, task) = &families[rng.usize(..families.len())];
        // A service usually has the name of its task definition.
        let name = if number == 0 && rng.u32(..4) == 0 { family.clone() } else { format!("front{number}") };
        let reference = match rng.u32(..8) {
            0 => format!("{family}:{}", rng.u32(1..9)),
            1 => format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:3"),
            2 => "elsewhere".to_owned(),
            _ => family.clone(),
        };
        let mut document = plausible::service(&name, &reference, rng);
        plausible::match_ports(&mut document, task, rng);
        parts.push(Part { document, name, kind: "Service" });
    }
    if rng.u32(..4) == 0 {
        parts.push(Part { document: plausible::cluster("shop", rng), name: "shop".to_owned(), kind: "Cluster" });
    }
    rng.shuffle(&mut parts);
    parts
}

/// Puts a definition into one of the forms in which users have it.
fn wrap(part: Part, rng: &mut Rng) -> Part {
    let Part { name, kind, mut document } = part;
    let document = match (rng.u32(..12), kind) {
        (0, "TaskDefinition") => {
            let tags = document.as_object_mut().and_then(|members| members.remove("tags")).unwrap_or_default();
            json!({"taskDefinition": document, "tags": tags})
        }
        (1, "TaskDefinition") => json!({"taskDefinitions": [document], "failures": []}),
        (2, "TaskDefinition") => document["containerDefinitions"].take(),
        (0, "Service") => json!({"service": document}),
        (1, "Service") => {
            json!({"services": [document], "failures": [{"arn": "arn:aws:ecs:r:1:service/a", "reason": "MISSING"}]})
        }
        (2, "Service") => {
            let name = document["serviceName"].take();
            document.as_object_mut().and_then(|members| members.remove("serviceName"));
            document["service"] = name;
            document["forceNewDeployment"] = true.into();
            document
        }
        (0, "Cluster") => json!({"cluster": document}),
        (1, "Cluster") => json!({"clusters": [document], "failures": [], "nextToken": "x"}),
        (3 | 4, kind) => json!({
            "apiVersion": "ecs-operator.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": object_name(&name), "labels": {"a": "b"}, "resourceVersion": "5"},
            "spec": document,
        }),
        _ => document,
    };
    Part { name, kind, document }
}

fn list_of(parts: Vec<Part>, rng: &mut Rng) -> File {
    let documents: Vec<Value> = parts.into_iter().map(|part| part.document).collect();
    let document =
        if rng.bool() { json!(documents) } else { json!({"apiVersion": "v1", "kind": "List", "items": documents}) };
    File { name: "all.json".to_owned(), from_folder: false, body: Body::Documents(vec![document], style(rng)) }
}

fn file(part: Part, from_folder: bool, rng: &mut Rng) -> File {
    let style = style(rng);
    let ending = if style == Style::Yaml { "yaml" } else { "json" };
    let name = format!("{}/{}.{ending}", part.kind, part.name);
    File { name, from_folder, body: Body::Documents(vec![part.document], style) }
}

fn style(rng: &mut Rng) -> Style {
    match rng.u32(..6) {
        0 => Style::Yaml,
        1 => Style::Commented(rng.u64(..)),
        2 => Style::Shuffled(rng.u64(..)),
        _ => Style::Json,
    }
}

fn make_mistakes(input: &mut Input, rng: &mut Rng) {
    for _ in 0..rng.usize(1..=6) {
        let file = rng.usize(..input.files.len());
        if let Body::Documents(documents, _) = &mut input.files[file].body
            && !documents.is_empty()
        {
            let document = rng.usize(..documents.len());
            mutate::document(&mut documents[document], rng);
        }
    }
    // A YAML reader skips empty documents.
    for file in &mut input.files {
        if let Body::Documents(documents, Style::Yaml) = &mut file.body {
            documents.retain(|document| !document.is_null());
        }
    }
}

fn damage(input: &mut Input, rng: &mut Rng) {
    let file = rng.usize(..input.files.len());
    let file = &mut input.files[file];
    let Body::Documents(documents, style) = &file.body else { return };
    let mut bytes = to_text(documents, *style).into_bytes();
    for _ in 0..rng.usize(1..=4) {
        mutate::bytes(&mut bytes, rng);
    }
    file.body = Body::Bytes(bytes);
    if rng.u32(..6) == 0 {
        let name = ["-", "Dockerfile", "task.json.tpl", "x.yaml", "x.json"][rng.usize(..5)];
        name.clone_into(&mut file.name);
    }
}
