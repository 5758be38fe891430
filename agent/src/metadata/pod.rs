//! Properties of the Pod, from variables that the downward API sets in the init container.

use serde::{Deserialize, Serialize};

/// Variable with the name of the Pod.
pub const NAME: &str = "POD_NAME";
/// Variable with the namespace of the Pod.
pub const NAMESPACE: &str = "POD_NAMESPACE";
/// Variable with the uid of the Pod.
pub const UID: &str = "POD_UID";
/// Variable with the addresses of the Pod, separated by commas.
pub const ADDRESSES: &str = "POD_IPS";
/// Variable with the revision of the task definition; empty if the Pod has none.
pub const REVISION: &str = "REVISION";
/// Variable with the zone of the node; empty if the node has no zone.
pub const ZONE: &str = "ZONE";

/// Pod of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Uid.
    pub uid: String,
    /// IPv4 and IPv6 addresses.
    pub addresses: Vec<String>,
    /// Revision of the task definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Zone of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Pod {
    /// Reads the variables of the init container.
    #[must_use]
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name| get(name).filter(|text| !text.is_empty());
        Self {
            name: variable(NAME).unwrap_or_default(),
            namespace: variable(NAMESPACE).unwrap_or_default(),
            uid: variable(UID).unwrap_or_default(),
            addresses: variable(ADDRESSES).map(|all| all.split(',').map(str::to_owned).collect()).unwrap_or_default(),
            revision: variable(REVISION),
            zone: variable(ZONE),
        }
    }

    /// Returns the counterpart of an ECS task id: 32 hexadecimal digits.
    #[must_use]
    pub fn task_id(&self) -> String {
        self.uid.replace('-', "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_absent() {
        let get = |name: &str| match name {
            UID => Some("0f-1e".to_owned()),
            ADDRESSES => Some("10.0.0.7,fd00::7".to_owned()),
            REVISION => Some(String::new()),
            ZONE => Some("eu-west-1a".to_owned()),
            _ => None,
        };
        let pod = Pod::from_variables(get);
        assert_eq!(pod.task_id(), "0f1e");
        assert_eq!(pod.addresses, ["10.0.0.7", "fd00::7"]);
        assert_eq!((pod.revision, pod.zone), (None, Some("eu-west-1a".to_owned())));
    }
}
