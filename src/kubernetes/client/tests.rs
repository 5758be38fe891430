//! Messages of failed connections.

use std::io::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Writes a kubeconfig with one context, `here`.
fn kubeconfig(server: &str) -> (PathBuf, ConnectOptions) {
    let path = std::env::temp_dir().join(format!("kubeconfig-{}-{}", std::process::id(), fastrand::u64(..)));
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: u, user: {{token: secret}}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n"
    );
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    let options = ConnectOptions { kubeconfig: Some(path.clone()), context: None };
    (path, options)
}

async fn failure(options: ConnectOptions) -> String {
    match connect(options).await {
        Ok(_) => "connected".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Starts a server that sends `response` to every request, and returns its URL.
async fn server(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
    let address = listener.local_addr().expect("known");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let options = ConnectOptions { kubeconfig: Some("/does/not/exist".into()), context: None };
    assert_eq!(failure(options).await, "the kubeconfig file /does/not/exist does not exist");
}

#[tokio::test]
async fn the_message_about_an_invalid_kubeconfig_contains_nothing_of_the_file() {
    let (path, options) = kubeconfig("https://127.0.0.1:1");
    let valid = std::fs::read_to_string(&path).expect("read");
    let with = |user: &str| valid.replace("token: secret", user);
    let pem = "data of the client certificate is not base64";
    for (text, expected) in [
        (with("token: secret-token: x: ["), "it is not the YAML of a kubeconfig at line 5, column "),
        (with("client-certificate-data: [secret"), "it is not the YAML of a kubeconfig at line "),
        (with("token: [secret]"), "it is not the YAML of a kubeconfig"),
        (with("client-certificate-data: '!secret', client-key-data: '!secret'"), pem),
        (with("client-certificate: /secret-not, client-key: /nope"), "of the client certificate cannot be read"),
        // `-----BEGIN secret`
        (
            with("client-certificate-data: LS0tLS1CRUdJTiBzZWNyZXQ=, client-key-data: LS0tLS1CRUdJTiBzZWNyZXQ="),
            "the client certificate or its key is not PEM",
        ),
        (valid.replace("cluster: {server", "cluster: {certificate-authority-data: '!secret', server"), "is not base64"),
    ] {
        std::fs::write(&path, &text).expect("written");
        let message = failure(options.clone()).await;
        assert!(message.contains(expected), "{message}");
        assert!(!message.replace("/secret-not", "").contains("secret"), "{message}");
    }
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn the_message_about_an_unknown_context_lists_the_available_ones() {
    let (path, mut options) = kubeconfig("http://127.0.0.1:1");
    options.context = Some("there".into());
    let text = failure(options).await;
    assert!(text.ends_with("has no context \"there\"; it has: here"), "{text}");
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn the_message_about_a_refused_connection_contains_the_url() {
    let (path, options) = kubeconfig("http://127.0.0.1:1");
    let text = failure(options).await;
    assert_eq!(text, "no Kubernetes API server responds at http://127.0.0.1:1/: the connection was refused");
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn a_failed_tls_handshake_is_distinguished_from_an_unreachable_server() {
    let plain = server("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let (path, options) = kubeconfig(&plain.replace("http://", "https://"));
    let text = failure(options).await;
    assert!(text.starts_with("no trusted connection to the Kubernetes API server at https://127.0.0.1"), "{text}");
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn rejected_credentials_are_reported() {
    let response = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 96\r\nConnection: close\r\n\r\n\
        {\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}";
    let (path, options) = kubeconfig(&server(response).await);
    let text = failure(options).await;
    assert!(text.contains("does not accept the credentials: Unauthorized"), "{text}");
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn versions_with_a_plus_are_parsed() {
    assert_eq!(leading_number("32+"), 32);
    assert_eq!(leading_number(""), 0);
    assert_eq!(ServerVersion { major: 1, minor: 36 }.to_string(), "1.36");
}
