//! `efsVolumeConfiguration` → a `PersistentVolume` of the EFS CSI driver and the claim by which tasks mount it.
//!
//! The volume stands for a file system that is there already (static provisioning), so both are bound to one another by
//! name, and nothing happens to the files when they go. The size is a number that Kubernetes wants and nobody reads.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use crate::api::labels;
use crate::ecs::Pointer;
use crate::ecs::task_definition::{EfsAuthorizationConfigIam, EfsTransitEncryption, Volume};
use crate::k8s::{UntypedObject, names};
use crate::translate::{Code, Mode, RenderContext, VerdictRecorder, metadata};

/// The name of the driver, also that of its `CSIDriver` object.
pub const DRIVER: &str = "efs.csi.aws.com";

/// The size that both objects name. A file system grows with what it holds.
const SIZE: &str = "1Gi";

/// A file system as a task mounts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// The name of the claim, in the namespace of the task definition.
    pub claim: String,
    /// `FILE-SYSTEM[:FOLDER][:ACCESS-POINT]`.
    handle: String,
    /// Whether traffic goes through an encrypted tunnel.
    encrypted: bool,
    /// Whether AWS checks who mounts it.
    iam: bool,
}

/// The name of the claim by which a task definition's volume is mounted.
pub(crate) fn claim_name(task: &str, volume: &str) -> String {
    format!("{task}-{}", names::object_name(volume))
}

/// Every file system of the task that the driver can mount.
#[must_use]
pub fn render(task: &RenderContext<'_>) -> Vec<FileSystem> {
    task.definition.volumes.iter().filter_map(|volume| of(task.name, volume)).collect()
}

/// One for each claim; where several have one, the last counts.
#[must_use]
pub fn merge(all: impl IntoIterator<Item = FileSystem>) -> Vec<FileSystem> {
    let by_claim: BTreeMap<String, FileSystem> = all.into_iter().map(|it| (it.claim.clone(), it)).collect();
    by_claim.into_values().collect()
}

fn of(task: &str, volume: &Volume) -> Option<FileSystem> {
    let efs = volume.efs_volume_configuration.as_ref()?;
    let authorization = efs.authorization_config.as_ref();
    let point = authorization.and_then(|given| given.access_point_id.as_deref()).unwrap_or_default();
    let folder = efs.root_directory.as_deref().filter(|folder| *folder != "/").unwrap_or_default();
    let id = efs.file_system_id.as_str();
    // A colon parts the handle, and cannot be written otherwise.
    if id.is_empty() || [id, folder, point].iter().any(|part| part.contains(':')) {
        return None;
    }
    let handle = match (folder, point) {
        ("", "") => id.to_owned(),
        (folder, "") => format!("{id}:{folder}"),
        (folder, point) => format!("{id}:{folder}:{point}"),
    };
    Some(FileSystem {
        claim: claim_name(task, volume.name.as_deref()?),
        handle,
        encrypted: efs.transit_encryption == Some(EfsTransitEncryption::Enabled),
        iam: authorization.and_then(|given| given.iam) == Some(EfsAuthorizationConfigIam::Enabled),
    })
}

/// Claims the configuration of a volume; whether the driver can mount it.
pub(crate) fn record(
    task: &RenderContext<'_>,
    volume: &Volume,
    at: &Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) -> bool {
    let (Some(rendered), Some(efs)) = (of(task.name, volume), &volume.efs_volume_configuration) else { return false };
    let message = format!(
        "the task starts once the PersistentVolumeClaim {} is bound: with the EFS CSI driver ({DRIVER}) in the cluster and \
         a network that reaches the file system, it is made together with its PersistentVolume; a claim of that name that \
         is there already is used instead",
        rendered.claim
    );
    recorder.needs_addon(at.clone(), Code::EfsCsiNeeded, target, message);
    if efs.transit_encryption_port.is_some_and(|port| port != 0) {
        let message = "the EFS CSI driver chooses the local port of the encrypted tunnel, which containers do not see";
        recorder.approximate(at.key("transitEncryptionPort"), Code::EfsDriverPortUsed, target, message);
    }
    if rendered.iam {
        let message = "the EFS CSI driver mounts the file system with the role of its own Pods or of the node, where ECS uses \
                       the task role: give that role elasticfilesystem:ClientMount, and elasticfilesystem:ClientWrite to \
                       write, also in the policy of the file system";
        recorder.needs_addon(at.key("authorizationConfig").key("iam"), Code::EfsMountedByDriver, target, message);
    }
    true
}

impl FileSystem {
    /// The name of the volume. Namespaces have no dots in their names, so no two claims have the same.
    #[must_use]
    pub fn volume(&self, namespace: Option<&str>) -> String {
        namespace.map_or_else(|| self.claim.clone(), |namespace| format!("{namespace}.{}", self.claim))
    }

    /// The claim, without an owner.
    #[must_use]
    pub fn volume_claim(&self, task_definition: &str, namespace: Option<&str>, mode: Mode) -> UntypedObject {
        let metadata = ObjectMeta {
            name: Some(self.claim.clone()),
            namespace: namespace.map(str::to_owned),
            labels: Some(metadata::task_definition_labels(task_definition, mode.manager())),
            ..ObjectMeta::default()
        };
        let spec = json!({
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": SIZE}},
            "storageClassName": "",
            "volumeMode": "Filesystem",
            "volumeName": self.volume(namespace),
        });
        UntypedObject::from_spec(metadata, spec)
    }

