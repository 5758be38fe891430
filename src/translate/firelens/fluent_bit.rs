//! Configuration of Fluent Bit in its classic format: sections of lines with a key and a value.
//!
//! The order is that of ECS: inputs, filters, the file of the image, outputs. Instead of the socket of Docker there is an input
//! for the log files of each container, and a filter that adds the keys of Docker's records.

use std::fmt::Write as _;

use crate::ecs::task_definition::FirelensConfigurationType;
use crate::k8s::names;
use crate::translate::firelens::options;
use crate::translate::firelens::options::{OptionUse, OptionValue};
use crate::translate::firelens::router::{LOGS, LogInput, RecordMetadata, Router, RouterUser, STATE};

pub(super) fn configuration(router: &Router<'_>, metadata: Option<&RecordMetadata>) -> String {
    let mut text = ConfigWriter(String::new());
    inputs(router, &mut text);
    filters(router, metadata, &mut text);
    if let Some(file) = router.file() {
        let _ = writeln!(text.0, "@INCLUDE {file}\n");
    }
    outputs(router, &mut text);
    text.0
}

fn inputs(router: &Router<'_>, text: &mut ConfigWriter) {
    if router.listens {
        text.section("INPUT", &[("Name", "forward"), ("Listen", "127.0.0.1"), ("Port", "24224")]);
        // The documentation of FireLens recommends this port for health checks.
        text.section(
            "INPUT",
            &[("Name", "tcp"), ("Tag", "firelens-healthcheck"), ("Listen", "127.0.0.1"), ("Port", "8877")],
        );
    }
    if router.input != LogInput::Files {
        if !router.listens {
            // Fluent Bit does not start without an input.
            text.section("INPUT", &[("Name", "forward"), ("Unix_Path", &format!("{STATE}/fluent.sock"))]);
        }
        return;
    }
    let buffer = format!("{}MB", router.buffer());
    for user in &router.users {
        let folder = names::container_name(user.name());
        text.section(
            "INPUT",
            &[
                ("Name", "tail"),
                ("Tag", &tag(router, user)),
                ("Path", &path(&folder)),
                // Lines of the Container Runtime Interface: time, stream, partial or full, text.
                ("multiline.parser", "cri"),
                ("DB", &format!("{STATE}/{folder}.db")),
                ("Read_from_Head", "On"),
                // Containers start after the router, and a restarted container has a new file.
                ("Refresh_Interval", "1"),
                ("Rotate_Wait", "30"),
                ("Buffer_Max_Size", "1MB"),
                ("Skip_Long_Lines", "On"),
                ("Mem_Buf_Limit", &buffer),
            ],
        );
    }
}

fn filters(router: &Router<'_>, metadata: Option<&RecordMetadata>, text: &mut ConfigWriter) {
    if router.input == LogInput::Files {
        for user in &router.users {
            text.section(
                "FILTER",
                &[
                    ("Name", "modify"),
                    ("Match", &tag(router, user)),
                    ("Rename", "stream source"),
                    ("Remove", "_p"),
                    ("Remove", "time"),
                    ("Add", &format!("container_name {}", user.name())),
                ],
            );
        }
    }
    for (option_use, key) in [(OptionUse::Include, "Regex"), (OptionUse::Exclude, "Exclude")] {
        for user in &router.users {
            for pattern in user.patterns(option_use) {
                let pattern = format!("log {}", value(pattern));
                text.section("FILTER", &[("Name", "grep"), ("Match", &matching(user)), (key, &pattern)]);
            }
        }
    }
    if let Some(RecordMetadata { cluster, task_definition }) = metadata {
        text.section(
            "FILTER",
            &[
                ("Name", "record_modifier"),
                ("Match", "*"),
                ("Record", &format!("ecs_cluster {cluster}")),
                ("Record", &format!("ecs_task_arn {}", variable(&router.pod[0]))),
                ("Record", &format!("ecs_task_definition {task_definition}")),
            ],
        );
    }
}

fn outputs(router: &Router<'_>, text: &mut ConfigWriter) {
    if router.listens {
        text.section("OUTPUT", &[("Name", "null"), ("Match", "firelens-healthcheck")]);
    }
    for user in &router.users {
        let Some((name, settings)) = user.output(options::plug_in(FirelensConfigurationType::Fluentbit)) else {
            continue;
        };
        let mut pairs = vec![("Name", value(name)), ("Match", matching(user))];
        pairs.extend(settings.map(|(option, setting)| (option, value(setting))));
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
        text.section("OUTPUT", &pairs);
    }
}

/// Returns a pattern for the log files of a container. The first letter of the folder is also a pattern: Fluent Bit would report
/// an error at each scan while a folder without a pattern is missing, until the container starts.
fn path(folder: &str) -> String {
    let (first, rest) = folder.split_at(folder.chars().next().map_or(0, char::len_utf8));
    format!("{LOGS}/[{first}]{rest}/*.log")
}

/// Returns the tag of a container's records, with the Pod's name as the id of the task.
fn tag(router: &Router<'_>, user: &RouterUser<'_>) -> String {
    format!("{}-firelens-{}", user.name(), variable(&router.pod[0]))
}

/// Returns the pattern by which ECS matches the records of a container.
fn matching(user: &RouterUser<'_>) -> String {
    format!("{}-firelens*", user.name())
}

fn value(value: &OptionValue<'_>) -> String {
    match value {
        OptionValue::Text(text) => (*text).to_owned(),
        OptionValue::Variable(name) => variable(name),
    }
}

fn variable(name: &str) -> String {
    format!("${{{name}}}")
}

struct ConfigWriter(String);

impl ConfigWriter {
    fn section(&mut self, kind: &str, pairs: &[(&str, &str)]) {
        let _ = writeln!(self.0, "[{kind}]");
        for (key, value) in pairs {
            let _ = writeln!(self.0, "    {key} {value}");
        }
        self.0.push('\n');
    }
}
