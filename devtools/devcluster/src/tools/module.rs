//! The pinned Go modules, embedded so that a built devcluster needs no checkout.

use anyhow::{Context as _, Result};

use super::version::major_minor;

/// A Go module that pins the versions of programs or files.
#[derive(Debug)]
pub(super) struct Module {
    /// Its folder under `tools/`.
    pub(super) name: &'static str,
    pub(super) go_mod: &'static str,
    pub(super) go_sum: &'static str,
    /// The module in `go.mod` whose version is the programs' version.
    main: &'static str,
    /// The variables that hold the version in the linked program.
    version_variables: &'static [&'static str],
    /// The packages of Kubernetes whose `gitVersion`, `gitMajor` and `gitMinor` the programs read.
    kubernetes_version_packages: &'static [&'static str],
}

pub(super) const KUBERNETES: Module = Module {
    name: "kubernetes",
    go_mod: include_str!("../../tools/kubernetes/go.mod"),
    go_sum: include_str!("../../tools/kubernetes/go.sum"),
    main: "k8s.io/kubernetes",
    version_variables: &[],
    // The second one makes the User-Agent.
    kubernetes_version_packages: &["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"],
};

pub(super) const ETCD: Module = Module {
    name: "etcd",
    go_mod: include_str!("../../tools/etcd/go.mod"),
    go_sum: include_str!("../../tools/etcd/go.sum"),
    main: "go.etcd.io/etcd/server/v3",
    version_variables: &[],
    kubernetes_version_packages: &[],
};

pub(super) const KWOK: Module = Module {
    name: "kwok",
    go_mod: include_str!("../../tools/kwok/go.mod"),
    go_sum: include_str!("../../tools/kwok/go.sum"),
    main: "sigs.k8s.io/kwok",
    version_variables: &["sigs.k8s.io/kwok/pkg/consts.Version"],
    kubernetes_version_packages: &[],
};

pub(super) const HELM: Module = Module {
    name: "helm",
    go_mod: include_str!("../../tools/helm/go.mod"),
    go_sum: include_str!("../../tools/helm/go.sum"),
    main: "helm.sh/helm/v4",
    version_variables: &["helm.sh/helm/v4/internal/version.version"],
    kubernetes_version_packages: &[],
};

pub(super) const METRICS_SERVER: Module = Module {
    name: "metrics-server",
    go_mod: include_str!("../../tools/metrics-server/go.mod"),
    go_sum: include_str!("../../tools/metrics-server/go.sum"),
    main: "sigs.k8s.io/metrics-server",
    version_variables: &[],
    // Not the one of component-base: there it would be the version of the Kubernetes API.
    kubernetes_version_packages: &["k8s.io/client-go/pkg/version"],
};

/// No program: its source has the definitions of KEDA's kinds.
pub(super) const KEDA: Module = Module {
    name: "keda",
    go_mod: include_str!("../../tools/keda/go.mod"),
    go_sum: include_str!("../../tools/keda/go.sum"),
    main: "github.com/kedacore/keda/v2",
    version_variables: &[],
    kubernetes_version_packages: &[],
};

impl Module {
    /// The module that it pins, as Go's commands take it: `PATH@VERSION`.
    pub(super) fn pinned(&self) -> Result<String> {
        Ok(format!("{}@{}", self.main, self.version()?))
    }

    /// The version in `go.mod`, such as `v1.36.3`.
    pub(super) fn version(&self) -> Result<&'static str> {
        required_version(self.go_mod, self.main)
            .with_context(|| format!("devtools/devcluster/tools/{}/go.mod does not require {}", self.name, self.main))
    }

    /// Linker flags: no symbol tables, and the version, because some clients refuse a server
    /// of version v0.0.0.
    pub(super) fn linker_flags(&self) -> Result<String> {
        let version = self.version()?;
        let (major, minor) =
            major_minor(version).with_context(|| format!("{version} is not a version of {}", self.main))?;
        let mut variables: Vec<(String, &str)> =
            self.version_variables.iter().map(|variable| ((*variable).to_owned(), version)).collect();
        for package in self.kubernetes_version_packages {
            variables.extend([
                (format!("{package}.gitVersion"), version),
                (format!("{package}.gitMajor"), major),
                (format!("{package}.gitMinor"), minor),
            ]);
        }
        let settings = variables.into_iter().map(|(variable, value)| format!(" -X {variable}={value}"));
        Ok(std::iter::once("-s -w".to_owned()).chain(settings).collect())
    }
}

/// The version of `module` in the `require` lines of a `go.mod`.
fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let line = line.trim();
        let mut words = line.strip_prefix("require ").unwrap_or(line).split_whitespace();
        (words.next()? == module).then(|| words.next())?.filter(|word| word.starts_with('v'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_has_its_version_and_flags() {
        for module in [&KUBERNETES, &ETCD, &KWOK, &HELM, &METRICS_SERVER, &KEDA] {
            assert!(module.version().unwrap().starts_with('v'), "{}", module.name);
            assert!(module.linker_flags().unwrap().starts_with("-s -w"), "{}", module.name);
        }
        assert!(KUBERNETES.linker_flags().unwrap().contains("component-base/version.gitMajor=1"));
    }

    #[test]
    fn replace_lines_are_not_requirements() {
        let go_mod = "require a.b/c v1.2.3 // indirect\nreplace x.y/z => x.y/z v9.9.9\n";
        assert_eq!(required_version(go_mod, "a.b/c"), Some("v1.2.3"));
        assert_eq!(required_version(go_mod, "x.y/z"), None);
    }
}
