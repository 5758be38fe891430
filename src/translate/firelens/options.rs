//! Translation of the options of a container that uses the log router into the router's configuration.
//!
//! The options have the meaning that the ECS agent gives them (`taskresource/firelens`): one names the plug-in of the output, two
//! are patterns that keep or drop records, one is the size of a buffer of Docker, and all others are settings of the output. The
//! value of a secret option becomes a variable of the router.

use std::collections::BTreeSet;

use crate::ecs::task_definition::{FirelensConfigurationType as Software, LogConfiguration};
use crate::translate::container::log_configuration;

const INCLUDE: &str = "include-pattern";
const EXCLUDE: &str = "exclude-pattern";
/// Size of the buffer between Docker and the router.
const BUFFER: &str = "log-driver-buffer-limit";

/// Returns the option that names the plug-in of the output. Without it there is no output, unless a file of the image has one.
pub(super) fn plug_in(software: Software) -> &'static str {
    match software {
        Software::Fluentbit => "Name",
        Software::Fluentd => "@type",
    }
}

/// Option and its translation.
pub(super) struct Setting<'a> {
    pub(super) option: &'a str,
    pub(super) source: OptionSource,
    pub(super) translation: Translation<'a>,
}

/// Field that contains an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionSource {
    /// `options`.
    Options,
    /// `secretOptions`, at this index.
    SecretOptions(usize),
}

/// Translation of an option.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Translation<'a> {
    Written(OptionUse, OptionValue<'a>),
    Omitted(Omission),
}

/// Use of an option in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionUse {
    /// Setting of the output.
    Output,
    /// Pattern of the records to keep.
    Include,
    /// Pattern of the records to drop.
    Exclude,
}

/// Value of an option in the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OptionValue<'a> {
    /// Unchanged text.
    Text(&'a str),
    /// Variable of the router.
    Variable(String),
}

/// Reason to leave an option out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omission {
    /// A secret option with the same name, or a later one, overrides it.
    Shadowed,
    /// Kubernetes has no such buffer.
    Buffer,
    /// The name is not one word.
    Name,
    /// The value is not one line.
    Value,
    /// The options name no plug-in.
    NoPlugIn,
    /// The value contains a credential and a reference to a variable, so it can be neither a text nor a variable.
    Credential,
}

/// Names of variables in use in the router.
pub(super) struct UsedNames(BTreeSet<String>);

impl UsedNames {
    pub(super) fn new<'a>(used: impl Iterator<Item = &'a str>) -> Self {
        Self(used.map(str::to_owned).collect())
    }

    /// Reserves an unused name similar to `preferred`, with characters that routers and API servers accept.
    pub(super) fn reserve(&mut self, preferred: &str) -> String {
        let mut name: String = preferred.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        while !self.0.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}

/// Translates the options of the container at `index`. The settings are sorted by name.
pub(super) fn settings<'a>(
    software: Software,
    logs: &'a LogConfiguration,
    index: usize,
    names: &mut UsedNames,
) -> Vec<Setting<'a>> {
    let plug_in = plug_in(software);
    let has_open_plug_in = logs.options.get(plug_in).is_some_and(|value| is_line(software, value));
    let has_plug_in = has_open_plug_in || logs.secret_options.iter().any(|secret| secret.name == plug_in);
    // ECS uses the same names, and files of the image may refer to them.
    let mut variable = |option: &str| OptionValue::Variable(names.reserve(&format!("{option}_{index}")));
    let is_secret = |name: &str, from: usize| logs.secret_options.iter().skip(from).any(|secret| secret.name == name);
    let open = logs.options.iter().map(|(option, value)| {
        let omissions = [
            (is_secret(option, 0), Omission::Shadowed),
            (option == BUFFER, Omission::Buffer),
            (!is_name(software, option), Omission::Name),
            (!is_line(software, value), Omission::Value),
            (option_use(option) == OptionUse::Output && !has_plug_in, Omission::NoPlugIn),
            (is_credential(option, value) && address_is_mixed(value), Omission::Credential),
        ];
        let translation = match first(&omissions) {
            Some(omission) => Translation::Omitted(omission),
            None if is_credential(option, value) => Translation::Written(option_use(option), variable(option)),
            None => Translation::Written(option_use(option), OptionValue::Text(value)),
        };
        Setting { option: option.as_str(), source: OptionSource::Options, translation }
    });
    let mut settings: Vec<Setting<'_>> = open.collect();
    for (number, secret) in logs.secret_options.iter().enumerate() {
        let option = secret.name.as_str();
        let omissions = [
            (is_secret(option, number + 1), Omission::Shadowed),
            (option == BUFFER, Omission::Buffer),
            (!is_name(software, option) || option.contains('@'), Omission::Name),
            (option_use(option) == OptionUse::Output && !has_plug_in, Omission::NoPlugIn),
        ];
        let translation = match first(&omissions) {
            Some(omission) => Translation::Omitted(omission),
            None => Translation::Written(option_use(option), variable(option)),
        };
        settings.push(Setting { option, source: OptionSource::SecretOptions(number), translation });
    }
    settings.sort_by_key(|setting| setting.option);
    settings
}

fn first(omissions: &[(bool, Omission)]) -> Option<Omission> {
    omissions.iter().find(|(applies, _)| *applies).map(|(_, omission)| *omission)
}

