//! `volumes[].configuredAtLaunch` with `volumeConfigurations` of a service → a generic ephemeral volume.
//!
//! ECS creates an EBS volume for each task and deletes it with the task. Likewise, the claim of a generic ephemeral volume
//! belongs to the Pod. The storage class decides the type of the disk and its encryption.

use k8s_openapi::api::core::v1::{
    EphemeralVolumeSource, PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::api::ServiceSpec;
use crate::ecs::Pointer;
use crate::ecs::service::ServiceManagedEbsVolumeConfiguration as Disk;
use crate::ecs::task_definition::Volume;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Returns the volume if the service sets its size.
pub(crate) fn render(
    task: &RenderContext<'_>,
    index: usize,
    volume: &Volume,
    recorder: &mut VerdictRecorder,
) -> Option<EphemeralVolumeSource> {
    let service = task.service.filter(|_| volume.configured_at_launch == Some(true))?;
    let gibibytes = size(service, volume.name.as_deref()?)?;
    let class = storage_class(service);
    let message = format!(
        "each task gets a volume, which is deleted with the task, once {} provisions EBS volumes: install the EBS CSI driver",
        class.map_or_else(|| "the default storage class".to_owned(), |class| format!("the storage class {class}"))
    );
    let path = Pointer::root().key("volumes").index(index).key("configuredAtLaunch");
    let target = format!("{}/spec/volumes/{index}/ephemeral", task.target);
    recorder.needs_addon(path, Code::StorageClassNeeded, target, message);
    Some(EphemeralVolumeSource {
        volume_claim_template: Some(PersistentVolumeClaimTemplate {
            metadata: None,
            spec: PersistentVolumeClaimSpec {
                access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
                storage_class_name: class.map(str::to_owned),
                resources: Some(VolumeResourceRequirements {
                    requests: Some([("storage".to_owned(), Quantity(format!("{gibibytes}Gi")))].into()),
                    limits: None,
                }),
                ..PersistentVolumeClaimSpec::default()
            },
        }),
    })
}

fn storage_class(service: &ServiceSpec) -> Option<&str> {
    service.kubernetes.as_ref()?.storage_class_name.as_deref()
}

fn size(service: &ServiceSpec, name: &str) -> Option<i32> {
    let mut configurations = service.ecs.volume_configurations.iter();
    configurations.find(|configuration| configuration.name == name)?.managed_ebs_volume.as_ref()?.size_in_gib
}

/// Records verdicts on `volumeConfigurations` of a service. `workload` is the object that contains the volumes, for reports.
pub(crate) fn record(service: &ServiceSpec, workload: &str, recorder: &mut VerdictRecorder) {
    let target = format!("{workload}/spec/template/spec/volumes");
    for (index, configuration) in service.ecs.volume_configurations.iter().enumerate() {
        let path = Pointer::root().key("volumeConfigurations").index(index);
        let Some(disk) = &configuration.managed_ebs_volume else { continue };
        if disk.size_in_gib.is_none() {
            let message = "the size of the snapshot is unknown: set sizeInGiB. Until then the task waits for the PersistentVolumeClaim \
                           that the verdict of its task definition names";
            recorder.unsupported(path, Code::SnapshotNotRestored, message);
            continue;
        }
        recorder.exact(path.key("name"), target.clone());
        record_disk(disk, storage_class(service), &path.key("managedEBSVolume"), &target, recorder);
    }
}

fn record_disk(disk: &Disk, class: Option<&str>, path: &Pointer, target: &str, recorder: &mut VerdictRecorder) {
    recorder.exact(path.key("sizeInGiB"), target);
    let class = class.map_or_else(|| "the cluster's default one".to_owned(), |class| format!("{class:?}"));
    let message = format!(
        "the storage class decides, here {class}: create one for ebs.csi.aws.com with the same parameters, and name it in \
         kubernetes.storageClassName"
    );
    let parameters = [
        ("volumeType", disk.volume_type.is_some()),
        ("iops", disk.iops.is_some()),
        ("throughput", disk.throughput.is_some()),
        ("encrypted", disk.encrypted.is_some()),
        ("kmsKeyId", disk.kms_key_id.is_some()),
        ("filesystemType", disk.filesystem_type.is_some()),
    ];
    for (field, _) in parameters.into_iter().filter(|(_, is_set)| *is_set) {
        recorder.approximate(path.key(field), Code::StorageClassDecides, target, message.clone());
    }
    recorder.ignored(path.key("roleArn"), Code::DriverRoleUsed, "the EBS CSI driver uses its own role");
    let message = "the volume is empty at the start: fill it with an init container, or use a claim that is restored from a VolumeSnapshot";
    for (field, is_set) in [
        ("snapshotId", disk.snapshot_id.is_some()),
        ("volumeInitializationRate", disk.volume_initialization_rate.is_some()),
    ] {
        if is_set {
            recorder.unsupported(path.key(field), Code::SnapshotNotRestored, message);
        }
    }
    if !disk.tag_specifications.is_empty() {
        let message = "the volumes have the tags of the storage class: set its parameters tagSpecification_1 and so on";
        recorder.approximate(path.key("tagSpecifications"), Code::StorageClassDecides, target, message);
    }
}
