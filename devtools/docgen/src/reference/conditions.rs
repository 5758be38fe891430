//! Page of conditions and Events, from the tables in `api`.

use std::fmt::Write;

use ecs_operator::api::condition::TYPES;
use ecs_operator::api::{EventType, Reason};

pub fn page() -> String {
    let mut text = String::from(
        "# Conditions and events\n\n\
         [Troubleshooting](../troubleshooting.md) states what to do about each.\n\n\
         ## Conditions\n\n\
         | type | kinds | meaning of `True` |\n|---|---|---|\n",
    );
    for condition in TYPES {
        let _ = writeln!(text, "| `{}` | {} | {} |", condition.name, condition.kinds, condition.meaning);
    }
    for condition in TYPES {
        let _ = write!(text, "\n### {}\n\n| status | reason | meaning |\n|---|---|---|\n", condition.name);
        for reason in Reason::ALL {
            let Some(state) = reason.condition().filter(|state| state.condition == condition.name) else { continue };
            let status = if state.holds { "True" } else { "False" };
            let _ = writeln!(text, "| `{status}` | `{}` | {} |", reason.name(), reason.meaning());
        }
    }
    text.push_str(
        "\nWhile `Accepted` of a Service is `False`, `Stable` is `False` with the same reason.\n\n\
         ## Events\n\n\
         The operator publishes Events for `kubectl describe`. Services also keep the last 20 events in `status.events`, in ECS's\n\
         wording.\n\n\
         | type | reason | meaning |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let kind = match reason.event() {
            Some(EventType::Normal) => "Normal",
            Some(EventType::Warning) => "Warning",
            None => continue,
        };
        let _ = writeln!(text, "| {kind} | `{}` | {} |", reason.name(), reason.meaning());
    }
    text
}
