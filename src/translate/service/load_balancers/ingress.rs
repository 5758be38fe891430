//! An `Ingress`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{Ingress, IngressTls};
use crate::k8s::UntypedObject;
use crate::translate::service::load_balancers::texts;

pub(super) fn render(given: &Ingress, port: i32, mut metadata: ObjectMeta, service: &str) -> UntypedObject {
    metadata.annotations.get_or_insert_default().extend(given.annotations.clone());
    metadata.annotations = metadata.annotations.filter(|annotations| !annotations.is_empty());
    let root = ["/".to_owned()];
    let paths = if given.paths.is_empty() { &root[..] } else { &given.paths };
    let backend = json!({"service": {"name": service, "port": {"number": port}}});
    let paths: Vec<Value> =
        paths.iter().map(|path| json!({"path": path, "pathType": "Prefix", "backend": backend})).collect();
    let rules: Vec<Value> = if given.hosts.is_empty() {
        vec![json!({"http": {"paths": paths}})]
    } else {
        given.hosts.iter().map(|host| json!({"host": host, "http": {"paths": paths}})).collect()
    };
    let mut spec = json!({"rules": rules});
    if let Some(class) = &given.class_name {
        spec["ingressClassName"] = class.as_str().into();
    }
    if !given.tls.is_empty() {
        spec["tls"] = given.tls.iter().map(|tls| certificate(tls, &given.hosts)).collect();
    }
    UntypedObject::from_spec(metadata, spec)
}

fn certificate(given: &IngressTls, hosts: &[String]) -> Value {
    let mut tls = json!({});
    if let Some(hosts) = texts(if given.hosts.is_empty() { hosts } else { &given.hosts }) {
        tls["hosts"] = hosts;
    }
    if let Some(secret) = &given.secret_name {
        tls["secretName"] = secret.as_str().into();
    }
    tls
}
