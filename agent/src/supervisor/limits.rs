//! `ulimits` of the command.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use crate::plan::Limit;

/// Sets the limits of this process, which the command inherits.
///
/// A hard limit above the inherited one requires a capability that few containers have. Without it, the highest allowed limit is set,
/// and the difference to ECS is logged.
pub(super) fn set(limits: &[Limit]) {
    for limit in limits {
        let Some(resource) = resource(&limit.name) else { continue };
        let (soft, hard) = (value(limit.soft), value(limit.hard));
        if setrlimit(resource, soft, hard).is_ok() {
            continue;
        }
        let Ok((_, highest)) = getrlimit(resource) else { continue };
        let _ = setrlimit(resource, soft.min(highest), hard.min(highest));
        eprintln!("task-agent: the limit {} cannot be raised above {highest}", limit.name);
    }
}

fn value(limit: i64) -> u64 {
    u64::try_from(limit).unwrap_or(RLIM_INFINITY)
}

fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "core" => Resource::RLIMIT_CORE,
        "cpu" => Resource::RLIMIT_CPU,
        "data" => Resource::RLIMIT_DATA,
        "fsize" => Resource::RLIMIT_FSIZE,
        "locks" => Resource::RLIMIT_LOCKS,
        "memlock" => Resource::RLIMIT_MEMLOCK,
        "msgqueue" => Resource::RLIMIT_MSGQUEUE,
        "nice" => Resource::RLIMIT_NICE,
        "nofile" => Resource::RLIMIT_NOFILE,
        "nproc" => Resource::RLIMIT_NPROC,
        "rss" => Resource::RLIMIT_RSS,
        "rtprio" => Resource::RLIMIT_RTPRIO,
        "rttime" => Resource::RLIMIT_RTTIME,
        "sigpending" => Resource::RLIMIT_SIGPENDING,
        "stack" => Resource::RLIMIT_STACK,
        _ => return None,
    })
}
