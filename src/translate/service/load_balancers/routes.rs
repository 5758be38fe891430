//! `kubernetes.loadBalancers[].httpRoute`, `grpcRoute` and `tcpRoute` → routes of the Gateway API.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use crate::api::{GrpcRoute, HttpRoute, ParentReference, TcpRoute};
use crate::k8s::UntypedObject;
use crate::translate::service::load_balancers::strings;

pub(super) fn http(route: &HttpRoute, port: i32, metadata: ObjectMeta, service: &str) -> UntypedObject {
    let root = ["/".to_owned()];
    let paths = if route.paths.is_empty() { &root[..] } else { &route.paths };
    let matches: Vec<Value> = paths.iter().map(|path| json!({"path": {"type": "PathPrefix", "value": path}})).collect();
    let rule = json!({"matches": matches, "backendRefs": [{"name": service, "port": port}]});
    UntypedObject::from_spec(metadata, spec(&route.parent_refs, strings(&route.hostnames), &rule))
}

pub(super) fn grpc(route: &GrpcRoute, port: i32, metadata: ObjectMeta, service: &str) -> UntypedObject {
    let rule = json!({"backendRefs": [{"name": service, "port": port}]});
    UntypedObject::from_spec(metadata, spec(&route.parent_refs, strings(&route.hostnames), &rule))
}

pub(super) fn tcp(route: &TcpRoute, port: i32, metadata: ObjectMeta, service: &str) -> UntypedObject {
    let rule = json!({"backendRefs": [{"name": service, "port": port}]});
    UntypedObject::from_spec(metadata, spec(&route.parent_refs, None, &rule))
}

fn spec(parents: &[ParentReference], hostnames: Option<Value>, rule: &Value) -> Value {
    let parents: Vec<Value> = parents.iter().map(parent).collect();
    let mut spec = json!({"parentRefs": parents, "rules": [rule]});
    if let Some(hostnames) = hostnames {
        spec["hostnames"] = hostnames;
    }
    spec
}

fn parent(reference: &ParentReference) -> Value {
    let members = [
        ("name", Some(Value::from(reference.name.as_str()))),
        ("namespace", reference.namespace.as_deref().map(Value::from)),
        ("sectionName", reference.section_name.as_deref().map(Value::from)),
        ("port", reference.port.map(Value::from)),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>())
}
