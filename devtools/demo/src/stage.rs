//! The cluster, the operator and the namespace of the demonstration.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use devcluster::{Cluster, Image, Tool};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use tempfile::TempDir;
use tokio::process::Child;

/// The namespace of the examples.
const NAMESPACE: &str = "ecs-demo";
/// The image of the examples. The embedded Kubernetes has no registry and uses a substitute.
const IMAGE: &str = "public.ecr.aws/docker/library/busybox:1.36";

pub struct Stage {
    cluster: Cluster,
    /// True if the demo started the cluster and stops it at the end.
    own: bool,
    operator_program: PathBuf,
    operator: Option<Child>,
    made_namespace: bool,
    scratch: TempDir,
    pub client: kube::Client,
}

fn heading(text: &str) {
    println!("\n== {text}");
}

impl Stage {
    /// Starts a cluster, or connects to the one of the kubeconfig.
    pub async fn set(kubeconfig: Option<&Path>, operator: &Path) -> Result<Self> {
        let started = Instant::now();
        let (cluster, own) = match kubeconfig {
            Some(path) => {
                heading(&format!("using the cluster of {}", path.display()));
                (Cluster::existing(path)?, false)
            }
            None => (embedded().await?, true),
        };
        let client = cluster.client().await?;
        let version = client.apiserver_version().await.context("the cluster does not answer")?.git_version;
        println!("Kubernetes {version} is ready after {:.1} s", started.elapsed().as_secs_f64());
        let operator_program = operator.canonicalize().with_context(|| {
            format!("no operator at {}; build it with: cargo build --package ecs-operator", operator.display())
        })?;
        Ok(Self {
            cluster,
            own,
            operator_program,
            operator: None,
            made_namespace: false,
            scratch: TempDir::new()?,
            client,
        })
    }

    pub fn install_definitions(&self) -> Result<()> {
        heading("installing the custom resource definitions");
        let definitions = self.scratch.path().join("crds.yaml");
        self.operator_to(&["crds"], &definitions)?;
        println!("$ ecs-operator crds | kubectl apply --server-side -f -");
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &definitions.to_string_lossy()])?;
        let wait = ["wait", "--for=condition=Established", "--timeout=60s", "-f", &definitions.to_string_lossy()];
        self.cluster.kubectl(wait)?;
        Ok(())
    }

    pub async fn start_operator(&mut self) -> Result<()> {
        heading("starting the operator");
        let log = File::create(self.log())?;
        println!("$ ecs-operator run --namespace {NAMESPACE}    # its log: {}", self.log().display());
        // The demo deletes the namespace at its end, so it must not exist before.
        self.cluster.kubectl(["create", "namespace", NAMESPACE]).with_context(|| {
            format!(
                "the demo creates the namespace {NAMESPACE} and deletes it at the end; delete the existing one first"
            )
        })?;
        self.made_namespace = true;
        let child = tokio::process::Command::new(&self.operator_program)
            .args(["run", "--namespace", NAMESPACE, "--listen", "127.0.0.1:0"])
            .env("KUBECONFIG", self.cluster.kubeconfig_path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            // Ctrl-C reaches only the demo, which then stops the operator.
            .process_group(0)
            .spawn()
            .context("the operator does not start")?;
        self.operator = Some(child);
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.check_operator()
    }

    /// Fails if the operator has ended.
    pub fn check_operator(&mut self) -> Result<()> {
        let Some(child) = &mut self.operator else { return Ok(()) };
        match child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the operator ended with {status}"),
        }
    }

    pub async fn watch_operator(&mut self) -> Result<()> {
        match &mut self.operator {
            Some(child) => bail!("the operator ended with {}", child.wait().await?),
            None => Ok(()),
        }
    }

    pub fn convert_and_apply(&self, examples: &Path) -> Result<()> {
        heading("converting and applying the examples");
        let converted = self.scratch.path().join("examples.yaml");
        println!("$ ecs-operator convert {} | kubectl apply -n {NAMESPACE} -f -", examples.display());
        self.operator_to(&["convert", "--report", "none", &examples.to_string_lossy()], &converted)?;
        self.kubectl(&["apply", "-n", NAMESPACE, "-f", &converted.to_string_lossy()])
    }

    /// The custom resources of a kind in the namespace of the demo.
    pub fn custom_resources(&self, kind: &str, plural: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("ecs-operator.dev", "v1alpha1", kind);
        Api::namespaced_with(self.client.clone(), NAMESPACE, &ApiResource::from_gvk_with_plural(&kind, plural))
    }

    pub fn pods(&self) -> Api<k8s_openapi::api::core::v1::Pod> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    pub fn print_commands(&self) {
        heading("look around, in another terminal");
        let on_path = Command::new("kubectl").arg("version").arg("--client").output().is_ok();
        let kubectl = self.cluster.tool(Tool::Kubectl).ok().filter(|_| !on_path);
        let kubectl = kubectl.map_or_else(|| "kubectl".to_owned(), |path| path.display().to_string());
        println!("  export KUBECONFIG={}", self.cluster.kubeconfig_path().display());
        for command in [
            "get ecs",
            "describe ecssvc storefront",
            "get pods -o wide",
            "scale ecssvc/storefront --replicas 3",
            "explain ecstd.spec.containerDefinitions",
            "logs deploy/invoices",
        ] {
            println!("  {kubectl} -n {NAMESPACE} {command}");
        }
        println!("\nCtrl-C ends the demo and removes everything it created.");
    }

    pub fn print_diagnostics(&self) {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        eprintln!("\n-- the end of the operator's log");
        for line in lines.iter().skip(lines.len().saturating_sub(20)) {
            eprintln!("{line}");
        }
        let pods = self.cluster.kubectl(["get", "pods", "-n", NAMESPACE, "-o", "wide"]);
        eprintln!("\n-- the tasks\n{}", pods.unwrap_or_else(|error| format!("{error:#}")));
    }

    /// Stops the operator and the cluster that the demo started. In an existing cluster it deletes the namespace.
    pub async fn clear(mut self) -> Result<()> {
        if let Some(mut child) = self.operator.take() {
            child.kill().await.context("the operator does not stop")?;
        }
        if self.own {
            return self.cluster.stop().await;
        }
        if !self.made_namespace {
            return Ok(());
        }
        heading(&format!("removing namespace {NAMESPACE}; the custom resource definitions stay"));
        self.kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"])
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("operator.log")
    }

    fn operator_to(&self, arguments: &[&str], file: &Path) -> Result<()> {
        let Output { status, stdout, stderr } = Command::new(&self.operator_program).args(arguments).output()?;
        if !status.success() {
            bail!("ecs-operator {} failed:\n{}", arguments.join(" "), String::from_utf8_lossy(&stderr));
        }
        Ok(std::fs::write(file, stdout)?)
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        print!("{}", self.cluster.kubectl(arguments)?);
        Ok(())
    }
}

/// Starts an embedded Kubernetes, with real nodes if the machine supports them.
async fn embedded() -> Result<Cluster> {
    heading("starting an embedded Kubernetes");
    let builder = match devcluster::prepare_real_nodes().and_then(|()| devcluster::real_nodes_possible()) {
        Ok(()) => {
            println!("with two real nodes, which run containers");
            Cluster::builder().real_nodes(2)
        }
        Err(reason) => {
            println!("with simulated nodes only, because this machine does not support real ones: {reason}");
            Cluster::builder().simulated_nodes(3)
        }
    };
    let cluster = builder.start().await?;
    cluster.load_image(&Image::busybox(IMAGE)).await?;
    Ok(cluster)
}
