//! Advice on how names such as `web.prod.internal` become resolvable in the cluster.
//!
//! A core Service makes `web` resolvable in its namespace and `web.NAMESPACE` in all namespaces, as the domain of the cluster
//! is searched. The part after the first dot is therefore a Kubernetes namespace, or needs a rule of the cluster DNS.

use crate::k8s::names;

/// Returns advice to make a core Service resolvable as `name`, and as `name.domain` if there is a domain.
pub(crate) fn advice(name: &str, domain: Option<&str>) -> String {
    let same_namespace = format!("Callers in the namespace of the service use the name {name}");
    match domain.filter(|domain| !domain.is_empty()) {
        None => same_namespace,
        Some(domain) if names::is_label(domain) => format!(
            "{same_namespace}, and other callers {name}.{domain} if {domain} is the namespace of the service; otherwise create a Service \
             {name} of type ExternalName in a namespace {domain}, with the externalName {name}.NAMESPACE.svc.cluster.local"
        ),
        Some(domain) => format!(
            "{same_namespace}. For {name}.{domain} add to CoreDNS: rewrite name suffix .{domain}. .NAMESPACE.svc.cluster.local. answer \
             auto"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_namespace_or_needs_a_dns_rule() {
        assert_eq!(advice("web", None), advice("web", Some("")));
        assert!(advice("web", Some("internal")).contains("ExternalName in a namespace internal"));
        let rule = "suffix .prod.internal. .NAMESPACE.svc.cluster.local. answer";
        assert!(advice("web", Some("prod.internal")).contains(rule));
    }
}
