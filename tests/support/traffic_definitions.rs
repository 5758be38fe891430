//! Reduced custom resource definitions of add-ons for traffic: the fields that the operator writes, with the defaults and
//! validation of the original APIs.

use anyhow::Result;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use super::{Bench, install_definition};

/// A kind of an add-on.
#[derive(Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "terms of Kubernetes")]
pub struct Kind {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    spec: fn() -> Value,
}

const GATEWAY: &str = "gateway.networking.k8s.io";

pub const TARGET_GROUP_BINDING: Kind = Kind {
    group: "elbv2.k8s.aws",
    version: "v1beta1",
    kind: "TargetGroupBinding",
    plural: "targetgroupbindings",
    spec: target_group_binding,
};
pub const HTTP_ROUTE: Kind =
    Kind { group: GATEWAY, version: "v1", kind: "HTTPRoute", plural: "httproutes", spec: http_route };
pub const GRPC_ROUTE: Kind =
    Kind { group: GATEWAY, version: "v1", kind: "GRPCRoute", plural: "grpcroutes", spec: route };
pub const TCP_ROUTE: Kind =
    Kind { group: GATEWAY, version: "v1alpha2", kind: "TCPRoute", plural: "tcproutes", spec: route };
pub const SECURITY_GROUP_POLICY: Kind = Kind {
    group: "vpcresources.k8s.aws",
    version: "v1beta1",
    kind: "SecurityGroupPolicy",
    plural: "securitygrouppolicies",
    spec: security_group_policy,
};

impl Kind {
    /// Returns the API of the kind in the namespace of a test.
    pub fn api(self, bench: &Bench) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(self.group, self.version, self.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, self.plural);
        Api::namespaced_with(bench.client.clone(), &bench.namespace, &resource)
    }

    /// Installs the kind. Tests may do so concurrently.
    pub async fn install(self, bench: &Bench) -> Result<()> {
        let name = format!("{}.{}", self.plural, self.group);
        let object = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let mut definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": name},
            "spec": {
                "group": self.group, "scope": "Namespaced",
                "names": {"kind": self.kind, "plural": self.plural, "singular": self.kind.to_lowercase()},
                "versions": [{
                    "name": self.version, "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": (self.spec)(), "status": object}}},
                }],
            },
        });
        if self.group == GATEWAY {
            let approval = json!({"api-approved.kubernetes.io": "unapproved, for tests"});
            definition["metadata"]["annotations"] = approval;
        }
        install_definition(&bench.client, &serde_json::from_value(definition)?).await
    }
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn number_or_name() -> Value {
    json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]})
}

fn port() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 65_535})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "minItems": 1, "items": items})
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

fn target_group_binding() -> Value {
    let peer = object(
        &[],
        &json!({
            "securityGroup": object(&["groupID"], &json!({"groupID": text()})),
            "ipBlock": object(&["cidr"], &json!({"cidr": text()})),
        }),
    );
    let port = object(&[], &json!({"port": number_or_name(), "protocol": {"type": "string", "enum": ["TCP", "UDP"]}}));
    let rule = object(&["from", "ports"], &json!({"from": list(&peer), "ports": {"type": "array", "items": port}}));
    object(
        &["serviceRef"],
        &json!({
            "targetGroupARN": text(),
            "targetType": {"type": "string", "enum": ["instance", "ip"]},
            "ipAddressType": {"type": "string", "default": "ipv4"},
            "multiClusterTargetGroup": {"type": "boolean"},
            "vpcID": {"type": "string", "pattern": "^vpc-[0-9a-f]+$"},
            "serviceRef": object(&["name", "port"], &json!({"name": text(), "port": number_or_name()})),
            "networking": object(&[], &json!({"ingress": {"type": "array", "items": rule}})),
        }),
    )
}

fn parent() -> Value {
    object(
        &["name"],
        &json!({
            "group": {"type": "string", "default": GATEWAY}, "kind": {"type": "string", "default": "Gateway"},
            "name": text(), "namespace": text(), "sectionName": text(), "port": port(),
        }),
    )
}

fn backend() -> Value {
    object(
        &["name"],
        &json!({
            "group": {"type": "string", "default": ""}, "kind": {"type": "string", "default": "Service"},
            "name": text(), "port": port(), "weight": {"type": "integer", "default": 1},
        }),
    )
}

fn route() -> Value {
    let rule = object(&[], &json!({"backendRefs": list(&backend())}));
    object(&["rules"], &json!({"parentRefs": list(&parent()), "hostnames": list(&text()), "rules": list(&rule)}))
}

fn http_route() -> Value {
    let path = object(
        &[],
        &json!({
            "type": {"type": "string", "enum": ["Exact", "PathPrefix", "RegularExpression"]},
            "value": {"type": "string", "pattern": "^/"},
        }),
    );
    let mut matches = list(&object(&[], &json!({"path": path})));
    matches["default"] = json!([{"path": {"type": "PathPrefix", "value": "/"}}]);
    let duration = json!({"type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"});
    let rule = object(
        &[],
        &json!({
            "matches": matches, "backendRefs": list(&backend()), "timeouts": object(&[], &json!({"request": duration})),
        }),
    );
    object(&["rules"], &json!({"parentRefs": list(&parent()), "hostnames": list(&text()), "rules": list(&rule)}))
}

fn security_group_policy() -> Value {
    let groups = json!({"type": "array", "minItems": 1, "maxItems": 5, "items": text()});
    object(
        &[],
        &json!({
            "podSelector": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "securityGroups": object(&[], &json!({"groupIds": groups})),
        }),
    )
}
