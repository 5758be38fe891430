//! Capacity providers that are merged into clusters.

use serde_json::json;

use super::{codes, field, findings, names, run, yaml};
use crate::convert::Settings;
use crate::translate::Verdict;

#[test]
fn capacity_providers_are_merged_into_their_cluster() {
    let strategy = json!([{"capacityProvider": "FARGATE", "weight": 1}]);
    let put = json!({"cluster": "arn:aws:ecs:eu-west-1:1:cluster/prod", "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": strategy});
    let create = json!({"clusterName": "prod", "tags": [{"key": "team", "value": "shop"}]});
    for order in [[0, 1], [1, 0]] {
        let inputs = [("put.json", put.clone()), ("create.json", create.clone())];
        let conversion = run(&order.map(|at| inputs[at].clone()), &Settings::default());
        assert_eq!(names(&conversion), ["Cluster/prod"]);
        assert_eq!(codes(&conversion), [""; 0]);
        let spec = &yaml(&conversion.manifests[0])["spec"];
        assert_eq!(
            (&spec["defaultCapacityProviderStrategy"], &spec["capacityProviders"][0]),
            (&strategy, &json!("FARGATE"))
        );
        let of_put = order[0];
        let field_at = |path: &str| field(&conversion, of_put, path);
        assert_eq!(field_at("/cluster").verdict, Verdict::Exact);
        assert_eq!(field_at("/defaultCapacityProviderStrategy/0/weight").code, Some("default-strategy-followed"));
        assert_eq!(conversion.report.documents[of_put].fields.len(), 4, "every leaf is reported");
    }
    let alone = run(&[("put.json", put.clone())], &Settings::default());
    assert_eq!(names(&alone), ["Cluster/prod"]);
    let mut described = create.clone();
    described["capacityProviders"] = json!(["spot"]);
    let twice = run(&[("c.json", described), ("put.json", put.clone())], &Settings::default());
    assert_eq!(codes(&twice), ["capacity-given-twice"]);
    let twice = run(&[("c.json", create), ("put.json", put.clone()), ("again.json", put)], &Settings::default());
    assert_eq!(codes(&twice), ["capacity-given-twice"; 2]);
}

#[test]
fn errors_in_capacity_providers_are_reported_with_their_input() {
    let create = json!({"clusterName": "prod"});
    let put = json!({"cluster": "prod", "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "nothere", "weight": 1}]});
    let conversion = run(&[("create.json", create), ("put.json", put)], &Settings::default());
    assert_eq!(names(&conversion), [""; 0]);
    let findings = findings(&conversion);
    assert_eq!(findings[0], ["part-refused "]);
    assert!(findings[1].concat().ends_with("/defaultCapacityProviderStrategy/0/capacityProvider"), "{findings:?}");
}

#[test]
fn capacity_providers_of_an_unknown_cluster_are_a_warning() {
    let put = json!({"cluster": "prd", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": []});
    let create = json!({"clusterName": "prod"});
    let conversion = run(&[("put.json", put.clone()), ("create.json", create)], &Settings::default());
    assert_eq!(findings(&conversion), [vec!["cluster-not-given /cluster".to_owned()], vec![]]);
    assert!(conversion.report.documents[0].findings[0].message.contains("did you mean `prod`?"));
    assert_eq!(codes(&run(&[("put.json", put)], &Settings::default())), [""; 0]);
}
