//! Volumes of a task, and the containers that mount them.

use super::*;

#[test]
fn mounts_lead_to_volumes() {
    let of = |mounts: Value, volumes: Value| {
        of_task(json!({"containerDefinitions": [{"name": "a", "mountPoints": mounts}], "volumes": volumes}))
    };
    let mount = |volume: &str, path: &str| json!({"sourceVolume": volume, "containerPath": path});
    let volumes = json!([{"name": "data"}, {"name": "tmp"}]);
    assert_eq!(of(json!([mount("data", "/data"), mount("tmp", "/tmp")]), volumes.clone()), [""; 0]);
    let cases = [
        (json!([mount("other", "/data")]), "unknown-volume", "0/sourceVolume"),
        (json!([mount("data", "")]), "mount-without-path", "0/containerPath"),
        (json!([{"containerPath": "/x"}]), "unknown-volume", "0/sourceVolume"),
        (json!([mount("data", "/x"), mount("tmp", "/x")]), "duplicate-mount-path", "1/containerPath"),
    ];
    for (mounts, code, place) in cases {
        assert_eq!(of(mounts, volumes.clone()), [format!("error {code} {FIRST}/mountPoints/{place}")]);
    }
    let relative = [format!("warning relative-mount-path {FIRST}/mountPoints/0/containerPath")];
    assert_eq!(of(json!([mount("data", "data")]), volumes.clone()), relative);
    assert_eq!(of(json!([mount("data", "C:\\data")]), volumes), [""; 0]);
}

#[test]
fn a_volume_has_a_name_and_one_kind() {
    let efs = json!({"fileSystemId": "fs-1"});
    let with_point = |more: Value| {
        let base = json!({"fileSystemId": "fs-1", "authorizationConfig": {"accessPointId": "fsap-1"}});
        json!([{"name": "a", "efsVolumeConfiguration": with(base, more)}])
    };
    let s3_files = |root: &str| {
        let files = json!({"fileSystemArn": "arn:x", "accessPointArn": "arn:y", "rootDirectory": root});
        json!([{"name": "a", "s3filesVolumeConfiguration": files}])
    };
    let cases = [
        (json!([{"name": "a"}, {"name": "b", "host": {}}, {"name": "c", "efsVolumeConfiguration": efs}]), None),
        (json!([{"host": {}}]), Some("volume-without-name /volumes/0/name")),
        (json!([{"name": "a"}, {"name": "a"}]), Some("duplicate-volume-name /volumes/1/name")),
        (
            json!([{"name": "a", "host": {"sourcePath": "/x"}, "efsVolumeConfiguration": efs}]),
            Some("volume-of-several-kinds /volumes/0"),
        ),
        (with_point(json!({"transitEncryption": "ENABLED", "rootDirectory": "/"})), None),
        (
            with_point(json!({})),
            Some("efs-without-transit-encryption /volumes/0/efsVolumeConfiguration/transitEncryption"),
        ),
        (
            with_point(json!({"transitEncryption": "ENABLED", "rootDirectory": "/x"})),
            Some("efs-root-directory-with-access-point /volumes/0/efsVolumeConfiguration/rootDirectory"),
        ),
        (
            json!([{"name": "a", "efsVolumeConfiguration": with(efs.clone(), json!({"transitEncryptionPort": 2049}))}]),
            Some("efs-port-without-transit-encryption /volumes/0/efsVolumeConfiguration/transitEncryptionPort"),
        ),
        (s3_files("/"), None),
        (
            s3_files("/x"),
            Some("s3-files-root-directory-with-access-point /volumes/0/s3filesVolumeConfiguration/rootDirectory"),
        ),
    ];
    for (volumes, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|told| format!("error {told}")).collect();
        assert_eq!(of_task(json!({"containerDefinitions": [{"name": "app"}], "volumes": volumes})), expected);
    }
}

#[test]
fn volumes_come_from_another_container() {
    let from = |name: &str| of_container(json!({"volumesFrom": [{"sourceContainer": name}]}));
    let place = format!("{FIRST}/volumesFrom/0/sourceContainer");
    assert_eq!(from("other"), [format!("error unknown-container {place}")]);
    assert_eq!(from("app"), [format!("error volumes-from-itself {place}")]);
}

#[test]
fn one_volume_at_launch_is_mounted() {
    let of = |mounted: &[&str], volumes: Value| {
        let mount = |name: &&str| json!({"sourceVolume": name, "containerPath": format!("/{name}")});
        let mounts: Value = mounted.iter().map(mount).collect();
        of_task(json!({"containerDefinitions": [{"name": "app", "mountPoints": mounts}], "volumes": volumes}))
    };
    let at_launch = |name: &str| json!({"name": name, "configuredAtLaunch": true});
    assert_eq!(of(&["a"], json!([at_launch("a")])), [""; 0]);
    assert_eq!(of(&[], json!([at_launch("a")])), ["error launch-volume-not-mounted /volumes/0/name"]);
    assert_eq!(of(&[], json!([{"name": "a"}])), [""; 0]);
    assert_eq!(
        of(&["a", "b"], json!([at_launch("a"), at_launch("b")])),
        ["error second-volume-at-launch /volumes/1/configuredAtLaunch"]
    );
}

#[test]
fn only_shared_docker_volumes_are_provisioned_once() {
    let of = |docker: Value| {
        let volumes = json!([{"name": "a", "dockerVolumeConfiguration": docker}]);
        of_task(json!({"containerDefinitions": [{"name": "app"}], "volumes": volumes}))
    };
    assert_eq!(of(json!({"scope": "shared", "autoprovision": true})), [""; 0]);
    let place = "/volumes/0/dockerVolumeConfiguration/autoprovision";
    assert_eq!(of(json!({"autoprovision": true})), [format!("warning autoprovision-without-shared-scope {place}")]);
}

#[test]
fn the_scratch_disk_is_sized_on_fargate() {
    let sized = |size: i32| json!({"ephemeralStorage": {"sizeInGiB": size}});
    assert_eq!(of_fargate(sized(21)), [""; 0]);
    assert_eq!(of_fargate(sized(20)), ["error ephemeral-storage-too-small /ephemeralStorage/sizeInGiB"]);
    let of = |compatibilities: Value| {
        let task = json!({"requiresCompatibilities": compatibilities, "containerDefinitions": [{"name": "app"}]});
        of_task(with(task, sized(30)))
    };
    assert_eq!(of(json!(["EC2"])), ["error ephemeral-storage-outside-fargate /ephemeralStorage"]);
    assert_eq!(of(json!([])), ["warning ephemeral-storage-outside-fargate /ephemeralStorage"]);
}

#[test]
fn a_definition_has_64_kib() {
    let of = |bytes: usize| of_container(json!({"command": ["x".repeat(bytes)]}));
    assert_eq!(of(65_000), [""; 0]);
    assert_eq!(of(65_536), ["error definition-too-large "]);
}
