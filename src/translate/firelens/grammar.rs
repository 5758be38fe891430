//! Tests that parse the generated configurations with strict parsers of both formats.
//!
//! The rules are those of Fluent Bit's classic format (`flb_cf_fluentbit.c`) and of Fluentd's (`v1_parser.rb`), without their
//! leniency.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{TaskDefinitionSpec, labels};
use crate::k8s::names;
use crate::translate::firelens::annotation;
use crate::translate::{RenderContext, RenderProfile};

/// Section or element: its kind with its argument, its pairs, and its inner elements.
#[derive(Debug, Default, PartialEq, Eq)]
struct Section {
    kind: String,
    pairs: Vec<(String, String)>,
    inner: Vec<Section>,
}

impl Section {
    fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn all(&self, key: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
    }
}

fn pair(line: &str) -> Result<(String, String), String> {
    let (key, value) = line.split_once(' ').ok_or_else(|| format!("no value: {line:?}"))?;
    let is_valid = !key.is_empty() && !value.trim().is_empty() && !key.starts_with(['[', '#', '<']);
    is_valid.then(|| (key.to_owned(), value.to_owned())).ok_or_else(|| format!("no pair: {line:?}"))
}

/// Parses sections. An included file becomes a section of the kind `@INCLUDE`.
fn fluent_bit(text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(file) = line.strip_prefix("@INCLUDE ") {
            sections.push(Section {
                kind: "@INCLUDE".into(),
                pairs: vec![("file".into(), file.into())],
                inner: vec![],
            });
        } else if let Some(kind) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.push(Section { kind: kind.to_owned(), ..Section::default() });
        } else {
            let line = line.strip_prefix("    ").ok_or_else(|| format!("no indentation: {line:?}"))?;
            let section = sections.last_mut().filter(|section| section.kind != "@INCLUDE");
            section.ok_or("a pair in no section")?.pairs.push(pair(line)?);
        }
    }
    match sections.iter().find(|section| section.get("Name").or(section.get("file")).is_none()) {
        Some(section) => Err(format!("no plug-in: {section:?}")),
        None => Ok(sections),
    }
}

fn fluentd(text: &str) -> Result<Vec<Section>, String> {
    let mut open = vec![Section::default()];
    for line in text.lines().filter(|line| !line.is_empty()) {
        let inner = line.trim_start();
        if line.len() - inner.len() + 2 * usize::from(inner.starts_with("</")) != 2 * (open.len() - 1) {
            return Err(format!("indentation: {line:?}"));
        }
        if let Some(kind) = inner.strip_prefix("</").and_then(|rest| rest.strip_suffix('>')) {
            let section = open.pop().filter(|section| section.kind.split(' ').next() == Some(kind));
            let section = section.ok_or_else(|| format!("not open: {line:?}"))?;
            open.last_mut().ok_or("too many ends")?.inner.push(section);
        } else if let Some(kind) = inner.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            open.push(Section { kind: kind.to_owned(), ..Section::default() });
        } else if let (Some(file), 1) = (inner.strip_prefix("@include "), open.len()) {
            open[0].inner.push(Section {
                kind: "@include".into(),
                pairs: vec![("file".into(), file.into())],
                inner: vec![],
            });
        } else if let ([_, .., section], pair) = (open.as_mut_slice(), pair(inner)?) {
            section.pairs.push(pair);
        } else {
            return Err(format!("a pair in no element: {line:?}"));
        }
    }
    let root = open.pop().filter(|_| open.is_empty());
    root.map(|root| root.inner).ok_or_else(|| "an element without an end".to_owned())
}

/// Returns the configuration in the annotation of a definition's Pods, at revision 7 in cluster `shop`.
fn configuration(spec: Value) -> Option<String> {
    let spec: TaskDefinitionSpec = serde_json::from_value(spec).unwrap();
    let kubernetes = spec.kubernetes.as_ref();
    let profile = RenderProfile::current(34);
    let task = RenderContext { kubernetes, ..RenderContext::alone(&spec.ecs, "web", &profile) };
    let labels: BTreeMap<String, String> =
        [(labels::CLUSTER.to_owned(), "shop".to_owned()), (labels::REVISION.to_owned(), "7".to_owned())].into();
    annotation(&task, &labels).map(|(_, text)| text)
}

