//! Tests of compilation against evaluation, and of rendered constraints.

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement};
use serde_json::{Value, json};

use super::*;
use crate::k8s::names;
use crate::translate::placement::compile::{Part, compile};
use crate::translate::placement::facts::{NodeFacts, TaskFacts};
use crate::translate::placement::group;
use crate::translate::placement::terms::MAX_TERMS;
use crate::translate::verdicts::codes::Verdict;
use crate::translate::{Code, RenderProfile};

fn parse(text: &str) -> Query {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// True if the labels of a node meet a requirement, by the definitions in the API reference.
fn meets(node: &NodeFacts, requirement: &NodeSelectorRequirement) -> bool {
    let value = node.labels.get(&requirement.key);
    let listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|other| other == value));
    match requirement.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        other => panic!("{other} is not rendered"),
    }
}

fn fits(node: &NodeFacts, selector: Option<&NodeSelector>) -> bool {
    let Some(selector) = selector else { return true };
    assert!(!selector.node_selector_terms.is_empty(), "the API server rejects a selector without terms");
    selector.node_selector_terms.iter().any(|term| {
        let requirements = term.match_expressions.as_deref().unwrap_or_default();
        // A term without requirements fits no node.
        !requirements.is_empty() && requirements.iter().all(|requirement| meets(node, requirement))
    })
}

/// Deterministic pseudorandom numbers (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

const VALUES: [&str; 7] = ["a", "b", "linux", "amd64", "x86_64", "row 3: left", ""];
const NAMES: [&str; 8] = [
    "stack",
    "tier",
    "ecs.os-type",
    "ecs.cpu-architecture",
    "ecs.os-family",
    "ecs.ami-id",
    "example.com/pool",
    "no\\label",
];

fn one_of<'a>(from: &[&'a str], dice: &mut Dice) -> &'a str {
    from[dice.below(from.len())]
}

fn expression(dice: &mut Dice, depth: u32) -> String {
    let value = |dice: &mut Dice| {
        format!("'{}'", one_of(&[&VALUES[..], &["LINUX", "WINDOWS_SERVER_2022_CORE"]].concat(), dice))
    };
    match dice.below(if depth == 0 { 5 } else { 9 }) {
        0 => format!("attribute:{} {}", one_of(&NAMES, dice), one_of(&["exists", "!exists"], dice)),
        1 | 2 => format!("attribute:{} {} {}", one_of(&NAMES, dice), one_of(&["==", "!="], dice), value(dice)),
        3 => {
            let list: Vec<String> = (0..dice.below(4)).map(|_| value(dice)).collect();
            format!("attribute:{} {} [{}]", one_of(&NAMES, dice), one_of(&["in", "!in"], dice), list.join(","))
        }
        4 => format!("agentConnected {} {}", one_of(&["==", "!="], dice), one_of(&["true", "false"], dice)),
        5 => format!("not({})", expression(dice, depth - 1)),
        _ => {
            let joined = one_of(&[" and ", " or "], dice);
            let parts: Vec<String> =
                (0..=dice.below(3)).map(|_| format!("({})", expression(dice, depth - 1))).collect();
            parts.join(joined)
        }
    }
}

fn node(dice: &mut Dice) -> NodeFacts {
    let mut node = NodeFacts { ready: true, ..NodeFacts::default() };
    for name in NAMES.iter().chain(&["kubernetes.io/os", "kubernetes.io/arch", "eks.amazonaws.com/nodegroup-image"]) {
        let key = format!("attribute.ecs-operator.dev/{name}");
        if dice.coin() && names::is_label_key(name) {
            node.labels.insert((*name).to_owned(), names::label_value(one_of(&VALUES, dice)));
        }
        if dice.coin() && names::is_label_key(&key) {
            node.annotations.insert(key.clone(), one_of(&VALUES, dice).to_owned());
        }
        if dice.coin() && names::is_label_key(&key) {
            let encoded = node.annotations.get(&key).map(|text| names::label_value(text)).filter(|_| dice.coin());
            node.labels.insert(key, encoded.unwrap_or_else(|| names::label_value(one_of(&VALUES, dice))));
        }
    }
    // The kubelet sets the architecture to the name that Go uses.
    node.labels.insert("kubernetes.io/arch".to_owned(), one_of(&["amd64", "arm64", "s390x"], dice).to_owned());
    node
}

