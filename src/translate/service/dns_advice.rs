//! Names that callers use, `web.prod.internal`, and what makes them resolvable in the cluster.
//!
//! A core Service makes `web` resolvable in its namespace and `web.NAMESPACE` in all others, as the cluster's domain is
//! searched. What comes after the first dot is therefore a namespace of Kubernetes, or something for the cluster's DNS.

use crate::k8s::names;

/// What to do so that a core Service is found as `name`, and as `name.domain` where a domain is given.
pub(crate) fn of(name: &str, domain: Option<&str>) -> String {
    let near = format!("Callers in the namespace of the service find it as {name}");
    match domain.filter(|domain| !domain.is_empty()) {
        None => near,
        Some(domain) if names::is_label(domain) => format!(
            "{near}, and all others as {name}.{domain} if that is the namespace; if it is another one, make a Service {name} of the \
             type ExternalName in a namespace {domain}, with the externalName {name}.NAMESPACE.svc.cluster.local"
        ),
        Some(domain) => format!(
            "{near}. For {name}.{domain} add to CoreDNS: rewrite name suffix .{domain}. .NAMESPACE.svc.cluster.local. answer auto"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_first_dot_is_a_namespace_or_a_matter_of_dns() {
        assert_eq!(of("web", None), of("web", Some("")));
        assert!(of("web", Some("internal")).contains("ExternalName in a namespace internal"));
        assert!(
            of("web", Some("prod.internal")).contains("suffix .prod.internal. .NAMESPACE.svc.cluster.local. answer")
        );
    }
}