fn definition(software: &str, router: &Value, mode: &str, options: &Value) -> Value {
    let mut firelens = json!({"name": "router", "memory": 64, "firelensConfiguration": {"type": software}});
    firelens.as_object_mut().unwrap().extend(router.as_object().unwrap().clone());
    json!({"family": "web", "networkMode": mode, "containerDefinitions": [
        {"name": "My_App", "logConfiguration": {"logDriver": "awsfirelens", "options": options,
            "secretOptions": [{"name": "token", "valueFrom": "/token"}]}},
        {"name": "bare", "logConfiguration": {"logDriver": "awsfirelens"}},
        {"name": "other", "logConfiguration": {"logDriver": "json-file"}},
        firelens,
    ]})
}

fn read_fluent_bit(router: &Value, mode: &str, options: &Value) -> Vec<Section> {
    fluent_bit(&configuration(definition("fluentbit", router, mode, options)).unwrap()).unwrap()
}

fn read_fluentd(router: &Value, mode: &str, options: &Value) -> Vec<Section> {
    fluentd(&configuration(definition("fluentd", router, mode, options)).unwrap()).unwrap()
}

fn kinds<'a>(sections: &'a [Section], name: &str) -> Vec<(&'a str, &'a str)> {
    sections.iter().map(|s| (s.kind.as_str(), s.get(name).or(s.get("file")).unwrap_or_default())).collect()
}

#[test]
fn fluent_bit_has_ecs_sections_in_ecs_order() {
    let router = json!({"firelensConfiguration": {"type": "fluentbit",
        "options": {"config-file-type": "file", "config-file-value": "/extra.conf"}}});
    let options =
        json!({"Name": "http", "Match": "*", "include-pattern": "a b", "exclude-pattern": "^c$", "apikey": "hunter2"});
    let sections = read_fluent_bit(&router, "awsvpc", &options);
    let expected = [
        ("INPUT", "forward"),
        ("INPUT", "tcp"),
        ("INPUT", "tail"),
        ("INPUT", "tail"),
        ("FILTER", "modify"),
        ("FILTER", "modify"),
        ("FILTER", "grep"),
        ("FILTER", "grep"),
        ("FILTER", "record_modifier"),
        ("@INCLUDE", "/extra.conf"),
        ("OUTPUT", "null"),
        ("OUTPUT", "http"),
    ];
    assert_eq!(kinds(&sections, "Name"), expected);
    let tail = &sections[2];
    assert_eq!(tail.get("Tag"), Some("My_App-firelens-${ECS_OPERATOR_POD_NAME}"));
    let folder = names::container_name("My_App");
    let path = format!("/var/log/firelens/{}/*.log", folder.replacen('m', "[m]", 1));
    assert_eq!(tail.get("Path"), Some(path.as_str()));
    assert_eq!(tail.get("Mem_Buf_Limit"), Some("16MB"), "half the router's memory for two users");
    assert_eq!(sections[4].get("Match"), tail.get("Tag"));
    assert_eq!(sections[4].get("Add"), Some("container_name My_App"));
    assert_eq!(sections[6].get("Regex"), Some("log a b"));
    assert_eq!(sections[7].get("Exclude"), Some("log ^c$"));
    let metadata = ["ecs_cluster shop", "ecs_task_arn ${ECS_OPERATOR_POD_NAME}", "ecs_task_definition web:7"];
    assert_eq!(sections[8].all("Record"), metadata);
    let output = &sections[11];
    assert_eq!(output.all("Match"), ["My_App-firelens*", "*"]);
    assert_eq!((output.get("apikey"), output.get("token")), (Some("${apikey_0}"), Some("${token_0}")));
}

