//! `entryPoint` and `command` → `command` and `args`.

use crate::translate::context::ContainerSlot;
use crate::translate::conversions::literal;
use crate::translate::task_agent::supervised_container;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Returns `command` and `args`. A supervised container runs the task agent, followed by its own command line.
pub(crate) fn render(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let supervised = slot.is_supervised();
    recorder.exact(slot.at("entryPoint"), slot.becomes("command"));
    recorder.exact(slot.at("command"), slot.becomes(if supervised { "command" } else { "args" }));
    if supervised && !slot.definition.has_init_process() {
        let message = "the command runs as a child of the task agent, which is process 1 of the container: a program that must be \
                       process 1 does not start; set kubernetes.taskAgent to false for it";
        let field = if slot.definition.entry_point.is_empty() { "command" } else { "entryPoint" };
        if !slot.definition.entry_point.is_empty() || !slot.definition.command.is_empty() {
            recorder.approximate(slot.at(field), Code::NotFirstProcess, slot.becomes("command"), message);
        }
    }
    if supervised {
        return (Some(supervised_container::command_line(task, slot)), None);
    }
    let definition = slot.definition;
    (literals(&definition.entry_point), literals(&definition.command))
}

fn literals(words: &[String]) -> Option<Vec<String>> {
    (!words.is_empty()).then(|| words.iter().map(|word| literal(word)).collect())
}
