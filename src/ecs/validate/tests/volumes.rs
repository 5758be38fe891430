//! Volumes of a task, and the containers that mount them.

use super::*;

#[test]
fn mount_points_refer_to_volumes() {
    let check = |mounts: Value, volumes: Value| {
        check_task(json!({"containerDefinitions": [{"name": "a", "mountPoints": mounts}], "volumes": volumes}))
    };
    let mount = |volume: &str, path: &str| json!({"sourceVolume": volume, "containerPath": path});
    let volumes = json!([{"name": "data"}, {"name": "tmp"}]);
    assert_eq!(check(json!([mount("data", "/data"), mount("tmp", "/tmp")]), volumes.clone()), [""; 0]);
    let cases = [
        (json!([mount("other", "/data")]), "unknown-volume", "0/sourceVolume"),
        (json!([mount("data", "")]), "mount-without-path", "0/containerPath"),
        (json!([{"containerPath": "/x"}]), "unknown-volume", "0/sourceVolume"),
        (json!([mount("data", "/x"), mount("tmp", "/x")]), "duplicate-mount-path", "1/containerPath"),
    ];
    for (mounts, code, path) in cases {
        assert_eq!(check(mounts, volumes.clone()), [format!("error {code} {FIRST}/mountPoints/{path}")]);
    }
    let relative = [format!("warning relative-mount-path {FIRST}/mountPoints/0/containerPath")];
    assert_eq!(check(json!([mount("data", "data")]), volumes.clone()), relative);
    assert_eq!(check(json!([mount("data", "C:\\data")]), volumes), [""; 0]);
}

#[test]
fn a_volume_has_a_name_and_one_configuration() {
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
        let expected: Vec<_> = expected.iter().map(|summary| format!("error {summary}")).collect();
        assert_eq!(check_task(json!({"containerDefinitions": [{"name": "app"}], "volumes": volumes})), expected);
    }
}

#[test]
fn volumes_from_refers_to_another_container() {
    let from = |name: &str| check_container(json!({"volumesFrom": [{"sourceContainer": name}]}));
    let path = format!("{FIRST}/volumesFrom/0/sourceContainer");
    assert_eq!(from("other"), [format!("error unknown-container {path}")]);
    assert_eq!(from("app"), [format!("error volumes-from-itself {path}")]);
}

#[test]
fn one_volume_is_configured_at_launch_and_mounted() {
    let check = |mounted: &[&str], volumes: Value| {
        let mount = |name: &&str| json!({"sourceVolume": name, "containerPath": format!("/{name}")});
        let mounts: Value = mounted.iter().map(mount).collect();
        check_task(json!({"containerDefinitions": [{"name": "app", "mountPoints": mounts}], "volumes": volumes}))
    };
    let at_launch = |name: &str| json!({"name": name, "configuredAtLaunch": true});
    assert_eq!(check(&["a"], json!([at_launch("a")])), [""; 0]);
    assert_eq!(check(&[], json!([at_launch("a")])), ["error launch-volume-not-mounted /volumes/0/name"]);
    assert_eq!(check(&[], json!([{"name": "a"}])), [""; 0]);
    assert_eq!(
        check(&["a", "b"], json!([at_launch("a"), at_launch("b")])),
        ["error second-volume-at-launch /volumes/1/configuredAtLaunch"]
    );
}

#[test]
fn only_shared_docker_volumes_support_autoprovision() {
    let check = |docker: Value| {
        let volumes = json!([{"name": "a", "dockerVolumeConfiguration": docker}]);
        check_task(json!({"containerDefinitions": [{"name": "app"}], "volumes": volumes}))
    };
    assert_eq!(check(json!({"scope": "shared", "autoprovision": true})), [""; 0]);
    let path = "/volumes/0/dockerVolumeConfiguration/autoprovision";
    assert_eq!(check(json!({"autoprovision": true})), [format!("warning autoprovision-without-shared-scope {path}")]);
}

#[test]
fn ephemeral_storage_is_supported_only_on_fargate() {
    let sized = |size: i32| json!({"ephemeralStorage": {"sizeInGiB": size}});
    assert_eq!(check_fargate_task(sized(21)), [""; 0]);
    assert_eq!(check_fargate_task(sized(20)), ["error ephemeral-storage-too-small /ephemeralStorage/sizeInGiB"]);
    let check = |compatibilities: Value| {
        let task = json!({"requiresCompatibilities": compatibilities, "containerDefinitions": [{"name": "app"}]});
        check_task(with(task, sized(30)))
    };
    assert_eq!(check(json!(["EC2"])), ["error ephemeral-storage-outside-fargate /ephemeralStorage"]);
    assert_eq!(check(json!([])), ["warning ephemeral-storage-outside-fargate /ephemeralStorage"]);
}

#[test]
fn a_definition_has_at_most_64_kib() {
    let check = |bytes: usize| check_container(json!({"command": ["x".repeat(bytes)]}));
    assert_eq!(check(65_000), [""; 0]);
    assert_eq!(check(65_536), ["error definition-too-large "]);
}