#[test]
fn fluentd_has_ecs_elements_in_ecs_order() {
    let router = json!({"firelensConfiguration": {"type": "fluentd",
        "options": {"config-file-type": "file", "config-file-value": "/extra.conf"}}});
    let options = json!({"@type": "http", "include-pattern": "a b", "exclude-pattern": "^c$", "apikey": "hunter2"});
    let sections = read_fluentd(&router, "bridge", &options);
    let tag = |name: &str| format!("filter \"{name}-firelens-#{{ENV['ECS_OPERATOR_POD_NAME']}}\"");
    let (mine, bare) = (tag("My_App"), tag("bare"));
    let expected = [
        ("source", "forward"),
        ("source", "tail"),
        ("source", "tail"),
        (mine.as_str(), "record_transformer"),
        (bare.as_str(), "record_transformer"),
        ("filter My_App-firelens**", "grep"),
        ("filter My_App-firelens**", "grep"),
        ("filter **", "record_transformer"),
        ("@include", "/extra.conf"),
        ("match My_App-firelens**", "http"),
    ];
    assert_eq!(kinds(&sections, "@type"), expected);
    assert_eq!(sections[1].get("tag"), Some("\"My_App-firelens-#{ENV['ECS_OPERATOR_POD_NAME']}\""));
    assert_eq!(sections[1].inner[0].get("@type"), Some("regexp"));
    assert_eq!(sections[3].inner[0].get("container_name"), Some("My_App"));
    assert_eq!((sections[5].inner[0].kind.as_str(), sections[5].inner[0].get("pattern")), ("regexp", Some("a b")));
    assert_eq!((sections[6].inner[0].kind.as_str(), sections[6].inner[0].get("pattern")), ("exclude", Some("^c$")));
    assert_eq!(sections[7].inner[0].get("ecs_task_arn"), Some("\"#{ENV['ECS_OPERATOR_POD_NAME']}\""));
    assert_eq!(sections[9].get("apikey"), Some("\"#{ENV['apikey_0']}\""));
    assert_eq!(sections[9].get("token"), Some("\"#{ENV['token_0']}\""));
}

#[test]
fn disabled_parts_are_left_out() {
    let quiet =
        json!({"firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "false"}}});
    let sections = read_fluent_bit(&quiet, "host", &json!({"Name": "null"}));
    let expected = ["tail", "tail", "modify", "modify", "null"].map(Some);
    assert_eq!(sections.iter().map(|section| section.get("Name")).collect::<Vec<_>>(), expected);
    let unprivileged = json!({"user": "1000"});
    let sections = read_fluent_bit(&unprivileged, "awsvpc", &json!({"Name": "null"}));
    assert!(!sections.iter().any(|section| section.get("Name") == Some("tail")));
    let mut out = definition("fluentbit", &json!({}), "awsvpc", &json!({"Name": "null"}));
    out["kubernetes"] = json!({"logRouterReadsNodeLogs": false});
    assert!(!configuration(out).unwrap().contains("tail"));
    let mut windows = definition("fluentbit", &json!({}), "awsvpc", &json!({}));
    windows["runtimePlatform"] = json!({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"});
    assert_eq!(configuration(windows), None);
    let taken = json!({"mountPoints": [{"sourceVolume": "v", "containerPath": "/fluent-bit/etc/fluent-bit.conf"}]});
    assert_eq!(configuration(definition("fluentbit", &taken, "awsvpc", &json!({}))), None);
}

/// No value changes the number of sections or is truncated.
#[test]
fn no_value_breaks_the_structure_of_the_configuration() {
    let texts =
        ["x", "[OUTPUT]", "</match>", "a\n[OUTPUT]", "@INCLUDE /etc/passwd", "# x", "\"", "é", "a\tb", "x\r\n</match>"];
    let count = |text: &str| {
        let options = json!({"Name": "http", "@type": "http", "uri": text, "exclude-pattern": text});
        let file = json!({"firelensConfiguration": {"type": "fluentbit",
            "options": {"config-file-type": "file", "config-file-value": text}}});
        let one_line = !text.contains('\n');
        let bit = read_fluent_bit(&file, "awsvpc", &options);
        let output = bit.last().unwrap();
        assert_eq!(output.get("uri"), one_line.then_some(text));
        let mut file = file;
        file["firelensConfiguration"]["type"] = "fluentd".into();
        let fluentd = read_fluentd(&file, "awsvpc", &options);
        assert_eq!(fluentd.last().unwrap().get("uri"), one_line.then_some(text));
        (bit.len() + usize::from(!one_line) * 2, fluentd.len() + usize::from(!one_line) * 2)
    };
    for text in texts {
        assert_eq!(count(text), count("x"), "{text:?}");
    }
}

#[test]
fn the_parsers_are_strict() {
    for text in ["x", "[INPUT]\n", "[INPUT]\n    Name\n", "[INPUT]\nName x\n", "    Name x\n", "[INPUT]\n    Tag x\n"] {
        assert!(fluent_bit(text).is_err(), "{text:?}");
    }
    for text in ["x y", "<a>\n", "</a>\n", "<a>\n  b\n</a>\n", "<a>\n  <b>\n</a>\n", "<a>\nx y\n</a>\n", "<a>\n</b>\n"]
    {
        assert!(fluentd(text).is_err(), "{text:?}");
    }
}
