//! Kubeconfigs and users.

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::pki::write_secret;

/// A user of a cluster, authenticated by a token.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: &'static str,
    pub(crate) token: String,
}

impl User {
    pub(crate) fn new(name: impl Into<String>, groups: &'static str) -> Result<Self> {
        let token = crate::digest::random_hex::<32>()?;
        Ok(Self { name: name.into(), groups, token })
    }

    /// Its line in the API server's token file.
    pub(crate) fn token_file_line(&self) -> String {
        let Self { name, groups, token } = self;
        if groups.is_empty() {
            format!("{token},{name},{name}\n")
        } else {
            format!("{token},{name},{name},\"{groups}\"\n")
        }
    }
}

/// Writes the kubeconfig of `user`, in JSON, which is YAML.
pub(crate) fn write(path: &Path, cluster: &str, server: &str, authority_pem: &str, user: &User) -> Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": {
                "server": server,
                "certificate-authority-data": STANDARD.encode(authority_pem),
            },
        }],
        "users": [{ "name": user.name, "user": { "token": user.token } }],
        "contexts": [{
            "name": cluster,
            "context": { "cluster": cluster, "user": user.name },
        }],
        "current-context": cluster,
    });
    write_secret(path, &serde_json::to_string_pretty(&config)?)
}
