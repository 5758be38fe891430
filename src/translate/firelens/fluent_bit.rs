//! The configuration of Fluent Bit, in its classic format: sections of lines, each a key and a value.
//!
//! ECS's own order: inputs, filters, the file of the image, outputs. Instead of the socket that Docker sends to there is
//! an input for the files of each container, and a filter that gives its records the keys that Docker's have.

use std::fmt::Write as _;

use crate::ecs::task_definition::FirelensConfigurationType;
use crate::k8s::names;
use crate::translate::firelens::options;
use crate::translate::firelens::options::{Place, Value};
use crate::translate::firelens::router::{Feeding, LOGS, Metadata, Router, STATE, User};

pub(super) fn configuration(router: &Router<'_>, metadata: Option<&Metadata>) -> String {
    let mut text = Text(String::new());
    inputs(router, &mut text);
    filters(router, metadata, &mut text);
    if let Some(file) = router.file() {
        let _ = writeln!(text.0, "@INCLUDE {file}\n");
    }
    outputs(router, &mut text);
    text.0
}

fn inputs(router: &Router<'_>, text: &mut Text) {
    if router.listens {
        text.section("INPUT", &[("Name", "forward"), ("Listen", "127.0.0.1"), ("Port", "24224")]);
        // Health checks of definitions send to this port, as the documentation of FireLens tells them to.
        text.section(
            "INPUT",
            &[("Name", "tcp"), ("Tag", "firelens-healthcheck"), ("Listen", "127.0.0.1"), ("Port", "8877")],
        );
    }
    if router.feeding != Feeding::Files {
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
                // The lines of the Container Runtime Interface: time, stream, whether the line goes on, text.
                ("multiline.parser", "cri"),
                ("DB", &format!("{STATE}/{folder}.db")),
                ("Read_from_Head", "On"),
                // Containers start after the router does, and again with a new file.
                ("Refresh_Interval", "1"),
                ("Rotate_Wait", "30"),
                ("Buffer_Max_Size", "1MB"),
                ("Skip_Long_Lines", "On"),
                ("Mem_Buf_Limit", &buffer),
            ],
        );
    }
}

fn filters(router: &Router<'_>, metadata: Option<&Metadata>, text: &mut Text) {
    if router.feeding == Feeding::Files {
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
    for (place, key) in [(Place::Include, "Regex"), (Place::Exclude, "Exclude")] {
        for user in &router.users {
            for pattern in user.patterns(place) {
                let pattern = format!("log {}", value(pattern));
                text.section("FILTER", &[("Name", "grep"), ("Match", &matching(user)), (key, &pattern)]);
            }
        }
    }
    if let Some(Metadata { cluster, task_definition }) = metadata {
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

fn outputs(router: &Router<'_>, text: &mut Text) {
    if router.listens {
        text.section("OUTPUT", &[("Name", "null"), ("Match", "firelens-healthcheck")]);
    }
    for user in &router.users {
        let Some((name, settings)) = user.output(options::plug_in(FirelensConfigurationType::Fluentbit)) else {
            continue;
        };
        let mut pairs = vec![("Name", value(name)), ("Match", matching(user))];
        pairs.extend(settings.map(|(option, given)| (option, value(given))));
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
        text.section("OUTPUT", &pairs);
    }
}

/// The log files of a container. Its folder is a pattern too, of one letter: where a plain folder is missing, as it is until
/// the container starts, Fluent Bit reports an error each time that it looks.
fn path(folder: &str) -> String {
    let (first, rest) = folder.split_at(folder.chars().next().map_or(0, char::len_utf8));
    format!("{LOGS}/[{first}]{rest}/*.log")
}

/// The tag of a container's records; the Pod's name stands for the id of the task.
fn tag(router: &Router<'_>, user: &User<'_>) -> String {
    format!("{}-firelens-{}", user.name(), variable(&router.pod[0]))
}

/// What ECS matches the records of a container by.
fn matching(user: &User<'_>) -> String {
    format!("{}-firelens*", user.name())
}

fn value(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => (*text).to_owned(),
        Value::Variable(name) => variable(name),
    }
}

fn variable(name: &str) -> String {
    format!("${{{name}}}")
}

struct Text(String);

impl Text {
    fn section(&mut self, kind: &str, pairs: &[(&str, &str)]) {
        let _ = writeln!(self.0, "[{kind}]");
        for (key, value) in pairs {
            let _ = writeln!(self.0, "    {key} {value}");
        }
        self.0.push('\n');
    }
}
