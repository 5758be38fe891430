//! General descriptions of codes, for programs that show a code with its description.

use crate::translate::Code;

/// Descriptions of codes of findings whose names are not descriptive.
const DESCRIBED: [(&str, &str); 43] = [
    ("address-not-asked", "The operator cannot query a metric at this address."),
    (
        "authentication-for-any-address",
        "Credentials of the whole cluster could be sent to an address that the author of the service chooses.",
    ),
    ("authentication-without-use", "The operator queries the metric without credentials."),
    ("capacity-given-twice", "The inputs set the capacity providers of a cluster more than once."),
    ("coerced", "A value was converted from another type."),
    ("container-renamed", "The container has another name in Kubernetes."),
    ("empty-means-absent", "An empty value was treated as absent."),
    ("family-from-file-name", "The file name gives the family of a task definition without one."),
    ("illegal-label", "No node can have the label."),
    ("illegal-toleration", "No Pod can have the toleration."),
    ("invalid-characters", "A string contains characters that are not allowed."),
    ("invalid-choice", "A value is not one of the allowed values."),
    ("invalid-cpu", "A string is not an amount of CPU."),
    ("invalid-memory", "A string is not an amount of memory."),
    ("invalid-resource", "A custom resource of ecs-operator.dev is malformed."),
    ("invalid-task-definition", "The reference to a task definition is malformed."),
    ("limit-beyond-the-other", "A scheduled action sets a limit beyond the other one and has no effect."),
    ("missing-log-option", "A required option of the log driver is missing."),
    ("missing-member", "A required member is missing."),
    ("no-cluster-object", "Plain manifests contain no object for a cluster."),
    ("no-service", "No service uses the task definition, so it becomes a Deployment with one replica."),
    ("no-task-definition", "A service has no task definition."),
    ("not-described", "AWS did not describe a requested resource."),
    ("not-ecs", "The input is not an ECS definition."),
    ("not-supported-yet", "This version does not read this form of ECS input."),
    ("one-time-request", "The field requests a single action and is not part of a definition."),
    ("one-whole-refused", "One of the services that this belongs to was not converted."),
    ("part-refused", "A related resource of the service or cluster has errors, so neither was converted."),
    (
        "pinned-revision-follows-family",
        "A service that references a revision of AWS follows the family in the new cluster.",
    ),
    ("refused", "The definition has errors and was not converted."),
    ("repeated-member", "A member occurs more than once; only the last one is used."),
    ("same-name", "Several definitions would become the same object."),
    ("service-refused", "The task definition was not converted, because its service has errors."),
    ("syntax-error", "The text is neither valid JSON nor valid YAML."),
    ("task-definition-missing", "The task definition of a service is not among the inputs."),
    ("task-definition-refused", "The task definition of a service has errors."),
    ("task-sets-only", "A service of an external controller has task sets instead of a task definition."),
    ("undecodable", "The value cannot be decoded."),
    ("unreadable", "The file cannot be read."),
    ("unused-log-router", "No container uses the log router."),
    ("unwritable", "The object cannot be serialized."),
    ("whole-refused", "The service or cluster that this belongs to was not converted."),
    ("wrong-type", "A value has another type than expected."),
];

/// Returns the description of a code: its entry, or its name as a sentence.
pub(super) fn description(code: &str) -> String {
    if let Some(difference) = Code::ALL.iter().find(|listed| listed.name() == code) {
        return difference.meaning().to_owned();
    }
    if let Some((_, description)) = DESCRIBED.iter().find(|(listed, _)| *listed == code) {
        return (*description).to_owned();
    }
    let words = code.replace('-', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_verdicts_have_their_meaning() {
        assert_eq!(description(Code::UnknownField.name()), Code::UnknownField.meaning());
    }

    #[test]
    fn other_codes_are_described_by_their_names() {
        assert_eq!(description("port-range-in-host-mode"), "Port range in host mode.");
    }
}
