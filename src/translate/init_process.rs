//! `linuxParameters.initProcessEnabled`: a first process that forwards signals and takes in orphans.

use super::lifecycle::Role;
use super::{Code, Ledger, Placed, Task, agent};

pub(super) fn claim(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) {
    let path = placed.at("linuxParameters").key("initProcessEnabled");
    let Some(linux) = &placed.definition.linux_parameters else { return };
    match (linux.init_process_enabled, placed.role) {
        (Some(true), Role::Supervised) => ledger.exact(path, placed.becomes("command")),
        (Some(true), _) => {
            let message = format!(
                "the container's own command is its first process: one that neither forwards signals nor takes in orphans \
                 needs an init such as tini in its image{}",
                agent::advice(task)
            );
            ledger.unsupported(path, Code::NoInitProcess, message);
        }
        _ => ledger.exact(path, placed.target.clone()),
    }
}
