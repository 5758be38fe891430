//! What each code means, in general: for programs that show a code with its description.

use crate::translate::Code;

/// Codes of findings whose name alone does not tell a reader what to expect.
const DESCRIBED: [(&str, &str); 43] = [
    ("missing-log-option", "The log driver needs an option that is not given."),
    ("address-not-asked", "The operator cannot ask this address for a metric."),
    (
        "authentication-for-any-address",
        "Credentials of the whole cluster would go to an address that whoever writes the service chooses.",
    ),
    ("authentication-without-use", "The operator queries the metric without credentials."),
    ("capacity-given-twice", "The capacity providers of a cluster are given more than once."),
    ("coerced", "A value of another type was taken for the one that is wanted."),
    ("container-renamed", "The container has another name on Kubernetes."),
    ("empty-means-absent", "An empty value was taken for an absent one."),
    ("family-from-file-name", "A task definition without a family is called after its file."),
    ("illegal-label", "No node can have the label."),
    ("illegal-toleration", "No Pod can have the toleration."),
    ("invalid-characters", "A text has characters that are not allowed there."),
    ("invalid-choice", "A value is none of those that are allowed."),
    ("invalid-cpu", "A text is no amount of CPU."),
    ("invalid-memory", "A text is no amount of memory."),
    ("invalid-resource", "A custom resource of ecs-operator.dev is not of a form that is known."),
    ("invalid-task-definition", "The name of a task definition cannot be read."),
    ("limit-beyond-the-other", "A scheduled action sets one limit beyond the other, and changes nothing."),
    ("missing-member", "A member that is required is missing."),
    ("no-cluster-object", "Plain manifests have no object for a cluster."),
    ("no-service", "No service uses the task definition; it becomes a Deployment of one replica."),
    ("no-task-definition", "A service names no task definition."),
    ("not-described", "AWS did not describe what it was asked for."),
    ("not-ecs", "The input has nothing of ECS."),
    ("not-supported-yet", "The input is of ECS, and this version does not read its form."),
    ("one-time-request", "The field asks for something once, and is no part of a definition."),
    ("one-whole-refused", "One of the services that this belongs to was refused."),
    ("part-refused", "What AWS keeps apart from a service or a cluster has errors, so nothing was made of either."),
    ("pinned-revision-follows-family", "A service that names a revision of AWS follows the family in the new cluster."),
    ("refused", "The definition has errors; nothing was made of it."),
    ("repeated-member", "A member is given more than once; the last one counts."),
    ("same-name", "Several definitions would become the same object."),
    ("service-refused", "The task definition's service was refused, so nothing was made of it."),
    ("syntax-error", "The text is neither JSON nor YAML."),
    ("task-definition-missing", "The task definition of a service is not among the inputs."),
    ("task-definition-refused", "The task definition of a service has errors."),
    ("task-sets-only", "A service of an external controller has task sets instead of a task definition."),
    ("undecodable", "The value cannot be read."),
    ("unreadable", "The file cannot be read."),
    ("unused-log-router", "A log router that no container logs through."),
    ("unwritable", "The object cannot be written."),
    ("whole-refused", "The service or the cluster that this belongs to was refused, so nothing was made of it."),
    ("wrong-type", "A value is of another type than the one that is wanted."),
];

/// What a code means. The names of all other codes say it.
pub(super) fn description(code: &str) -> String {
    if let Some(difference) = Code::ALL.iter().find(|known| known.name() == code) {
        return difference.meaning().to_owned();
    }
    if let Some((_, words)) = DESCRIBED.iter().find(|(known, _)| *known == code) {
        return (*words).to_owned();
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
    fn differences_are_described_in_their_own_words() {
        assert_eq!(description(Code::UnknownField.name()), Code::UnknownField.meaning());
    }

    #[test]
    fn other_names_are_read_out() {
        assert_eq!(description("port-range-in-host-mode"), "Port range in host mode.");
    }
}
