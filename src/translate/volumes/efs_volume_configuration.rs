//! `efsVolumeConfiguration` → a `PersistentVolume` of the EFS CSI driver and the claim that tasks mount.
//!
//! The volume represents an existing file system (static provisioning). Volume and claim are bound by name, and their deletion
//! does not affect the files. Kubernetes requires a size, but the driver ignores it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::api::labels;
use crate::ecs::Pointer;
use crate::ecs::task_definition::{EfsAuthorizationConfigIam, EfsTransitEncryption, Volume};
use crate::k8s::{UntypedObject, names};
use crate::translate::{Code, Mode, RenderContext, VerdictRecorder, metadata};

/// Name of the driver and of its `CSIDriver` object.
pub const DRIVER: &str = "efs.csi.aws.com";

/// Size of both objects. A file system grows with its content.
const SIZE: &str = "1Gi";

/// File system that a task mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Name of the claim, in the namespace of the task definition.
    pub claim: String,
    /// `FILE-SYSTEM[:FOLDER][:ACCESS-POINT]`.
    handle: String,
    /// True if traffic is encrypted in transit.
    encrypted: bool,
    /// True if IAM authorizes the mount.
    iam: bool,
}

/// Returns the name of the claim for a volume of a task definition.
pub(crate) fn claim_name(task: &str, volume: &str) -> String {
    format!("{task}-{}", names::object_name(volume))
}

/// Returns the file systems of the task that the driver can mount.
#[must_use]
pub fn render(task: &RenderContext<'_>) -> Vec<FileSystem> {
    task.definition.volumes.iter().filter_map(|volume| FileSystem::from_volume(task.name, volume)).collect()
}

/// Merges file systems with the same claim. The last one takes precedence.
#[must_use]
pub fn merge(all: impl IntoIterator<Item = FileSystem>) -> Vec<FileSystem> {
    let by_claim: BTreeMap<String, FileSystem> = all.into_iter().map(|it| (it.claim.clone(), it)).collect();
    by_claim.into_values().collect()
}

/// Records verdicts on the configuration of a volume. Returns true if the driver can mount it.
pub(crate) fn record(
    task: &RenderContext<'_>,
    volume: &Volume,
    at: &Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) -> bool {
    let Some(efs) = &volume.efs_volume_configuration else { return false };
    let Some(file_system) = FileSystem::from_volume(task.name, volume) else { return false };
    let message = format!(
        "the task starts once the PersistentVolumeClaim {} is bound, which is created with its PersistentVolume unless it exists: \
         install the EFS CSI driver ({DRIVER}), and let the network of the cluster reach the file system",
        file_system.claim
    );
    recorder.needs_addon(at.clone(), Code::EfsCsiNeeded, target, message);
    if efs.transit_encryption_port.is_some_and(|port| port != 0) {
        let message =
            "the EFS CSI driver chooses the local port of the encrypted tunnel, which is not visible to containers";
        recorder.approximate(at.key("transitEncryptionPort"), Code::EfsDriverPortUsed, target, message);
    }
    if file_system.iam {
        let message = "the EFS CSI driver mounts the file system with the role of its own Pods or of the node, not with the task role: \
                       grant that role elasticfilesystem:ClientMount, and elasticfilesystem:ClientWrite for writing, also in the \
                       policy of the file system";
        recorder.needs_addon(at.key("authorizationConfig").key("iam"), Code::EfsMountedByDriver, target, message);
    }
    true
}

impl FileSystem {
    fn from_volume(task: &str, volume: &Volume) -> Option<Self> {
        let efs = volume.efs_volume_configuration.as_ref()?;
        let authorization = efs.authorization_config.as_ref();
        let point = authorization.and_then(|config| config.access_point_id.as_deref()).unwrap_or_default();
        let folder = efs.root_directory.as_deref().filter(|folder| *folder != "/").unwrap_or_default();
        let id = efs.file_system_id.as_str();
        // A colon separates the parts of a handle and cannot be escaped.
        if id.is_empty() || [id, folder, point].iter().any(|part| part.contains(':')) {
            return None;
        }
        let handle = match (folder, point) {
            ("", "") => id.to_owned(),
            (folder, "") => format!("{id}:{folder}"),
            (folder, point) => format!("{id}:{folder}:{point}"),
        };
        Some(Self {
            claim: claim_name(task, volume.name.as_deref()?),
            handle,
            encrypted: efs.transit_encryption == Some(EfsTransitEncryption::Enabled),
            iam: authorization.and_then(|config| config.iam) == Some(EfsAuthorizationConfigIam::Enabled),
        })
    }

    /// Returns the name of the volume. It is unique to the claim, because the name of a namespace has no dots.
    #[must_use]
    pub fn volume(&self, namespace: Option<&str>) -> String {
        namespace.map_or_else(|| self.claim.clone(), |namespace| format!("{namespace}.{}", self.claim))
    }

    /// Returns the claim, without an owner.
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

    /// Returns the volume, reserved for the claim with the uid `claim` or, without a uid, for any claim with the name. Without a
    /// namespace the volume is not reserved, and only the claim references the volume.
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
            spec["claimRef"] = json!({
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": namespace,
                "name": self.claim,
            });
            if let Some(uid) = claim {
                spec["claimRef"]["uid"] = uid.into();
            }
        }
        UntypedObject::from_spec(metadata, spec)
    }

    /// Returns the CSI source. It always sets the encryption, because the driver encrypts by default and ECS does not.
    fn source(&self) -> Value {
        json!({
            "driver": DRIVER,
            "volumeHandle": self.handle,
            "volumeAttributes": {"encryptInTransit": self.encrypted.to_string()},
        })
    }

    /// True if the source of a volume, which is immutable, is this file system.
    #[must_use]
    pub fn is_source_of(&self, volume: &Value) -> bool {
        let source = self.source();
        ["driver", "volumeHandle", "volumeAttributes"]
            .into_iter()
            .all(|field| volume.pointer(&format!("/spec/csi/{field}")) == source.get(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_system(efs: &Value) -> Option<FileSystem> {
        let volume = json!({"name": "Data", "efsVolumeConfiguration": efs});
        FileSystem::from_volume("web", &serde_json::from_value(volume).unwrap())
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
    fn claim_and_volume_reference_each_other() {
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
    fn traffic_is_not_encrypted_by_default_as_on_ecs() {
        let efs = file_system(&json!({"fileSystemId": "fs-1"})).unwrap();
        let volume = Value::from(efs.persistent_volume("web", None, None, Mode::Manifests).body);
        assert_eq!(volume.pointer("/spec/csi/volumeAttributes/encryptInTransit"), Some(&"false".into()));
        assert_eq!((volume.pointer("/spec/claimRef"), volume.pointer("/spec/mountOptions")), (None, None));
        let other = file_system(&json!({"fileSystemId": "fs-1", "transitEncryption": "ENABLED"})).unwrap();
        assert!(efs.is_source_of(&volume) && !other.is_source_of(&volume));
    }
}
