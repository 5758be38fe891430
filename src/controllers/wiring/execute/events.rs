//! Kubernetes Events of a decision.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType};

use crate::api;
use crate::controllers::resources;
use crate::controllers::state::context::Context;
use crate::reconcile::{EventDraft, Root};

/// Logs and publishes Events.
pub(super) fn publish(context: &Context, root: &Root<'_>, drafts: Vec<EventDraft>) {
    let resource = resources::root(root.kind);
    for draft in drafts {
        let reason = draft.reason.name();
        let is_warning = draft.reason.event() != Some(api::EventType::Normal);
        if is_warning {
            tracing::warn!(reason, "{}", draft.note);
        } else {
            tracing::info!(reason, "{}", draft.note);
        }
        let regarding = ObjectReference {
            api_version: Some(resource.api_version.clone()),
            kind: Some(resource.kind.clone()),
            namespace: Some(root.namespace.to_owned()),
            name: Some(root.name.to_owned()),
            uid: Some(root.uid.to_owned()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: if is_warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(truncated(draft.note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        context.events.publish(regarding, event);
    }
}

/// Maximum length of an Event's note that the server accepts, in bytes.
const MAX_NOTE: usize = 1024;

fn truncated(note: String) -> String {
    if note.len() <= MAX_NOTE {
        return note;
    }
    let end = note.char_indices().map(|(at, _)| at).take_while(|at| *at < MAX_NOTE - 3).last().unwrap_or(0);
    format!("{}…", &note[..end])
}
