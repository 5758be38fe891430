//! The configuration of Fluentd: elements of lines, each a key and a value.
//!
//! The same as [`super::fluent_bit`]'s, but for the health check, which ECS has for Fluent Bit only.

use crate::ecs::task_definition::FirelensConfigurationType;
use crate::k8s::names;
use crate::translate::firelens::options;
use crate::translate::firelens::options::{Place, Value};
use crate::translate::firelens::router::{Feeding, LOGS, Metadata, Router, STATE, User};

/// A line of the Container Runtime Interface: time, stream, whether the line goes on, text.
const LINE: &str = r"/^(?<time>[^ ]+) (?<source>stdout|stderr) [^ ]+ (?<log>.*)$/";

pub(super) fn configuration(router: &Router<'_>, metadata: Option<&Metadata>) -> String {
    let mut text = Text { text: String::new(), depth: 0 };
    sources(router, &mut text);
    filters(router, metadata, &mut text);
    if let Some(file) = router.file() {
        text.line(&format!("@include {file}"));
        text.text.push('\n');
    }
    outputs(router, &mut text);
    text.text
}

fn sources(router: &Router<'_>, text: &mut Text) {
    if router.listens {
        text.element("source", "", |text| {
            text.pairs(&[("@type", "forward"), ("bind", "127.0.0.1"), ("port", "24224")]);
        });
    }
    if router.feeding != Feeding::Files {
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
                // Containers start after the router does, and again with a new file.
                ("refresh_interval", "1"),
                ("rotate_wait", "30"),
            ]);
            text.element("parse", "", |text| {
                text.pairs(&[("@type", "regexp"), ("expression", LINE), ("time_format", "%iso8601")]);
            });
        });
    }
}

fn filters(router: &Router<'_>, metadata: Option<&Metadata>, text: &mut Text) {
    if router.feeding == Feeding::Files {
        for user in &router.users {
            text.element("filter", &tag(router, user), |text| {
                text.pairs(&[("@type", "record_transformer")]);
                text.element("record", "", |text| text.pairs(&[("container_name", user.name())]));
            });
        }
    }
    for (place, kind) in [(Place::Include, "regexp"), (Place::Exclude, "exclude")] {
        for user in &router.users {
            for pattern in user.patterns(place) {
                text.element("filter", &matching(user), |text| {
                    text.pairs(&[("@type", "grep")]);
                    text.element(kind, "", |text| text.pairs(&[("key", "log"), ("pattern", &value(pattern))]));
                });
            }
        }
    }
    if let Some(Metadata { cluster, task_definition }) = metadata {
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

fn outputs(router: &Router<'_>, text: &mut Text) {
    for user in &router.users {
        let Some((name, settings)) = user.output(options::plug_in(FirelensConfigurationType::Fluentd)) else {
            continue;
        };
        text.element("match", &matching(user), |text| {
            text.pairs(&[("@type", &value(name))]);
            for (option, given) in settings {
                text.pairs(&[(option, &value(given))]);
            }
        });
    }
}

/// The tag of a container's records; the Pod's name stands for the id of the task.
fn tag(router: &Router<'_>, user: &User<'_>) -> String {
    quoted(&format!("{}-firelens-", user.name()), &router.pod[0])
}

/// What ECS matches the records of a container by.
fn matching(user: &User<'_>) -> String {
    format!("{}-firelens**", user.name())
}

fn value(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => (*text).to_owned(),
        Value::Variable(name) => quoted("", name),
    }
}

/// A text with the value of a variable at its end. Fluentd looks for those in quotes only.
fn quoted(before: &str, variable: &str) -> String {
    format!("\"{before}#{{ENV['{variable}']}}\"")
}

struct Text {
    text: String,
    depth: usize,
}

impl Text {
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
