//! Conversions of values that several features share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Escapes a text so that the kubelet leaves it unchanged.
///
/// In commands, arguments, environment values and probes the kubelet expands `$(NAME)` and replaces `$$` by `$`; ECS does not.
/// A text that contains either has every `$` doubled.
pub(crate) fn literal(text: &str) -> String {
    if text.contains("$(") || text.contains("$$") { text.replace('$', "$$") } else { text.to_owned() }
}

/// Converts the CPU units (1024 to a vCPU) of a container to the canonical form of the API server. A fraction of a millicpu is
/// rounded down, so that containers that share all units of a task fit into it.
pub(crate) fn container_cpu(units: i64) -> Quantity {
    milli_cpu((units * 1000 / 1024).max(1))
}

/// Converts the CPU units of a whole task to the canonical form of the API server. A fraction of a millicpu is rounded up.
pub(crate) fn task_cpu(units: i64) -> Quantity {
    milli_cpu((units * 1000 + 1023) / 1024)
}

fn milli_cpu(milli: i64) -> Quantity {
    Quantity(if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") })
}

/// Converts MiB to a quantity in the canonical form of the API server.
pub(crate) fn memory(mebibytes: i64) -> Quantity {
    Quantity(if mebibytes % 1024 == 0 { format!("{}Gi", mebibytes / 1024) } else { format!("{mebibytes}Mi") })
}

/// Returns the map, or `None` if it is empty.
pub(crate) fn some_map<V>(map: BTreeMap<String, V>) -> Option<BTreeMap<String, V>> {
    (!map.is_empty()).then_some(map)
}

/// Returns the list, or `None` if it is empty.
pub(crate) fn some_list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milli(quantity: &Quantity) -> i64 {
        match quantity.0.strip_suffix('m') {
            Some(milli) => milli.parse::<i64>().unwrap(),
            None => quantity.0.parse::<i64>().unwrap() * 1000,
        }
    }

    #[test]
    fn a_variable_reference_in_a_text_is_escaped() {
        for text in ["$HOME", "5 $", "plain", ""] {
            assert_eq!(literal(text), text);
        }
        assert_eq!(literal("echo $(HOME) $HOME"), "echo $$(HOME) $$HOME");
        assert_eq!(literal("pa$$word"), "pa$$$$word");
        assert_eq!(literal("$$(X)"), "$$$$(X)");
    }

    #[test]
    fn containers_that_share_all_units_of_a_task_fit_into_it() {
        for task in [256, 512, 1000, 1024, 4096] {
            for first in (2..task - 1).step_by(7) {
                let sum = milli(&container_cpu(first)) + milli(&container_cpu(task - first));
                assert!(sum <= milli(&task_cpu(task)), "{first} of {task}");
            }
        }
    }

    #[test]
    fn quantities_are_canonical() {
        let cpu_cases =
            [(256, "250m", "250m"), (1024, "1", "1"), (10, "9m", "10m"), (1, "1m", "1m"), (1536, "1500m", "1500m")];
        for (units, container, task) in cpu_cases {
            assert_eq!((container_cpu(units).0.as_str(), task_cpu(units).0.as_str()), (container, task), "{units}");
        }
        for (mib, quantity) in [(512, "512Mi"), (1024, "1Gi"), (3072, "3Gi"), (1536, "1536Mi")] {
            assert_eq!(memory(mib).0, quantity, "{mib}");
        }
    }
}
