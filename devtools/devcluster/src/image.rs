//! Container images that are built without a registry or a container engine.

mod archive;
mod busybox;
mod executable;
mod reference;

use std::path::Path;

use anyhow::Result;

pub(crate) use self::reference::normalized;

/// The base of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// Debian's busybox-static with a link for each of its commands in `/bin`, the users
    /// with the ids 0 and 65534, and a `/tmp` for all.
    #[default]
    Busybox,
    /// An empty image.
    Scratch,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// Path from the root, such as `app/server` or `/app/server`.
    pub path: String,
    /// Permissions, such as `0o755`.
    pub mode: u32,
    /// Content.
    pub content: Vec<u8>,
}

/// A container image to build and load on the real nodes of a cluster.
///
/// ```no_run
/// # async fn example(cluster: &devcluster::Cluster) -> anyhow::Result<()> {
/// use devcluster::Image;
///
/// let image = Image::http_server("example.com/web:1", 8080);
/// cluster.load_image(&image).await?;
/// # Ok(()) }
/// ```
///
/// Pods need `imagePullPolicy: IfNotPresent` or `Never`, because no registry has the image.
/// `IfNotPresent` is the default for every tag but `latest`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// The name in manifests, such as `nginx:1.29` or one of a private registry.
    pub name: String,
    /// The base of the files.
    pub base: Base,
    /// `ENTRYPOINT` of a Dockerfile.
    pub entrypoint: Vec<String>,
    /// `CMD` of a Dockerfile.
    pub cmd: Vec<String>,
    /// Environment variables, `NAME=value`. Without one, a `PATH` is set.
    pub env: Vec<String>,
    /// `user`, `uid` or `uid:gid`; empty: root.
    pub user: String,
    /// The working directory; empty: `/`.
    pub working_directory: String,
    /// Exposed TCP ports.
    pub exposed_ports: Vec<u16>,
    /// The stop signal, such as `SIGQUIT`; empty: SIGTERM.
    pub stop_signal: String,
    /// Its files.
    pub files: Vec<ImageFile>,
}

/// Process 1 receives only signals that it handles, so a plain `sleep` would run until the
/// end of the grace period.
const WAIT_FOR_SIGTERM: &str = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

impl Image {
    /// An image with busybox and a shell as its command.
    pub fn busybox(name: impl Into<String>) -> Self {
        Self { name: name.into(), cmd: vec!["sh".to_owned()], ..Self::default() }
    }

    /// A substitute for an application. It does nothing and stops at once on SIGTERM.
    pub fn stand_in(name: impl Into<String>) -> Self {
        Self { cmd: shell(WAIT_FOR_SIGTERM), ..Self::busybox(name) }
    }

    /// A substitute for a web application: busybox httpd on `port`. `/` returns `ok`, and
    /// `/cgi-bin/hostname` the name of the Pod. It stops at once on SIGTERM.
    pub fn http_server(name: impl Into<String>, port: u16) -> Self {
        let script = format!("trap 'exit 0' TERM INT; httpd -f -p {port} -h /www & wait $!");
        Self {
            cmd: shell(&script),
            exposed_ports: vec![port],
            ..Self::busybox(name).file("www/index.html", 0o644, "ok\n").file(
                "www/cgi-bin/hostname",
                0o755,
                "#!/bin/sh\necho\nhostname\n",
            )
        }
    }

    /// An image with only a static program.
    pub fn program(name: impl Into<String>, program: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), base: Base::Scratch, entrypoint: vec!["/program".to_owned()], ..Self::default() }
            .file("program", 0o755, program)
    }

    /// An image with only a program of this machine and its shared libraries, for example a
    /// Rust program built by cargo.
    ///
    /// # Errors
    ///
    /// Fails if there is no such program, or one of its libraries is missing.
    pub fn from_executable(name: impl Into<String>, path: impl AsRef<Path>) -> Result<Self> {
        executable::image(name.into(), path.as_ref())
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        self.files.push(ImageFile { path: path.into(), mode, content: content.into() });
        self
    }

    /// The image as an OCI archive, which `ctr images import`, `docker load` and
    /// `podman load` read.
    ///
    /// # Errors
    ///
    /// Fails if its base is busybox and busybox-static is not installed, or when a path or
    /// the name cannot be in an image.
    pub fn archive(&self) -> Result<Vec<u8>> {
        archive::build(self)
    }
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}
