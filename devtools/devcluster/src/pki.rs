//! Keys and certificates of a cluster, made anew for each.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The files of a key pair with its certificate.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// All keys and certificates of a cluster, as files.
#[derive(Debug)]
pub(crate) struct Pki {
    /// Signs the certificates of servers and clients.
    pub(crate) authority: Identity,
    /// The same certificate as text, for kubeconfigs.
    pub(crate) authority_pem: String,
    /// The serving certificate of the API server.
    pub(crate) api_server: Identity,
    /// The client certificate of the API server for kubelets.
    pub(crate) kubelet_client: Identity,
    /// Signs `front_proxy`. It is a separate authority, because otherwise any client with a
    /// certificate could impersonate users at aggregated API servers.
    pub(crate) front_proxy_authority: Identity,
    /// The client certificate of the API server for aggregated API servers.
    pub(crate) front_proxy: Identity,
    /// Signs service account tokens: `certificate` is the bare public key.
    pub(crate) service_accounts: Identity,
}

impl Pki {
    /// Makes them in `directory`; `server_names` are the API server's addresses and names.
    pub(crate) fn create(directory: &Path, server_names: &[String]) -> Result<Self> {
        let files = |name: &str| Identity {
            certificate: directory.join(format!("{name}.crt")),
            key: directory.join(format!("{name}.key")),
        };
        let (authority, authority_pem, issuer) = authority("devcluster", files("ca"))?;
        let (front_proxy_authority, _, front_proxy_issuer) =
            self::authority("devcluster-front-proxy", files("front-proxy-ca"))?;

        let mut server = leaf("kube-apiserver", None, ExtendedKeyUsagePurpose::ServerAuth);
        server.subject_alt_names = CertificateParams::new(server_names)?.subject_alt_names;
        let client = |name, group| leaf(name, group, ExtendedKeyUsagePurpose::ClientAuth);
        let kubelet_client = client("kube-apiserver-kubelet-client", Some("system:masters"));
        let front_proxy = client("front-proxy-client", None);

        Ok(Self {
            api_server: signed(&server, &issuer, files("apiserver"))?,
            kubelet_client: signed(&kubelet_client, &issuer, files("apiserver-kubelet-client"))?,
            front_proxy: signed(&front_proxy, &front_proxy_issuer, files("front-proxy-client"))?,
            service_accounts: bare_pair(files("service-accounts"))?,
            authority,
            authority_pem,
            front_proxy_authority,
        })
    }
}

fn authority(name: &str, files: Identity) -> Result<(Identity, String, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    fs::write(&files.certificate, &certificate)?;
    write_secret(&files.key, &key.serialize_pem())?;
    Ok((files, certificate, Issuer::new(params, key)))
}

fn leaf(name: &str, group: Option<&str>, usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![usage];
    params
}

fn signed(params: &CertificateParams, issuer: &Issuer<'_, KeyPair>, files: Identity) -> Result<Identity> {
    let key = KeyPair::generate()?;
    fs::write(&files.certificate, params.signed_by(&key, issuer)?.pem())?;
    write_secret(&files.key, &key.serialize_pem())?;
    Ok(files)
}

fn bare_pair(files: Identity) -> Result<Identity> {
    let key = KeyPair::generate()?;
    fs::write(&files.certificate, key.public_key_pem())?;
    write_secret(&files.key, &key.serialize_pem())?;
    Ok(files)
}

/// Writes a file that only its owner can read.
pub(crate) fn write_secret(path: &Path, content: &str) -> Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content.as_bytes())?;
    Ok(())
}
