//! The Helm chart grants the rights that the program asks for, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ecs_operator::controllers;
use ecs_operator::k8s::kinds::Scope;
use ecs_operator::kubernetes::discovery::Rule;
use serde_json::Value;

type Right = (String, String, String);

/// What the chart grants by the named templates.
fn granted(templates: &[&str]) -> BTreeSet<Right> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/ecs-operator/templates/_helpers.tpl");
    let helpers = fs::read_to_string(path).expect("the helpers");
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut rights = BTreeSet::new();
    for template in templates {
        let begin = format!("{{{{- define \"ecs-operator.{template}\" -}}}}");
        let (_, rest) = helpers.split_once(&begin).unwrap_or_else(|| panic!("no template {template}"));
        let (body, _) = rest.split_once("{{- end -}}").expect("its end");
        let rules: Vec<Value> = serde_saphyr::from_str(body).expect("rules");
        for rule in &rules {
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    rights
                        .extend(texts(&rule["verbs"]).into_iter().map(|verb| (group.clone(), resource.clone(), verb)));
                }
            }
        }
    }
    rights
}

fn asked(rules: &[Rule<'_>]) -> BTreeSet<Right> {
    let expand = |rule: &Rule<'_>| -> Vec<Right> {
        rule.verbs
            .iter()
            .map(|verb| (rule.group.to_owned(), rule.resource.clone().into_owned(), (*verb).to_owned()))
            .collect()
    };
    rules.iter().flat_map(expand).collect()
}

#[test]
fn the_chart_grants_what_the_program_asks_for() {
    assert_eq!(granted(&["rules"]), asked(&controllers::rules()));
    let in_namespaces = asked(&controllers::optional_rules(Scope::Namespace));
    let optional = [
        "externalSecretRules",
        "volumeClaimRules",
        "targetGroupBindingRules",
        "gatewayRouteRules",
        "securityGroupPolicyRules",
        "scaledObjectRules",
        "podMetricsRules",
        "externalMetricsRules",
    ];
    assert_eq!(granted(&optional), in_namespaces);
    assert_eq!(granted(&["volumeRules", "nodeRules"]), asked(&controllers::optional_rules(Scope::Cluster)));
}
