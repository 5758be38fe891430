//! The options of a container that uses the log router: which of them are written into its configuration, and how.
//!
//! As the ECS agent does (`taskresource/firelens`): one option names the output's plug-in, two are patterns to keep or drop
//! records by, one sizes a buffer of Docker's, and all others are settings of the output, word for word. The value of a
//! secret option is a variable of the router's.

use std::collections::BTreeSet;

use crate::ecs::task_definition::{FirelensConfigurationType as Software, LogConfiguration};
use crate::translate::container::log_configuration;

/// The patterns, and the size of the buffer between Docker and the router.
const INCLUDE: &str = "include-pattern";
const EXCLUDE: &str = "exclude-pattern";
const BUFFER: &str = "log-driver-buffer-limit";

/// The option that names the output's plug-in; without it there is no output, unless a file of the image has one.
pub(super) fn plug_in(software: Software) -> &'static str {
    match software {
        Software::Fluentbit => "Name",
        Software::Fluentd => "@type",
    }
}

/// One option, and what becomes of it.
pub(super) struct Setting<'a> {
    pub(super) option: &'a str,
    pub(super) given: Given,
    pub(super) fate: Fate<'a>,
}

/// Where an option is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// In `options`.
    Open,
    /// In `secretOptions`, at this index.
    Secret(usize),
}

/// What becomes of an option.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    Written(Place, Value<'a>),
    Not(Obstacle),
}

/// What an option is to the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A setting of the output.
    Output,
    /// Only records that match are kept.
    Include,
    /// Records that match are dropped.
    Exclude,
}

/// The value of an option in the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// As it is.
    Text(&'a str),
    /// A variable of the router.
    Variable(String),
}

/// Why an option is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// A secret option of the same name, or a later one, counts.
    Shadowed,
    /// A buffer that there is not.
    Buffer,
    /// The name is more or less than one word.
    Name,
    /// The value is more or less than one line.
    Value,
    /// No plug-in is named that it could be a setting of.
    NoPlugIn,
    /// A credential next to a reference to a variable: neither the text nor a variable can have both.
    Credential,
}

/// Names for the router's variables that none of its own has.
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn besides<'a>(taken: impl Iterator<Item = &'a str>) -> Self {
        Self(taken.map(str::to_owned).collect())
    }

    /// A name like the one wanted, of characters that every router and every server takes.
    pub(super) fn free(&mut self, wanted: &str) -> String {
        let mut name: String = wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        while !self.0.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}

/// What becomes of the options of the container at `index`, in the order of their names.
pub(super) fn settings<'a>(
    software: Software,
    logs: &'a LogConfiguration,
    index: usize,
    names: &mut Names,
) -> Vec<Setting<'a>> {
    let plug_in = plug_in(software);
    let open = logs.options.get(plug_in).is_some_and(|value| is_line(software, value));
    let has_plug_in = open || logs.secret_options.iter().any(|secret| secret.name == plug_in);
    // ECS names the variables like this too, so that files of the image may go by them.
    let mut variable = |option: &str| Value::Variable(names.free(&format!("{option}_{index}")));
    let is_secret = |name: &str, from: usize| logs.secret_options.iter().skip(from).any(|secret| secret.name == name);
    let open = logs.options.iter().map(|(option, value)| {
        let obstacle = [
            (is_secret(option, 0), Obstacle::Shadowed),
            (option == BUFFER, Obstacle::Buffer),
            (!is_name(software, option), Obstacle::Name),
            (!is_line(software, value), Obstacle::Value),
            (place(option) == Place::Output && !has_plug_in, Obstacle::NoPlugIn),
            (is_credential(option, value) && address_is_mixed(value), Obstacle::Credential),
        ];
        let fate = match first(&obstacle) {
            Some(obstacle) => Fate::Not(obstacle),
            None if is_credential(option, value) => Fate::Written(place(option), variable(option)),
            None => Fate::Written(place(option), Value::Text(value)),
        };
        Setting { option: option.as_str(), given: Given::Open, fate }
    });
    let mut settings: Vec<Setting<'_>> = open.collect();
    for (number, secret) in logs.secret_options.iter().enumerate() {
        let option = secret.name.as_str();
        let obstacle = [
            (is_secret(option, number + 1), Obstacle::Shadowed),
            (option == BUFFER, Obstacle::Buffer),
            (!is_name(software, option) || option.contains('@'), Obstacle::Name),
            (place(option) == Place::Output && !has_plug_in, Obstacle::NoPlugIn),
        ];
        let fate = match first(&obstacle) {
            Some(obstacle) => Fate::Not(obstacle),
            None => Fate::Written(place(option), variable(option)),
        };
        settings.push(Setting { option, given: Given::Secret(number), fate });
    }
    settings.sort_by_key(|setting| setting.option);
    settings
}

fn first(obstacles: &[(bool, Obstacle)]) -> Option<Obstacle> {
    obstacles.iter().find(|(applies, _)| *applies).map(|(_, obstacle)| *obstacle)
}

fn place(option: &str) -> Place {
    match option {
        INCLUDE => Place::Include,
        EXCLUDE => Place::Exclude,
        _ => Place::Output,
    }
}

/// Whether the name is one word, and no beginning of a section, a comment or a directive.
fn is_name(software: Software, option: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    let directive = software == Software::Fluentd && ["include", "@include"].contains(&option);
    let begins = |c: char| c.is_ascii_alphanumeric() || "_@".contains(c);
    option.starts_with(begins) && option.chars().all(allowed) && !directive
}

