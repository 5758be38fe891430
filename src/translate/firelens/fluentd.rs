//! Configuration of Fluentd: elements of lines with a key and a value.
//!
//! It corresponds to [`super::fluent_bit`] without the health check, which ECS supports only for Fluent Bit.

use crate::ecs::task_definition::FirelensConfigurationType;
use crate::k8s::names;
use crate::translate::firelens::options;
use crate::translate::firelens::options::{OptionUse, OptionValue};
use crate::translate::firelens::router::{LOGS, LogInput, RecordMetadata, Router, RouterUser, STATE};

/// Line of the Container Runtime Interface: time, stream, partial or full, text.
const LINE: &str = r"/^(?<time>[^ ]+) (?<source>stdout|stderr) [^ ]+ (?<log>.*)$/";

pub(super) fn configuration(router: &Router<'_>, metadata: Option<&RecordMetadata>) -> String {
    let mut text = ConfigWriter { text: String::new(), depth: 0 };
    sources(router, &mut text);
    filters(router, metadata, &mut text);
    if let Some(file) = router.file() {
        text.line(&format!("@include {file}"));
        text.text.push('\n');
    }
    outputs(router, &mut text);
    text.text
}

fn sources(router: &Router<'_>, text: &mut ConfigWriter) {
    if router.listens {
        text.element("source", "", |text| {
            text.pairs(&[("@type", "forward"), ("bind", "127.0.0.1"), ("port", "24224")]);
        });
    }
    if router.input != LogInput::Files {
        return;
    }
    for user in &router.users {
        let folder = names::container_name(user.name());
        text.element("source", "", |text| {
            text.pairs(&[
                ("@type", "tail"),
                ("tag", &tag(router, user)),
                ("path", &format!("{LOGS}/{folder}/*.log")),
                ("pos_file", &format!("{STATE}/{folder}.pos")),
                ("read_from_head", "true"),
                // Containers start after the router, and a restarted container has a new file.
                ("refresh_interval", "1"),
                ("rotate_wait", "30"),
            ]);
            text.element("parse", "", |text| {
                text.pairs(&[("@type", "regexp"), ("expression", LINE), ("time_format", "%iso8601")]);
            });
        });
    }
}

fn filters(router: &Router<'_>, metadata: Option<&RecordMetadata>, text: &mut ConfigWriter) {
    if router.input == LogInput::Files {
        for user in &router.users {
            text.element("filter", &tag(router, user), |text| {
                text.pairs(&[("@type", "record_transformer")]);
                text.element("record", "", |text| text.pairs(&[("container_name", user.name())]));
            });
        }
    }
    for (option_use, kind) in [(OptionUse::Include, "regexp"), (OptionUse::Exclude, "exclude")] {
        for user in &router.users {
            for pattern in user.patterns(option_use) {
                text.element("filter", &matching(user), |text| {
                    text.pairs(&[("@type", "grep")]);
                    text.element(kind, "", |text| text.pairs(&[("key", "log"), ("pattern", &value(pattern))]));
                });
            }
        }
    }
    if let Some(RecordMetadata { cluster, task_definition }) = metadata {
        text.element("filter", "**", |text| {
            text.pairs(&[("@type", "record_transformer")]);
            text.element("record", "", |text| {
                text.pairs(&[
                    ("ecs_cluster", cluster),
                    ("ecs_task_arn", &quoted("", &router.pod[0])),
                    ("ecs_task_definition", task_definition),
                ]);
            });
        });
    }
}

fn outputs(router: &Router<'_>, text: &mut ConfigWriter) {
    for user in &router.users {
        let Some((name, settings)) = user.output(options::plug_in(FirelensConfigurationType::Fluentd)) else {
            continue;
        };
        text.element("match", &matching(user), |text| {
            text.pairs(&[("@type", &value(name))]);
            for (option, setting) in settings {
                text.pairs(&[(option, &value(setting))]);
            }
        });
    }
}

/// Returns the tag of a container's records, with the Pod's name as the id of the task.
fn tag(router: &Router<'_>, user: &RouterUser<'_>) -> String {
    quoted(&format!("{}-firelens-", user.name()), &router.pod[0])
}

/// Returns the pattern by which ECS matches the records of a container.
fn matching(user: &RouterUser<'_>) -> String {
    format!("{}-firelens**", user.name())
}

fn value(value: &OptionValue<'_>) -> String {
    match value {
        OptionValue::Text(text) => (*text).to_owned(),
        OptionValue::Variable(name) => quoted("", name),
    }
}

/// Returns a text that ends with the value of a variable. Fluentd expands variables only in quotes.
fn quoted(prefix: &str, variable: &str) -> String {
    format!("\"{prefix}#{{ENV['{variable}']}}\"")
}

struct ConfigWriter {
    text: String,
    depth: usize,
}

impl ConfigWriter {
    fn line(&mut self, line: &str) {
        self.text.push_str(&"  ".repeat(self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn pairs(&mut self, pairs: &[(&str, &str)]) {
        for (key, value) in pairs {
            self.line(&format!("{key} {value}"));
        }
    }

    fn element(&mut self, name: &str, argument: &str, body: impl FnOnce(&mut Self)) {
        let space = if argument.is_empty() { "" } else { " " };
        self.line(&format!("<{name}{space}{argument}>"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line(&format!("</{name}>"));
        if self.depth == 0 {
            self.text.push('\n');
        }
    }
}
