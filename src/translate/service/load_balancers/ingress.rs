//! `kubernetes.loadBalancers[].ingress` → an `Ingress`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{Ingress, IngressTls};
use crate::k8s::UntypedObject;
use crate::translate::service::load_balancers::strings;

pub(super) fn render(ingress: &Ingress, port: i32, mut metadata: ObjectMeta, service: &str) -> UntypedObject {
    metadata.annotations.get_or_insert_default().extend(ingress.annotations.clone());
    metadata.annotations = metadata.annotations.filter(|annotations| !annotations.is_empty());
    let root = ["/".to_owned()];
    let paths = if ingress.paths.is_empty() { &root[..] } else { &ingress.paths };
    let backend = json!({"service": {"name": service, "port": {"number": port}}});
    let paths: Vec<Value> =
        paths.iter().map(|path| json!({"path": path, "pathType": "Prefix", "backend": backend})).collect();
    let rules: Vec<Value> = if ingress.hosts.is_empty() {
        vec![json!({"http": {"paths": paths}})]
    } else {
        ingress.hosts.iter().map(|host| json!({"host": host, "http": {"paths": paths}})).collect()
    };
    let mut spec = json!({"rules": rules});
    if let Some(class) = &ingress.class_name {
        spec["ingressClassName"] = class.as_str().into();
    }
    if !ingress.tls.is_empty() {
        spec["tls"] = ingress.tls.iter().map(|tls| render_tls(tls, &ingress.hosts)).collect();
    }
    UntypedObject::from_spec(metadata, spec)
}

fn render_tls(tls: &IngressTls, hosts: &[String]) -> Value {
    let mut rendered = json!({});
    if let Some(hosts) = strings(if tls.hosts.is_empty() { hosts } else { &tls.hosts }) {
        rendered["hosts"] = hosts;
    }
    if let Some(secret) = &tls.secret_name {
        rendered["secretName"] = secret.as_str().into();
    }
    rendered
}
