//! `containerDefinitions[].name`: distinct names must remain distinct as Kubernetes container names.

use std::collections::BTreeMap;

use crate::ecs::TaskDefinition;
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::k8s::names;

/// Reports containers whose names map to the same DNS label.
pub(crate) fn findings(task: &TaskDefinition) -> Vec<Finding> {
    let mut first_with: BTreeMap<String, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (position, container) in task.container_definitions.iter().enumerate() {
        let name = container.name();
        let other = *first_with.entry(names::container_name(name)).or_insert(name);
        if other != name {
            let path = Pointer::root().key("containerDefinitions").index(position).key("name");
            let message = format!("`{name}` and `{other}` become the same DNS label in Kubernetes: rename one of them");
            findings.push(Finding::error(path, "container-names-too-alike", message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(names: &[&str]) -> Vec<String> {
        let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        let task = serde_json::from_value(json!({"containerDefinitions": containers})).unwrap();
        findings(&task).into_iter().map(|finding| finding.path.to_string()).collect()
    }

    #[test]
    fn only_names_that_map_to_one_label_are_reported() {
        // `Web_API` maps to a label with a hash, which another container may have as its name.
        let mapped = names::container_name("Web_API");
        assert_eq!(paths(&["Web_API", &mapped]), ["/containerDefinitions/1/name"]);
        assert_eq!(paths(&["Web_API", "web-api", "app"]), [""; 0]);
        assert_eq!(paths(&["app", "app"]), [""; 0], "ECS itself refuses a duplicate name");
    }
}