    /// The volume, kept for the claim of this uid; without one, for any claim of its name. Where no namespace is known, it is
    /// kept for none, and the claim alone names the other.
    #[must_use]
    pub fn persistent_volume(
        &self,
        task_definition: &str,
        namespace: Option<&str>,
        claim: Option<&str>,
        mode: Mode,
    ) -> UntypedObject {
        let mut labels = metadata::task_definition_labels(task_definition, mode.manager());
        labels.extend(namespace.map(|namespace| (labels::NAMESPACE.to_owned(), namespace.to_owned())));
        let metadata = ObjectMeta { name: Some(self.volume(namespace)), labels: Some(labels), ..ObjectMeta::default() };
        let mut spec = json!({
            "accessModes": ["ReadWriteMany"],
            "capacity": {"storage": SIZE},
            "csi": self.source(),
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "volumeMode": "Filesystem",
        });
        if self.iam {
            spec["mountOptions"] = json!(["iam"]);
        }
        if let Some(namespace) = namespace {
            let mut kept = Map::new();
            let identity = [("apiVersion", "v1"), ("kind", "PersistentVolumeClaim")];
            let place = [("namespace", namespace), ("name", &self.claim)];
            let uid = claim.map(|uid| ("uid", uid));
            kept.extend(
                identity.into_iter().chain(place).chain(uid).map(|(key, value)| (key.to_owned(), value.into())),
            );
            spec["claimRef"] = Value::Object(kept);
        }
        UntypedObject::from_spec(metadata, spec)
    }

    /// What the driver mounts. It encrypts unless told otherwise, so both are said.
    fn source(&self) -> Value {
        json!({
            "driver": DRIVER,
            "volumeHandle": self.handle,
            "volumeAttributes": {"encryptInTransit": self.encrypted.to_string()},
        })
    }

    /// Whether a volume's spec names this file system in this way. It cannot be changed in a volume that is there.
    #[must_use]
    pub fn is_source_of(&self, volume: &Value) -> bool {
        let source = self.source();
        let same = |part: &str| volume.pointer(&format!("/spec/csi/{part}")) == source.get(part);
        ["driver", "volumeHandle", "volumeAttributes"].into_iter().all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_system(efs: &Value) -> Option<FileSystem> {
        let volume = json!({"name": "Data", "efsVolumeConfiguration": efs});
        of("web", &serde_json::from_value(volume).unwrap())
    }

    #[test]
    fn the_handle_has_the_parts_the_driver_reads() {
        let cases = [
            (json!({"fileSystemId": "fs-1"}), Some("fs-1")),
            (json!({"fileSystemId": "fs-1", "rootDirectory": "/"}), Some("fs-1")),
            (json!({"fileSystemId": "fs-1", "rootDirectory": "/a/b"}), Some("fs-1:/a/b")),
            (json!({"fileSystemId": "fs-1", "authorizationConfig": {"accessPointId": "fsap-2"}}), Some("fs-1::fsap-2")),
            (json!({"fileSystemId": "fs-1", "rootDirectory": "/a:b"}), None),
        ];
        for (efs, handle) in cases {
            assert_eq!(file_system(&efs).map(|it| it.handle).as_deref(), handle, "{efs}");
        }
    }

    #[test]
    fn claim_and_volume_name_each_other() {
        let efs = file_system(&json!({"fileSystemId": "fs-1", "transitEncryption": "ENABLED",
            "authorizationConfig": {"iam": "ENABLED"}}));
        let efs = efs.unwrap();
        let claim = efs.volume_claim("web", Some("shop"), Mode::Operator);
        let volume = efs.persistent_volume("web", Some("shop"), Some("uid"), Mode::Operator);
        let spec = |object: &UntypedObject, pointer: &str| Value::from(object.body.clone()).pointer(pointer).cloned();
        assert_eq!(claim.metadata.name, Some(efs.claim.clone()));
        assert_eq!(volume.metadata.name, Some(format!("shop.{}", efs.claim)));
        assert_eq!(spec(&claim, "/spec/volumeName"), volume.metadata.name.clone().map(Value::from));
        assert_eq!(spec(&volume, "/spec/claimRef/name"), Some(efs.claim.clone().into()));
        assert_eq!(spec(&volume, "/spec/claimRef/uid"), Some("uid".into()));
        assert_eq!(spec(&volume, "/spec/mountOptions"), Some(json!(["iam"])));
        assert_eq!(spec(&volume, "/spec/csi/volumeAttributes/encryptInTransit"), Some("true".into()));
        assert_eq!(volume.metadata.namespace, None);
        assert!(efs.is_source_of(&Value::from(volume.body)));
    }

    #[test]
    fn traffic_is_in_the_clear_unless_asked_otherwise_as_on_ecs() {
        let efs = file_system(&json!({"fileSystemId": "fs-1"})).unwrap();
        let volume = Value::from(efs.persistent_volume("web", None, None, Mode::Manifests).body);
        assert_eq!(volume.pointer("/spec/csi/volumeAttributes/encryptInTransit"), Some(&"false".into()));
        assert_eq!((volume.pointer("/spec/claimRef"), volume.pointer("/spec/mountOptions")), (None, None));
        let other = file_system(&json!({"fileSystemId": "fs-1", "transitEncryption": "ENABLED"})).unwrap();
        assert!(efs.is_source_of(&volume) && !other.is_source_of(&volume));
    }
}
