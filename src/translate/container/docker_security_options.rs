//! `dockerSecurityOptions` and `credentialSpecs` → the security context.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, SELinuxOptions, SecurityContext, WindowsSecurityContextOptions as WindowsOptions,
};

use crate::ecs::Pointer;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Sets what the options say.
pub(crate) fn render(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    context: &mut SecurityContext,
    recorder: &mut VerdictRecorder,
) {
    for (index, option) in slot.definition.docker_security_options.iter().enumerate() {
        let path = slot.at("dockerSecurityOptions").index(index);
        apply(task, slot, option, path, context, recorder);
    }
    for (index, spec) in slot.definition.credential_specs.iter().enumerate() {
        let path = slot.at("credentialSpecs").index(index);
        credential_spec(task, slot, spec, path, context, recorder);
    }
}

/// Docker separates an option from its value by a colon or an equals sign.
fn split(option: &str) -> (&str, &str) {
    option.split_once([':', '=']).unwrap_or((option, ""))
}

fn apply(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    option: &str,
    path: Pointer,
    context: &mut SecurityContext,
    recorder: &mut VerdictRecorder,
) {
    let target = |field: &str| slot.becomes(&format!("securityContext/{field}"));
    match split(option) {
        ("credentialspec" | "credentialspecdomainless", _) => {
            credential_spec(task, slot, option, path, context, recorder);
        }
        ("no-new-privileges" | "apparmor" | "label", _) if task.definition.is_windows() => {
            runtime_platform::refuse_at(path, recorder);
        }
        ("no-new-privileges", "false") => recorder.exact(path, target("allowPrivilegeEscalation")),
        // The server refuses the two together; ECS does not.
        ("no-new-privileges", _) if slot.definition.privileged == Some(true) => {
            let message = "Kubernetes does not take it for a privileged container, whose processes can gain privileges: \
                           remove privileged where it is not needed";
            recorder.unsupported(path, Code::PrivilegedGainsPrivileges, message);
        }
        ("no-new-privileges", _) => {
            recorder.exact(path, target("allowPrivilegeEscalation"));
            context.allow_privilege_escalation = Some(false);
        }
        ("apparmor", profile) => app_armor(profile, path, target("appArmorProfile"), context, recorder),
        ("label", label) => selinux(label, path, target("seLinuxOptions"), context, recorder),
        _ => {
            let message =
                "the option is none of no-new-privileges, apparmor, label and credentialspec, and is not applied";
            recorder.unsupported(path, Code::UnknownSecurityOption, message);
        }
    }
}

fn app_armor(
    profile: &str,
    path: Pointer,
    target: String,
    context: &mut SecurityContext,
    recorder: &mut VerdictRecorder,
) {
    match profile {
        // The runtime's default: Kubernetes takes it by itself where the node has AppArmor, and would insist on AppArmor if
        // it were written.
        "" | "docker-default" => recorder.exact(path, target),
        "unconfined" => {
            recorder.exact(path, target);
            context.app_armor_profile =
                Some(AppArmorProfile { type_: "Unconfined".to_owned(), ..AppArmorProfile::default() });
        }
        profile => {
            let message = format!("the container starts on nodes that have the AppArmor profile {profile} loaded");
            recorder.needs_addon(path, Code::AppArmorProfileNeeded, target, message);
            context.app_armor_profile = Some(AppArmorProfile {
                type_: "Localhost".to_owned(),
                localhost_profile: Some(profile.trim().to_owned()),
            });
        }
    }
}

/// `user:U`, `role:R`, `type:T`, `level:L` or `disable`.
fn selinux(label: &str, path: Pointer, target: String, context: &mut SecurityContext, recorder: &mut VerdictRecorder) {
    let (key, value) = split(label);
    if !["user", "role", "type", "level", "disable"].contains(&key) {
        let message = "the label is none of user, role, type, level and disable, and is not applied";
        recorder.unsupported(path, Code::UnknownSecurityOption, message);
        return;
    }
    let options = context.se_linux_options.get_or_insert_with(SELinuxOptions::default);
    let value = Some(value.to_owned()).filter(|value| !value.is_empty());
    match key {
        "user" => options.user = value,
        "role" => options.role = value,
        "type" => options.type_ = value,
        "level" => options.level = value,
        _ => {
            let message = "SELinux cannot be turned off for a container: it runs as type spc_t, which the common policies leave \
                           unconfined";
            recorder.approximate(path, Code::SelinuxDisabledByType, target, message);
            options.type_ = Some("spc_t".to_owned());
            return;
        }
    }
    recorder.exact(path, target);
}

/// Windows only: the object `GMSACredentialSpec` of the credential spec's own name, which gMSA's webhook looks up.
fn credential_spec(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    spec: &str,
    path: Pointer,
    context: &mut SecurityContext,
    recorder: &mut VerdictRecorder,
) {
    if !task.definition.is_windows() {
        let message = "the container has no identity in Active Directory: on Linux nothing of Kubernetes gives it one; let the \
                       program take a Kerberos ticket of its own, from a keytab in a Secret";
        recorder.unsupported(path, Code::NoDirectoryIdentity, message);
        return;
    }
    let file = spec.rsplit(['/', ':', '\\']).next().unwrap_or(spec);
    let name = names::object_name(file.strip_suffix(".json").unwrap_or(file));
    let message = format!(
        "the container has its identity in Active Directory once the cluster has the webhook for gMSA and a GMSACredentialSpec \
         {name} with the contents of the credential spec, which the Pod's ServiceAccount may use"
    );
    let target = slot.becomes("securityContext/windowsOptions/gmsaCredentialSpecName");
    recorder.needs_addon(path, Code::CredentialSpecNeeded, target, message);
    context.windows_options =
        Some(WindowsOptions { gmsa_credential_spec_name: Some(name), ..WindowsOptions::default() });
}