#[test]
fn compiled_and_evaluated_expressions_select_the_same_nodes() {
    let mut dice = Dice(3);
    let (mut compiled, mut evaluated) = (0, 0);
    for _ in 0..3000 {
        let text = expression(&mut dice, 3);
        let query = parse(&text);
        let parts = compile(query.expression());
        for _ in 0..12 {
            let node = node(&mut dice);
            let matches = |expression: &Expression| expression.matches(&node.instance(expression, None, [].iter()));
            let all = parts.iter().all(|part| match part {
                Part::Labels(expression, terms) => {
                    compiled += 1;
                    let fits = fits(&node, terms.selector().as_ref());
                    assert_eq!(fits, matches(expression), "{expression}\n{node:?}\n{:?}", terms.selector());
                    fits
                }
                Part::Evaluated(expression) => {
                    evaluated += 1;
                    matches(expression)
                }
                other => panic!("{other:?}"),
            });
            assert_eq!(all, matches(query.expression()), "{query}\n{node:?}");
        }
    }
    assert!(compiled > evaluated * 20, "{compiled} compiled, {evaluated} evaluated");
}

/// Returns the node affinity of one constraint, as terms of `label operator values`.
fn terms_of(text: &str) -> Vec<Vec<String>> {
    let task = task_with(&[text]);
    let selector = task.pointer("/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    let requirement = |it: &Value| {
        let values: Vec<&str> = it["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let text = format!("{} {} {}", it["key"].as_str().unwrap(), it["operator"].as_str().unwrap(), values.join(","));
        text.trim_end().replace("attribute.ecs-operator.dev", "P").replace("member-of.ecs-operator.dev", "M")
    };
    let term = |term: &Value| term["matchExpressions"].as_array().unwrap().iter().map(requirement).collect();
    selector.and_then(Value::as_array).map(|terms| terms.iter().map(term).collect()).unwrap_or_default()
}

/// Returns the affinity of a task with these constraints in the service `web`.
fn task_with(expressions: &[&str]) -> Value {
    rendered(expressions, &[]).0
}

/// Returns the affinity, annotations and verdicts of a task with these constraints of its definition and of its service.
fn rendered(
    task_constraints: &[&str],
    service_constraints: &[Value],
) -> (Value, Value, Vec<crate::translate::FieldVerdict>) {
    let constraint = |text: &&str| json!({"type": "memberOf", "expression": text});
    let definition = json!({
        "family": "app",
        "containerDefinitions": [{"name": "app", "image": "nginx", "memory": 64}],
        "placementConstraints": task_constraints.iter().map(constraint).collect::<Vec<_>>(),
    });
    let examined = crate::translate::examine::task_definition(definition);
    let spec = examined.usable().expect("valid").clone();
    let service: crate::api::ServiceSpec =
        serde_json::from_value(json!({"placementConstraints": service_constraints})).unwrap();
    let profile = RenderProfile::current(RenderProfile::NEWEST_MINOR);
    let task = RenderContext {
        target: "Deployment/web#/spec/template",
        service: Some(&service),
        ..RenderContext::alone(&spec.ecs, "app", &profile)
    };
    let membership = Membership { namespace: Some("shop"), cluster: "default", service: None, launch_type: None };
    let mut recorder = VerdictRecorder::new();
    let rules = render(&task, &membership, &BTreeMap::new(), &mut recorder);
    let verdicts = examined.close(&recorder).into_iter().filter(|it| it.path.to_string().starts_with("/placement"));
    (
        serde_json::to_value(&rules.affinity).unwrap(),
        serde_json::to_value(rules.annotations()).unwrap(),
        verdicts.collect(),
    )
}

#[test]
fn expressions_become_node_affinity_terms() {
    let cases: [(&str, &[&[&str]]); 15] = [
        (
            "attribute:ecs.instance-type in [t3.small, t2.small]",
            &[&["node.kubernetes.io/instance-type In t2.small,t3.small"]],
        ),
        (
            "attribute:ecs.availability-zone != us-east-1d",
            &[&["topology.kubernetes.io/zone Exists", "topology.kubernetes.io/zone NotIn us-east-1d"]],
        ),
        ("not(attribute:ecs.availability-zone == us-east-1d)", &[&["topology.kubernetes.io/zone NotIn us-east-1d"]]),
        (
            "attribute:ecs.os-type == linux and attribute:ecs.cpu-architecture == x86_64",
            &[&["kubernetes.io/arch In amd64", "kubernetes.io/os In linux"]],
        ),
        (
            "attribute:ecs.os-type == linux or attribute:ecs.os-type == windows",
            &[&["kubernetes.io/os In linux"], &["kubernetes.io/os In windows"]],
        ),
        ("attribute:stack == prod", &[&["P/stack DoesNotExist", "stack In prod"], &["P/stack In prod"]]),
        ("attribute:stack == 'row 3'", &[&["P/stack In row-3-apfyv"]]),
        ("attribute:stack exists", &[&["P/stack DoesNotExist", "stack Exists"], &["P/stack Exists"]]),
        ("attribute:stack !exists", &[&["P/stack DoesNotExist", "stack DoesNotExist"]]),
        ("attribute:example.com/pool == a", &[&["example.com/pool In a"]]),
        ("attribute:ecs.cpu-architecture == amd64", &[&["kubernetes.io/os DoesNotExist", "kubernetes.io/os Exists"]]),
        ("agentConnected == true", &[]),
        ("agentConnected == false or attribute:ecs.os-type == linux", &[&["kubernetes.io/os In linux"]]),
        ("attribute:no\\label !exists", &[]),
        (
            "attribute:ecs.os-family == LINUX and attribute:ecs.os-type in [linux, windows]",
            &[
                &["P/ecs.os-family DoesNotExist", "ecs.os-family DoesNotExist", "kubernetes.io/os In linux"],
                &["P/ecs.os-family DoesNotExist", "ecs.os-family In LINUX", "kubernetes.io/os In linux,windows"],
                &["P/ecs.os-family In LINUX", "kubernetes.io/os In linux,windows"],
            ],
        ),
    ];
    for (text, terms) in cases {
        assert_eq!(terms_of(text), terms, "{text}");
    }
}

#[test]
fn only_the_part_without_an_equivalent_is_evaluated() {
    let cases = [
        "attribute:ecs.instance-type =~ g4dn.*",
        "not(attribute:ecs.instance-type =~ g4dn.*)",
        "attribute:size > 4",
        "agentVersion < 1.14.5",
        "registeredAt < 2018-02-13",
        "runningTasksCount == 1",
        "ec2InstanceId == i-1",
        "task:group =~ service:.*",
        "task:group in ['service:a', 'service:b']",
        "attribute:a == b or task:group == service:x",
    ];
    for text in cases {
        let (affinity, annotations, _) = rendered(&[&format!("attribute:ecs.os-type == linux and ({text})")], &[]);
        let annotations = annotations.as_object().unwrap();
        assert_eq!(annotations.len(), 1, "{text}");
        let (label, expression) = annotations.iter().next().unwrap();
        assert_eq!(parse(expression.as_str().unwrap()).expression(), parse(text).expression());
        let terms = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
        let expected = json!([{"matchExpressions": [
            {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}, {"key": label, "operator": "Exists"}]}]);
        assert_eq!(*terms, expected, "{text}");
        assert!(MembershipLabel::from_annotation(label, expression.as_str().unwrap(), "shop").is_some(), "{text}");
    }
}

#[test]
fn an_expression_with_too_many_terms_is_evaluated() {
    let operand = |name: usize| format!("(attribute:a{name} == 1 or attribute:b{name} == 1)");
    let text = |count: usize| (0..count).map(operand).collect::<Vec<_>>().join(" and ");
    // Each operand has four terms, as each attribute has two labels.
    let affinity = task_with(&[&text(3)]);
    let terms = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    assert_eq!(terms.as_array().map(Vec::len), Some(MAX_TERMS));
    let (affinity, annotations, _) = rendered(&[&text(4)], &[]);
    let terms = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    assert_eq!(terms.as_array().map(Vec::len), Some(MAX_TERMS));
    let (label, rest) = annotations.as_object().unwrap().iter().next().unwrap();
    assert_eq!(rest, "attribute:a3 == 1 or attribute:b3 == 1");
    let conditions = terms.as_array().unwrap().iter().map(|term| term["matchExpressions"].as_array().unwrap());
    assert!(conditions.into_iter().all(|it| it.contains(&json!({"key": label, "operator": "Exists"}))));
}

#[test]
fn groups_become_pod_affinities() {
    let on_node =
        |labels: Value| json!([{"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}]);
    let with = |text: &str| task_with(&[text])["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].clone();
    let without =
        |text: &str| task_with(&[text])["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].clone();
    assert_eq!(with("task:group == service:Web_API"), on_node(json!({"ecs-operator.dev/service": "web-api-d8pgb"})));
    assert_eq!(with("task:group == databases"), on_node(json!({"ecs-operator.dev/task-group": "databases"})));
    let family = with("task:group == family:job");
    assert_eq!(family[0]["labelSelector"]["matchLabels"], json!({"ecs-operator.dev/task-definition": "job"}));
    let standalone = json!([{"key": "ecs-operator.dev/service", "operator": "DoesNotExist"}]);
    assert_eq!(family[0]["labelSelector"]["matchExpressions"], standalone);
    assert_eq!(without("not(task:group == service:db)"), on_node(json!({"ecs-operator.dev/service": "db"})));
    assert_eq!(
        without("task:group !in [service:a, service:b] and task:group != service:a").as_array().map(Vec::len),
        Some(2)
    );
    // Several Pod affinity terms must match the same Pods, so a second group is evaluated.
    let (affinity, annotations, _) = rendered(&["task:group == service:a", "task:group == service:b"], &[]);
    assert_eq!(
        affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(annotations.as_object().unwrap().values().next().unwrap(), "task:group == service:b");
}

#[test]
fn constraints_of_a_service_join_those_of_its_task_definition() {
    let distinct = json!({"type": "distinctInstance"});
    let zone = json!({"type": "memberOf", "expression": "attribute:ecs.availability-zone in [a, b]"});
    let (affinity, ..) = rendered(&["attribute:ecs.availability-zone in [b, c]"], &[distinct.clone(), zone, distinct]);
    let terms = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    let expected =
        json!([{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["b"]}]}]);
    assert_eq!(*terms, expected);
    let apart = &affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let expected = json!([{"labelSelector": {"matchLabels": {"ecs-operator.dev/service": "web"}}, "topologyKey": "kubernetes.io/hostname"}]);
    assert_eq!(*apart, expected);
    assert_eq!(rendered(&[], &[]).0, Value::Null);
}

#[test]
fn each_difference_has_a_verdict() {
    let cases: [(&str, Verdict, Option<Code>); 11] = [
        ("attribute:ecs.os-type == linux", Verdict::Exact, None),
        ("attribute:ecs.os-family == LINUX and agentConnected == true", Verdict::Exact, None),
        ("not(task:group == service:web)", Verdict::Exact, None),
        ("task:group == service:api", Verdict::Exact, None),
        ("attribute:stack == prod", Verdict::NeedsAddon, Some(Code::NodeLabelNeeded)),
        ("attribute:a\\b == c", Verdict::NeedsAddon, Some(Code::NodeLabelNeeded)),
        ("task:group == databases", Verdict::NeedsAddon, Some(Code::TaskGroupFromPodLabels)),
        ("attribute:ecs.instance-type =~ t2.*", Verdict::Approximate, Some(Code::NodesLabeledByOperator)),
        ("not(task:group == service:api)", Verdict::Approximate, Some(Code::AntiAffinitySymmetric)),
        ("task:group == service:web", Verdict::Approximate, Some(Code::FirstOfGroupUnconstrained)),
        ("attribute:stack =~ p.*", Verdict::NeedsAddon, Some(Code::NodeLabelNeeded)),
    ];
    for (text, verdict, code) in cases {
        let verdicts = rendered(&[text], &[]).2;
        let verdict_on =
            |field: &str| verdicts.iter().find(|it| it.path.to_string() == format!("/placementConstraints/0/{field}"));
        assert_eq!(verdict_on("type").map(|it| it.verdict), Some(Verdict::Exact), "{text}");
        let expression = verdict_on("expression").unwrap();
        assert_eq!((expression.verdict, expression.code), (verdict, code), "{text}: {:?}", expression.message);
    }
}

#[test]
fn membership_labels_are_stable() {
    let label = |text: &str, namespace| MembershipLabel::new(parse(text).expression().clone(), Some(namespace));
    let pattern = "attribute:ecs.instance-type =~ g4dn.*";
    assert_eq!(label(pattern, "shop").label(), "member-of.ecs-operator.dev/q2ag5aihw3dd");
    assert_eq!(label(pattern, "shop").label(), label(pattern, "bank").label());
    let group = "task:group =~ service:.*";
    assert_ne!(label(group, "shop").label(), label(group, "bank").label());
    assert_eq!(MembershipLabel::from_annotation("member-of.ecs-operator.dev/other", pattern, "shop"), None);
    assert_eq!(MembershipLabel::from_annotation(label(pattern, "").label(), "attribute:x =", ""), None);
}

#[test]
fn groups_match_by_the_names_of_objects() {
    let label = MembershipLabel::new(
        parse("task:group in ['service:Web_API', x] or attribute:a > 1").expression().clone(),
        Some("shop"),
    );
    let task = |namespace: &str, group: String| TaskFacts { namespace: namespace.to_owned(), group, running: true };
    let near = [task("shop", group::service_group("web-api-d8pgb"))];
    let far = [task("bank", group::service_group("web-api-d8pgb"))];
    let node = NodeFacts::default();
    assert!(label.matches(&node, near.iter()) && !label.matches(&node, far.iter()));
}
