//! Settings of Pods and containers, read inside of the container.

use anyhow::Result;
use serde_json::json;

use crate::container_lifecycle::{exec, run, run_as};
use crate::{IMAGE, bench};

/// Prints the size of a file system in MiB.
const SIZE: &str = "df -m PATH | tail -1 | awk '{print $2}'";

fn size(path: &str) -> String {
    SIZE.replace("PATH", path)
}

#[tokio::test]
async fn memory_file_systems_names_and_kernel_parameters_are_set() -> Result<()> {
    let Some(bench) = bench("settings").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let definition = json!({
        "networkMode": "bridge",
        "tags": [{"key": "cost-centre", "value": "4711"}],
        "containerDefinitions": [{
            "name": "app", "image": IMAGE, "memory": 128, "user": "1000:2000", "command": ["sleep", "3600"],
            "hostname": "legacy",
            "dnsServers": ["192.0.2.53", "192.0.2.54"], "dnsSearchDomains": ["corp.example.test"],
            "extraHosts": [{"hostname": "Ledger", "ipAddress": "192.0.2.7"}, {"hostname": "books", "ipAddress": "192.0.2.7"}],
            "dockerLabels": {"team": "payments"},
            "dockerSecurityOptions": ["no-new-privileges"],
            "systemControls": [{"namespace": "net.ipv4.ip_local_port_range", "value": "20000 60000"},
                {"namespace": "kernel.shm_rmid_forced", "value": "1"}],
            "linuxParameters": {
                "capabilities": {"add": ["SYS_PTRACE"], "drop": ["NET_RAW", "MKNOD"]},
                "sharedMemorySize": 24,
                "maxSwap": 0,
                "tmpfs": [{"containerPath": "/run/app", "size": 16, "mountOptions": ["mode=1777"]},
                    {"containerPath": "/fixed", "size": 4, "mountOptions": ["ro"]}]
            }
        }]
    });
    let service = json!({"taskDefinition": "app", "desiredCount": 1, "propagateTags": "TASK_DEFINITION"});
    let pod = run_as(&bench, "app", definition, service).await?;
    let see = |script: &str| exec(&bench, &pod, "app", script);
    assert_eq!(see(&size("/run/app"))?, "16");
    assert_eq!(see(&size("/dev/shm"))?, "24");
    assert_eq!(see("touch /run/app/x /dev/shm/x && ls -ld /run/app | cut -c1-10")?, "drwxrwxrwt");
    assert_eq!(
        see("grep -c ' /run/app tmpfs .*noexec' /proc/mounts || true")?,
        "0",
        "the verdict documents the missing noexec"
    );
    assert_eq!(see("touch /fixed/x 2>/dev/null || echo refused")?, "refused");
    assert_eq!(
        see("dd if=/dev/zero of=/run/app/full bs=1M count=17 2>/dev/null || echo full; rm /run/app/full")?,
        "full"
    );
    assert_eq!(see("hostname")?, "legacy");
    assert_eq!(see("grep 192.0.2.7 /etc/hosts | tr -s '\\t ' ' '")?, "192.0.2.7 ledger books");
    assert_eq!(
        see("grep -v '^#' /etc/resolv.conf")?.lines().collect::<Vec<_>>(),
        ["search corp.example.test", "nameserver 192.0.2.53", "nameserver 192.0.2.54"]
    );
    assert_eq!(see("tr -s '\\t ' ' ' < /proc/sys/net/ipv4/ip_local_port_range")?, "20000 60000");
    assert_eq!(see("cat /proc/sys/kernel/shm_rmid_forced")?, "1");
    assert_eq!(see("id -u; id -g")?, "1000\n2000");
    assert_eq!(see("grep NoNewPrivs /proc/self/status | tr -s '\\t ' ' '")?, "NoNewPrivs: 1");
    let annotation = |key: &str| {
        let path = format!("jsonpath={{.metadata.annotations.{}}}", key.replace('.', "\\."));
        bench.cluster.kubectl(["get", "pod", &pod, "-n", &bench.namespace, "-o", &path])
    };
    assert_eq!(annotation("tags.ecs-operator.dev/cost-centre")?, "4711");
    assert_eq!(annotation("dockerlabel.ecs-operator.dev/app.team")?, "payments");
    operator.stop().await
}

