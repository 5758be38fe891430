//! Properties of the Pod, which the downward API passes to the init container in variables.

use serde::{Deserialize, Serialize};

/// The variable with the name of the Pod.
pub const NAME: &str = "POD_NAME";
/// The variable with the namespace of the Pod.
pub const NAMESPACE: &str = "POD_NAMESPACE";
/// The variable with the uid of the Pod.
pub const UID: &str = "POD_UID";
/// The variable with the addresses of the Pod, with commas between them.
pub const ADDRESSES: &str = "POD_IPS";
/// The variable with the revision of the task definition; empty where the Pod has none.
pub const REVISION: &str = "REVISION";
/// The variable with the zone of the node; empty where it is not known.
pub const ZONE: &str = "ZONE";

/// The Pod of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// Its addresses, of both families.
    pub addresses: Vec<String>,
    /// The revision of the task definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The zone of its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Pod {
    /// By the variables of the init container.
    #[must_use]
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name| get(name).filter(|text| !text.is_empty());
        Self {
            name: given(NAME).unwrap_or_default(),
            namespace: given(NAMESPACE).unwrap_or_default(),
            uid: given(UID).unwrap_or_default(),
            addresses: given(ADDRESSES).map(|all| all.split(',').map(str::to_owned).collect()).unwrap_or_default(),
            revision: given(REVISION),
            zone: given(ZONE),
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
    fn an_empty_variable_says_nothing() {
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
