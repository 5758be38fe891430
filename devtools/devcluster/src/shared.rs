//! One cluster for all tests of a test binary.

use anyhow::Result;
use tokio::sync::OnceCell;

use crate::cluster::{Builder, Cluster};

/// The environment variable that names the kubeconfig of a cluster for [`shared`] to
/// use instead of starting one.
pub const SHARED_KUBECONFIG: &str = "DEVCLUSTER_KUBECONFIG";

static SHARED: OnceCell<Cluster> = OnceCell::const_new();

/// The cluster that all tests of this process share. The first call starts what its
/// builder describes; the others wait for it and get the same.
///
/// It serves tests with a runtime each: its processes depend on no runtime, and
/// [`Cluster::client`] makes a client for the runtime it is called in. It ends with
/// the process. With `DEVCLUSTER_KUBECONFIG` in the environment nothing is started;
/// the tests then run in that cluster.
///
/// # Errors
///
/// Fails like [`Builder::start`]. The next call tries again.
pub async fn shared(builder: Builder) -> Result<&'static Cluster> {
    SHARED
        .get_or_try_init(|| async {
            match std::env::var_os(SHARED_KUBECONFIG) {
                Some(kubeconfig) if !kubeconfig.is_empty() => Cluster::existing(kubeconfig),
                _ => builder.start().await,
            }
        })
        .await
}
