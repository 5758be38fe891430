//! `user`, `privileged`, `readonlyRootFilesystem` and capabilities → the security context.

use k8s_openapi::api::core::v1::{Capabilities, SecurityContext};

use super::fields::some_list;
use super::{Code, Ledger, Placed};

pub(super) fn container(placed: &Placed<'_>, ledger: &mut Ledger) -> Option<SecurityContext> {
    let definition = placed.definition;
    ledger.exact(placed.at("privileged"), placed.becomes("securityContext/privileged"));
    ledger.exact(placed.at("readonlyRootFilesystem"), placed.becomes("securityContext/readOnlyRootFilesystem"));
    let (user, group) = user(placed, ledger);
    let context = SecurityContext {
        privileged: definition.privileged.filter(|on| *on),
        read_only_root_filesystem: definition.readonly_root_filesystem.filter(|on| *on),
        run_as_user: user,
        run_as_group: group,
        capabilities: capabilities(placed, ledger),
        ..SecurityContext::default()
    };
    (context != SecurityContext::default()).then_some(context)
}

/// `user`, `uid`, `uid:gid`; names are looked up in the image on ECS, which Kubernetes does not do.
fn user(placed: &Placed<'_>, ledger: &mut Ledger) -> (Option<i64>, Option<i64>) {
    let Some(text) = placed.definition.user.as_deref() else { return (None, None) };
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let number = |text: &str| text.parse::<i64>().ok().filter(|id| *id >= 0);
    // root is 0 in every image that has it.
    let user = if user == "root" { Some(0) } else { number(user) };
    let group = group.map(|g| if g == "root" { Some(0) } else { number(g) });
    let (Some(user), Some(group)) = (user, group.map_or(Some(None), |g| g.map(Some))) else {
        let message = "Kubernetes takes numbers only: look the user up in the image's /etc/passwd and write uid or uid:gid; \
                       until then the image's own user is used";
        ledger.unsupported(placed.at("user"), Code::UserNotNumeric, message);
        return (None, None);
    };
    ledger.exact(placed.at("user"), placed.becomes("securityContext/runAsUser"));
    (Some(user), group)
}

fn capabilities(placed: &Placed<'_>, ledger: &mut Ledger) -> Option<Capabilities> {
    let given = placed.definition.linux_parameters.as_ref()?.capabilities.as_ref()?;
    ledger.exact(placed.at("linuxParameters").key("capabilities"), placed.becomes("securityContext/capabilities"));
    let context = Capabilities { add: some_list(given.add.clone()), drop: some_list(given.drop.clone()) };
    (context != Capabilities::default()).then_some(context)
}
