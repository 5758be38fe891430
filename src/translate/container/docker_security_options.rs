//! `dockerSecurityOptions` and `credentialSpecs` → the security context.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, SELinuxOptions, SecurityContext, WindowsSecurityContextOptions as WindowsOptions,
};

use crate::ecs::Pointer;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Sets the options in the security context and records verdicts on them.
pub(crate) fn render(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    context: &mut SecurityContext,
    recorder: &mut VerdictRecorder,
) {
    let mut options = SecurityOptions { task, slot, context, recorder };
    for (index, option) in slot.definition.docker_security_options.iter().enumerate() {
        options.apply(option, slot.at("dockerSecurityOptions").index(index));
    }
    for (index, spec) in slot.definition.credential_specs.iter().enumerate() {
        options.credential_spec(spec, slot.at("credentialSpecs").index(index));
    }
}

/// Splits an option at a colon or an equals sign, as Docker does.
fn split(option: &str) -> (&str, &str) {
    option.split_once([':', '=']).unwrap_or((option, ""))
}

/// Translation of the options of one container.
struct SecurityOptions<'a> {
    task: &'a RenderContext<'a>,
    slot: &'a ContainerSlot<'a>,
    context: &'a mut SecurityContext,
    recorder: &'a mut VerdictRecorder,
}

impl SecurityOptions<'_> {
    fn target(&self, field: &str) -> String {
        self.slot.becomes(&format!("securityContext/{field}"))
    }

    fn apply(&mut self, option: &str, path: Pointer) {
        match split(option) {
            ("credentialspec" | "credentialspecdomainless", _) => self.credential_spec(option, path),
            ("no-new-privileges" | "apparmor" | "label", _) if self.task.definition.is_windows() => {
                runtime_platform::refuse_at(path, self.recorder);
            }
            ("no-new-privileges", value) => self.no_new_privileges(value, path),
            ("apparmor", profile) => self.app_armor(profile, path),
            ("label", label) => self.selinux(label, path),
            _ => {
                let message = "the option is not applied: use no-new-privileges, apparmor, label or credentialspec";
                self.recorder.unsupported(path, Code::UnknownSecurityOption, message);
            }
        }
    }

    fn no_new_privileges(&mut self, value: &str, path: Pointer) {
        // The API server refuses the two together; ECS does not.
        if value != "false" && self.slot.definition.privileged == Some(true) {
            let message = "Kubernetes does not accept the option for a privileged container, whose processes can gain privileges: \
                           remove privileged if it is not needed";
            self.recorder.unsupported(path, Code::PrivilegedGainsPrivileges, message);
            return;
        }
        self.recorder.exact(path, self.target("allowPrivilegeEscalation"));
        if value != "false" {
            self.context.allow_privilege_escalation = Some(false);
        }
    }

    fn app_armor(&mut self, profile: &str, path: Pointer) {
        let target = self.target("appArmorProfile");
        match profile {
            // The runtime's default: Kubernetes uses it on nodes with AppArmor. In the Pod it would require AppArmor.
            "" | "docker-default" => self.recorder.exact(path, target),
            "unconfined" => {
                self.recorder.exact(path, target);
                self.context.app_armor_profile =
                    Some(AppArmorProfile { type_: "Unconfined".to_owned(), localhost_profile: None });
            }
            profile => {
                let message = format!("the container starts on nodes that have the AppArmor profile {profile} loaded");
                self.recorder.needs_addon(path, Code::AppArmorProfileNeeded, target, message);
                self.context.app_armor_profile = Some(AppArmorProfile {
                    type_: "Localhost".to_owned(),
                    localhost_profile: Some(profile.trim().to_owned()),
                });
            }
        }
    }

    /// Applies `user:U`, `role:R`, `type:T`, `level:L` or `disable`.
    fn selinux(&mut self, label: &str, path: Pointer) {
        let (key, value) = split(label);
        if !["user", "role", "type", "level", "disable"].contains(&key) {
            let message = "the label is not applied: use user, role, type, level or disable";
            self.recorder.unsupported(path, Code::UnknownSecurityOption, message);
            return;
        }
        let target = self.target("seLinuxOptions");
        let options = self.context.se_linux_options.get_or_insert_with(SELinuxOptions::default);
        let value = Some(value.to_owned()).filter(|value| !value.is_empty());
        match key {
            "user" => options.user = value,
            "role" => options.role = value,
            "type" => options.type_ = value,
            "level" => options.level = value,
            _ => {
                let message = "Kubernetes cannot disable SELinux for a container: it runs with the type spc_t, which the common \
                               policies leave unconfined";
                self.recorder.approximate(path, Code::SelinuxDisabledByType, target, message);
                options.type_ = Some("spc_t".to_owned());
                return;
            }
        }
        self.recorder.exact(path, target);
    }

    /// Sets the name of a `GMSACredentialSpec`, which the webhook of gMSA resolves on Windows.
    fn credential_spec(&mut self, spec: &str, path: Pointer) {
        if !self.task.definition.is_windows() {
            let message = "the container has no identity in Active Directory, which Kubernetes does not provide on Linux: let the \
                           program request a Kerberos ticket with a keytab from a Secret";
            self.recorder.unsupported(path, Code::NoDirectoryIdentity, message);
            return;
        }
        let file = spec.rsplit(['/', ':', '\\']).next().unwrap_or(spec);
        let name = names::object_name(file.strip_suffix(".json").unwrap_or(file));
        let message = format!(
            "the container has its identity in Active Directory once the cluster has the webhook for gMSA and a GMSACredentialSpec \
             {name} with the contents of the credential spec, which the Pod's ServiceAccount may use"
        );
        let target = self.target("windowsOptions/gmsaCredentialSpecName");
        self.recorder.needs_addon(path, Code::CredentialSpecNeeded, target, message);
        self.context.windows_options =
            Some(WindowsOptions { gmsa_credential_spec_name: Some(name), ..WindowsOptions::default() });
    }
}
