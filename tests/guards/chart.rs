//! The Helm chart grants exactly the rights that the operator requires.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ecs_operator::controllers;
use ecs_operator::k8s::kinds::Scope;
use ecs_operator::kubernetes::discovery::Rule;
use serde_json::Value;

type Right = (String, String, String);

/// Returns the rights in these named templates of the chart.
fn granted(templates: &[&str]) -> BTreeSet<Right> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/ecs-operator/templates/_helpers.tpl");
    let helpers = fs::read_to_string(path).expect("_helpers.tpl");
    let mut rights = BTreeSet::new();
    for template in templates {
        let begin = format!("{{{{- define \"ecs-operator.{template}\" -}}}}");
        let (_, rest) = helpers.split_once(&begin).unwrap_or_else(|| panic!("no template {template}"));
        let (body, _) = rest.split_once("{{- end -}}").expect("the end of the template");
        let rules: Vec<Value> = serde_saphyr::from_str(body).expect("rules");
        for rule in &rules {
            for group in strings(&rule["apiGroups"]) {
                for resource in strings(&rule["resources"]) {
                    let verbs = strings(&rule["verbs"]).into_iter();
                    rights.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
                }
            }
        }
    }
    rights
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn required(rules: &[Rule<'_>]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for rule in rules {
        let verbs = rule.verbs.iter();
        rights
            .extend(verbs.map(|verb| (rule.group.to_owned(), rule.resource.clone().into_owned(), (*verb).to_owned())));
    }
    rights
}

#[test]
fn the_chart_grants_the_rights_that_the_operator_requires() {
    assert_eq!(granted(&["rules"]), required(&controllers::rules()));
    let in_namespaces = required(&controllers::optional_rules(Scope::Namespace));
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
    assert_eq!(granted(&["volumeRules", "nodeRules"]), required(&controllers::optional_rules(Scope::Cluster)));
}
