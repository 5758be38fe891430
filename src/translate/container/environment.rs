//! `environment` → `env`.
//!
//! What ECS's agent adds of its own accord is set where there is something behind it: the log router's address by
//! [`crate::translate::firelens`], that of the metadata endpoint by [`crate::translate::task_agent::metadata`]. `AWS_REGION` and `AWS_EXECUTION_ENV` are not.
//!
//! ECS lets a secret win over a variable of the same name, and the last of several variables of one name win; a Pod may
//! not have two variables of one name under server-side apply, so the losers are left out.

use k8s_openapi::api::core::v1::EnvVar;

use crate::translate::context::ContainerSlot;
use crate::translate::conversions::literal;
use crate::translate::{Code, VerdictRecorder};

pub(crate) fn render(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Vec<EnvVar> {
    let given = &slot.definition.environment;
    let mut env = Vec::with_capacity(given.len());
    for (index, pair) in given.iter().enumerate() {
        let path = slot.at("environment").index(index);
        let Some(name) = pair.name.as_deref() else { continue };
        let later = given[index + 1..].iter().any(|other| other.name.as_deref() == Some(name));
        let secret = slot.definition.secrets.iter().any(|secret| secret.name == name);
        if later || secret {
            let winner = if secret { "a secret" } else { "a later entry" };
            recorder.ignored(path, Code::ShadowedVariable, format!("{winner} of the same name wins, as on ECS"));
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