fn option_use(option: &str) -> OptionUse {
    match option {
        INCLUDE => OptionUse::Include,
        EXCLUDE => OptionUse::Exclude,
        _ => OptionUse::Output,
    }
}

/// True if the name is one word and does not start a section, a comment or a directive.
fn is_name(software: Software, option: &str) -> bool {
    let is_directive = software == Software::Fluentd && ["include", "@include"].contains(&option);
    option.starts_with(|c: char| c.is_ascii_alphanumeric() || "_@".contains(c))
        && option.chars().all(|c| c.is_ascii_alphanumeric() || "_-.@".contains(c))
        && !is_directive
}

/// True if a value is one line. Fluent Bit does not accept an empty value.
pub(super) fn is_line(software: Software, value: &str) -> bool {
    let is_empty = software == Software::Fluentbit && value.trim().is_empty();
    !is_empty && value.chars().all(|c| c == '\t' || !(c.is_control() || c == '\u{2028}' || c == '\u{2029}'))
}

/// True if a value contains a credential, not only a reference to a variable with the credential.
fn is_credential(option: &str, value: &str) -> bool {
    log_configuration::is_credential(option, value) && (!has_reference(value) || address_is_mixed(value))
}

fn has_reference(value: &str) -> bool {
    value.contains("${") || value.contains("#{")
}

/// True if the value is an address that refers to variables, but not for its user and password.
fn address_is_mixed(value: &str) -> bool {
    has_reference(value)
        && log_configuration::authority(value)
            .is_some_and(|authority| authority.contains('@') && !has_reference(authority))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn describe(translation: &Translation<'_>) -> String {
        match translation {
            Translation::Written(option_use, OptionValue::Text(text)) => format!("{option_use:?} {text}"),
            Translation::Written(option_use, OptionValue::Variable(name)) => format!("{option_use:?} ${name}"),
            Translation::Omitted(omission) => format!("{omission:?}"),
        }
    }

    fn described_settings(software: Software, logs: serde_json::Value) -> Vec<(String, String)> {
        let logs: LogConfiguration = serde_json::from_value(logs).unwrap();
        let settings = settings(software, &logs, 2, &mut UsedNames::new(["token_2"].into_iter()));
        settings.iter().map(|setting| (setting.option.to_owned(), describe(&setting.translation))).collect()
    }

    fn translations(software: Software, options: &serde_json::Value) -> Vec<String> {
        let logs = json!({"logDriver": "awsfirelens", "options": options});
        described_settings(software, logs).into_iter().map(|(_, translation)| translation).collect()
    }

    #[test]
    fn options_are_written_unchanged_and_secrets_as_variables() {
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
        let expected = expected.map(|(option, translation)| (option.to_owned(), translation.to_owned()));
        assert_eq!(described_settings(Software::Fluentbit, logs), expected);
    }

    #[test]
    fn a_name_or_value_that_breaks_its_line_is_left_out() {
        for value in ["x\n[OUTPUT]", "x\r", "x\u{0}", "x\u{85}y", "x\u{2028}y"] {
            assert_eq!(
                translations(Software::Fluentbit, &json!({"Name": "null", "x": value})),
                ["Output null", "Value"],
                "{value:?}"
            );
            assert_eq!(
                translations(Software::Fluentd, &json!({"@type": "null", "x": value})),
                ["Output null", "Value"],
                "{value:?}"
            );
        }
        for option in ["a b", "[OUTPUT]", "#x", "", "x\n", "<match>", "</match>", "\"x\""] {
            let settings = described_settings(
                Software::Fluentd,
                json!({"logDriver": "awsfirelens", "options": {"@type": "null", option: "x"}}),
            );
            assert!(settings.contains(&(option.to_owned(), "Name".to_owned())), "{settings:?}");
        }
        assert_eq!(
            translations(Software::Fluentd, &json!({"@include": "/x", "@type": "null"})),
            ["Name", "Output null"]
        );
        assert_eq!(translations(Software::Fluentbit, &json!({"Name": "null", "x": " "})), ["Output null", "Value"]);
    }

    #[test]
    fn settings_without_an_output_are_reported() {
        assert_eq!(
            translations(Software::Fluentbit, &json!({"name": "http", "include-pattern": "x"})),
            ["Include x", "NoPlugIn"]
        );
        assert_eq!(translations(Software::Fluentd, &json!({"Name": "http"})), ["NoPlugIn"]);
        assert_eq!(translations(Software::Fluentbit, &json!({"Name": "a\nb", "x": "y"})), ["Value", "NoPlugIn"]);
    }

    #[test]
    fn a_credential_is_never_in_the_text() {
        let translation = |option: &str, value: &str| {
            translations(Software::Fluentbit, &json!({"A": "x", "Name": "http", option: value}))
                .pop()
                .unwrap_or_default()
        };
        assert_eq!(translation("apikey", "hunter2"), "Output $apikey_2");
        assert_eq!(translation("tls.key_passwd", "hunter2"), "Output $tls_key_passwd_2");
        assert_eq!(translation("apikey", "${KEY}"), "Output ${KEY}");
        assert_eq!(translation("proxy", "http://u:hunter2@proxy"), "Output $proxy_2");
        assert_eq!(translation("proxy", "http://u:${WORD}@proxy"), "Output http://u:${WORD}@proxy");
        assert_eq!(translation("proxy", "http://u:hunter2@proxy/${X}"), "Credential");
    }
}
