//! `environment` → `env`.
//!
//! Of the variables that the ECS agent adds, [`crate::translate::firelens`] sets the address of the log router and
//! [`crate::translate::task_agent::metadata`] the address of the metadata endpoint. `AWS_REGION` and `AWS_EXECUTION_ENV` are not
//! set.
//!
//! On ECS a secret overrides a variable of the same name, and a later variable an earlier one. Server-side apply refuses two
//! variables with one name, so overridden variables are left out.

use k8s_openapi::api::core::v1::EnvVar;

use crate::translate::context::ContainerSlot;
use crate::translate::conversions::literal;
use crate::translate::{Code, VerdictRecorder};

pub(crate) fn render(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Vec<EnvVar> {
    let variables = &slot.definition.environment;
    let mut env = Vec::with_capacity(variables.len());
    for (index, pair) in variables.iter().enumerate() {
        let path = slot.at("environment").index(index);
        let Some(name) = pair.name.as_deref() else { continue };
        let later = variables[index + 1..].iter().any(|other| other.name.as_deref() == Some(name));
        let secret = slot.definition.secrets.iter().any(|secret| secret.name == name);
        if later || secret {
            let other = if secret { "a secret" } else { "a later entry" };
            recorder.ignored(path, Code::ShadowedVariable, format!("{other} of the same name overrides it, as on ECS"));
            continue;
        }
        recorder.exact(path, format!("{}/{}", slot.becomes("env"), env.len()));
        env.push(EnvVar {
            name: name.to_owned(),
            value: Some(literal(pair.value.as_deref().unwrap_or_default())),
            value_from: None,
        });
    }
    env
}