/// The default set is that of moby, `oci/caps`. The kernel numbers the capabilities.
#[tokio::test]
async fn capabilities_change_the_default_set_of_docker() -> Result<()> {
    let Some(bench) = bench("capabilities").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [
        {"name": "default", "image": IMAGE, "memory": 32, "command": ["sleep", "3600"]},
        {"name": "changed", "image": IMAGE, "memory": 32, "command": ["sleep", "3600"],
            "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["NET_RAW", "MKNOD"]}}},
        {"name": "bare", "image": IMAGE, "memory": 32, "command": ["sleep", "3600"],
            "linuxParameters": {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}}
    ]});
    let pod = run(&bench, "app", definition).await?;
    let capabilities = |container: &str| -> Result<u64> {
        let text = exec(&bench, &pod, container, "grep CapBnd /proc/self/status | awk '{print $2}'")?;
        Ok(u64::from_str_radix(&text, 16)?)
    };
    let set = |numbers: &[u32]| numbers.iter().fold(0, |set, number| set | 1_u64 << number);
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD,
    // AUDIT_WRITE, SETFCAP.
    let docker = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31];
    let (ptrace, net_raw, mknod) = (19, 13, 27);
    assert_eq!(capabilities("default")?, set(&docker));
    assert_eq!(capabilities("changed")?, (set(&docker) | set(&[ptrace])) & !set(&[net_raw, mknod]));
    assert_eq!(capabilities("bare")?, set(&[10]));
    operator.stop().await
}

#[tokio::test]
async fn mounts_of_another_container_links_and_devices_are_available() -> Result<()> {
    let Some(bench) = bench("others").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let definition = json!({
        "networkMode": "bridge",
        "volumes": [{"name": "shared"},
            {"name": "memory", "dockerVolumeConfiguration": {"driverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=8m"}}}],
        "containerDefinitions": [
            {"name": "app", "image": IMAGE, "memory": 64, "command": ["sleep", "3600"], "links": ["data:store"],
                "volumesFrom": [{"sourceContainer": "data", "readOnly": true}]},
            {"name": "free", "image": IMAGE, "memory": 32, "command": ["sleep", "3600"], "privileged": true,
                "linuxParameters": {"devices": [{"hostPath": "/dev/zero", "containerPath": "/dev/nothing"}]}},
            {"name": "writer", "image": IMAGE, "memory": 32, "command": ["sleep", "3600"],
                "volumesFrom": [{"sourceContainer": "data"}]},
            {"name": "data", "image": IMAGE, "memory": 32, "command": ["sh", "-c", "echo there > /data/file; sleep 3600"],
                "mountPoints": [{"sourceVolume": "shared", "containerPath": "/data"},
                    {"sourceVolume": "memory", "containerPath": "/memory"}]}
        ]
    });
    let pod = run(&bench, "app", definition).await?;
    let see = |container: &str, script: &str| exec(&bench, &pod, container, script);
    assert_eq!(see("app", "cat /data/file; touch /data/x 2>/dev/null || echo refused")?, "there\nrefused");
    assert_eq!(see("writer", "echo more >> /data/file && cat /data/file")?, "there\nmore");
    assert_eq!(see("app", &size("/memory"))?, "8");
    assert_eq!(see("free", "head -c 5 /dev/nothing | wc -c")?, "5");
    assert_eq!(see("app", "grep 127.0.0.1 /etc/hosts | grep -v localhost | tr -s '\\t ' ' '")?, "127.0.0.1 store data");
    operator.stop().await
}
