//! Small conversions that several features share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// A text that the kubelet leaves as it is.
///
/// The kubelet replaces `$(NAME)` in commands, arguments and environment values; ECS does not. `$$(` stands for `$(`.
pub(super) fn literal(text: &str) -> String {
    text.replace("$(", "$$(")
}

/// CPU units (1024 to a vCPU) as a quantity in the server's canonical form; a fraction of a thousandth is rounded up.
pub(super) fn cpu(units: i64) -> Quantity {
    let milli = (units * 1000 + 1023) / 1024;
    Quantity(if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") })
}

/// MiB as a quantity in the server's canonical form.
pub(super) fn memory(mebibytes: i64) -> Quantity {
    Quantity(if mebibytes % 1024 == 0 { format!("{}Gi", mebibytes / 1024) } else { format!("{mebibytes}Mi") })
}

/// The map, unless it is empty: an empty map is not applied.
pub(super) fn some_map<V>(map: BTreeMap<String, V>) -> Option<BTreeMap<String, V>> {
    (!map.is_empty()).then_some(map)
}

/// The list, unless it is empty: an empty list is not applied.
pub(super) fn some_list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_in_a_text_stays_text() {
        assert_eq!(literal("echo $(HOME) $HOME $$(X)"), "echo $$(HOME) $HOME $$$(X)");
    }

    #[test]
    fn quantities_are_canonical() {
        let cpu_cases = [(256, "250m"), (1024, "1"), (2048, "2"), (10, "10m"), (1, "1m"), (1536, "1500m")];
        for (units, quantity) in cpu_cases {
            assert_eq!(cpu(units).0, quantity, "{units}");
        }
        for (mib, quantity) in [(512, "512Mi"), (1024, "1Gi"), (3072, "3Gi"), (1536, "1536Mi")] {
            assert_eq!(memory(mib).0, quantity, "{mib}");
        }
    }
}