/// Whether a value stays in its line. Fluent Bit takes no setting without a value.
pub(super) fn is_line(software: Software, value: &str) -> bool {
    let is_empty = software == Software::Fluentbit && value.trim().is_empty();
    !is_empty && value.chars().all(|c| c == '\t' || !(c.is_control() || c == '\u{2028}' || c == '\u{2029}'))
}

/// Whether a value is a credential itself rather than the name of a variable that has it.
fn is_credential(option: &str, value: &str) -> bool {
    log_configuration::is_credential(option, value) && (!has_reference(value) || address_is_mixed(value))
}

fn has_reference(value: &str) -> bool {
    value.contains("${") || value.contains("#{")
}

/// Whether the value refers to variables, and is an address whose user and password do not.
fn address_is_mixed(value: &str) -> bool {
    has_reference(value) && log_configuration::authority(value).is_some_and(|at| at.contains('@') && !has_reference(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fates(software: Software, logs: serde_json::Value) -> Vec<(String, String)> {
        let logs: LogConfiguration = serde_json::from_value(logs).unwrap();
        let settings = settings(software, &logs, 2, &mut Names::besides(["token_2"].into_iter()));
        let told = |fate: &Fate<'_>| match fate {
            Fate::Written(place, Value::Text(text)) => format!("{place:?} {text}"),
            Fate::Written(place, Value::Variable(name)) => format!("{place:?} ${name}"),
            Fate::Not(obstacle) => format!("{obstacle:?}"),
        };
        settings.iter().map(|setting| (setting.option.to_owned(), told(&setting.fate))).collect()
    }

    fn of(software: Software, options: &serde_json::Value) -> Vec<String> {
        let logs = json!({"logDriver": "awsfirelens", "options": options});
        fates(software, logs).into_iter().map(|(_, fate)| fate).collect()
    }

    #[test]
    fn options_are_written_as_they_are_and_secrets_as_variables() {
        let logs = json!({
            "logDriver": "awsfirelens",
            "options": {"Name": "http", "Format": "json # lines", "exclude-pattern": "^GET", "log-driver-buffer-limit": "9",
                "uri": "old"},
            "secretOptions": [{"name": "token", "valueFrom": "a"}, {"name": "uri", "valueFrom": "b"}]
        });
        let expected = [
            ("Format", "Output json # lines"),
            ("Name", "Output http"),
            ("exclude-pattern", "Exclude ^GET"),
            ("log-driver-buffer-limit", "Buffer"),
            ("token", "Output $token_2_"),
            ("uri", "Shadowed"),
            ("uri", "Output $uri_2"),
        ];
        let expected = expected.map(|(option, fate)| (option.to_owned(), fate.to_owned()));
        assert_eq!(fates(Software::Fluentbit, logs), expected);
    }

    #[test]
    fn nothing_breaks_out_of_its_line() {
        for value in ["x\n[OUTPUT]", "x\r", "x\u{0}", "x\u{85}y", "x\u{2028}y"] {
            assert_eq!(
                of(Software::Fluentbit, &json!({"Name": "null", "x": value})),
                ["Output null", "Value"],
                "{value:?}"
            );
            assert_eq!(
                of(Software::Fluentd, &json!({"@type": "null", "x": value})),
                ["Output null", "Value"],
                "{value:?}"
            );
        }
        for option in ["a b", "[OUTPUT]", "#x", "", "x\n", "<match>", "</match>", "\"x\""] {
            let found = fates(
                Software::Fluentd,
                json!({"logDriver": "awsfirelens", "options": {"@type": "null", option: "x"}}),
            );
            assert!(found.contains(&(option.to_owned(), "Name".to_owned())), "{found:?}");
        }
        assert_eq!(of(Software::Fluentd, &json!({"@include": "/x", "@type": "null"})), ["Name", "Output null"]);
        assert_eq!(of(Software::Fluentbit, &json!({"Name": "null", "x": " "})), ["Output null", "Value"]);
    }

    #[test]
    fn settings_without_an_output_are_told() {
        assert_eq!(
            of(Software::Fluentbit, &json!({"name": "http", "include-pattern": "x"})),
            ["Include x", "NoPlugIn"]
        );
        assert_eq!(of(Software::Fluentd, &json!({"Name": "http"})), ["NoPlugIn"]);
        assert_eq!(of(Software::Fluentbit, &json!({"Name": "a\nb", "x": "y"})), ["Value", "NoPlugIn"]);
    }

    #[test]
    fn a_credential_is_never_in_the_text() {
        let fate = |option: &str, value: &str| {
            of(Software::Fluentbit, &json!({"A": "x", "Name": "http", option: value})).pop().unwrap_or_default()
        };
        assert_eq!(fate("apikey", "hunter2"), "Output $apikey_2");
        assert_eq!(fate("tls.key_passwd", "hunter2"), "Output $tls_key_passwd_2");
        assert_eq!(fate("apikey", "${KEY}"), "Output ${KEY}");
        assert_eq!(fate("proxy", "http://u:hunter2@proxy"), "Output $proxy_2");
        assert_eq!(fate("proxy", "http://u:${WORD}@proxy"), "Output http://u:${WORD}@proxy");
        assert_eq!(fate("proxy", "http://u:hunter2@proxy/${X}"), "Credential");
    }
}
