//! Small conversions that several features share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// A text that the kubelet leaves as it is.
///
/// The kubelet replaces `$(NAME)` and makes one `$` of two, in commands, arguments, environment values and probes; ECS does
/// not. A text with either is written with every `$` doubled.
pub(crate) fn literal(text: &str) -> String {
    if text.contains("$(") || text.contains("$$") { text.replace('$', "$$") } else { text.to_owned() }
}

/// The CPU units (1024 to a vCPU) of a container, in the server's canonical form. A fraction of a thousandth is rounded down,
/// so that containers that share out a task's units exactly still fit into it.
pub(crate) fn container_cpu(units: i64) -> Quantity {
    milli_cpu((units * 1000 / 1024).max(1))
}

/// The CPU units of a whole task, in the server's canonical form. A fraction of a thousandth is rounded up.
pub(crate) fn task_cpu(units: i64) -> Quantity {
    milli_cpu((units * 1000 + 1023) / 1024)
}

fn milli_cpu(milli: i64) -> Quantity {
    Quantity(if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") })
}

/// MiB as a quantity in the server's canonical form.
pub(crate) fn memory(mebibytes: i64) -> Quantity {
    Quantity(if mebibytes % 1024 == 0 { format!("{}Gi", mebibytes / 1024) } else { format!("{mebibytes}Mi") })
}

/// The map, unless it is empty: an empty map is not applied.
pub(crate) fn some_map<V>(map: BTreeMap<String, V>) -> Option<BTreeMap<String, V>> {
    (!map.is_empty()).then_some(map)
}

/// The list, unless it is empty: an empty list is not applied.
pub(crate) fn some_list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_in_a_text_stays_text() {
        for text in ["$HOME", "5 $", "plain", ""] {
            assert_eq!(literal(text), text);
        }
        assert_eq!(literal("echo $(HOME) $HOME"), "echo $$(HOME) $$HOME");
        assert_eq!(literal("pa$$word"), "pa$$$$word");
        assert_eq!(literal("$$(X)"), "$$$$(X)");
    }

    #[test]
    fn containers_that_share_out_a_tasks_units_fit_into_it() {
        let milli = |quantity: Quantity| match quantity.0.strip_suffix('m') {
            Some(milli) => milli.parse::<i64>().unwrap(),
            None => quantity.0.parse::<i64>().unwrap() * 1000,
        };
        for task in [256, 512, 1000, 1024, 4096] {
            for first in (2..task - 1).step_by(7) {
                let sum = milli(container_cpu(first)) + milli(container_cpu(task - first));
                assert!(sum <= milli(task_cpu(task)), "{first} of {task}");
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
