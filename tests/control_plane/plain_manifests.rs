//! Plain manifests, as `convert --to kubernetes` writes them: the API server takes them with nothing of ours installed.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ecs_operator::convert::files::Source;
use ecs_operator::convert::{self, Settings, Target, files};
use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, TypeMeta, ValidationDirective};
use kube::core::GroupVersionKind;

use crate::support::Bench;
use crate::support::traffic_definitions::{GRPC_ROUTE, HTTP_ROUTE, SECURITY_GROUP_POLICY, TCP_ROUTE};
use crate::{bench, corpus, keda_objects};

/// Requests under way at once.
const AT_ONCE: usize = 8;

/// What was made of one set of files: the folder or file they are from, and the objects.
type Made = (String, Vec<DynamicObject>);

pub fn plain(sources: &[Source]) -> Result<Vec<DynamicObject>> {
    let settings = Settings { target: Target::Kubernetes, ..Settings::default() };
    let manifests = convert::convert(sources, &settings).manifests;
    manifests.iter().map(|manifest| Ok(serde_saphyr::from_str(&manifest.yaml)?)).collect()
}

/// Each file by itself: those of a collection have names in common.
fn each(folder: PathBuf) -> Result<Vec<Made>> {
    files::read(&[folder]).into_iter().map(|source| Ok((source.name.clone(), plain(&[source])?))).collect()
}

pub async fn dry_run(bench: &Bench, object: &DynamicObject) -> Result<()> {
    let types: TypeMeta = object.types.clone().unwrap_or_default();
    // These add-ons are not there, or come with a test of their own.
    if ["ExternalSecret", "TargetGroupBinding"].contains(&types.kind.as_str()) {
        return Ok(());
    }
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types)?);
    let api: Api<DynamicObject> = if resource.kind == "PersistentVolume" {
        Api::all_with(bench.client.clone(), &resource)
    } else {
        Api::namespaced_with(bench.client.clone(), &bench.namespace, &resource)
    };
    let mut parameters = PatchParams::apply("test").dry_run();
    parameters.field_validation = Some(ValidationDirective::Strict);
    let name = object.metadata.name.as_deref().unwrap_or_default();
    api.patch(name, &parameters, &Patch::Apply(object)).await?;
    Ok(())
}

/// Asks the API server about all objects; returns how many there were.
async fn accepted(bench: &Bench, made: Vec<Made>) -> Result<usize> {
    let objects: Vec<(String, DynamicObject)> = made
        .into_iter()
        .flat_map(|(source, objects)| objects.into_iter().map(move |object| (source.clone(), object)))
        .collect();
    let number = objects.len();
    let answers = futures::stream::iter(objects).map(|(source, object)| async move {
        let name = object.metadata.name.clone().unwrap_or_default();
        dry_run(bench, &object).await.err().map(|error| format!("{source}: {name}: {error:#}"))
    });
    let refused: Vec<String> = answers.buffer_unordered(AT_ONCE).filter_map(async |refused| refused).collect().await;
    assert!(refused.is_empty(), "{} of {number} objects were refused:\n{}", refused.len(), refused.join("\n"));
    Ok(number)
}

#[tokio::test]
async fn plain_manifests_of_every_golden_case_and_example_are_accepted() -> Result<()> {
    let bench = bench("golden").await?;
    for kind in [HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, SECURITY_GROUP_POLICY] {
        kind.install(&bench).await?;
    }
    keda_objects::install(&bench).await?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut made = vec![("examples".to_owned(), plain(&files::read(&[root.join("examples/ecs")]))?)];
    for case in std::fs::read_dir(root.join("tests/golden/cases"))? {
        let folder = case?.path();
        // Only the inputs: what they come to lies beside them.
        let inputs = files::read(std::slice::from_ref(&folder)).into_iter();
        let inputs =
            inputs.filter(|source| Path::new(&source.name).extension().is_some_and(|extension| extension == "json"));
        made.push((folder.display().to_string(), plain(&inputs.collect::<Vec<_>>())?));
    }
    let number = accepted(&bench, made).await?;
    assert!(number > 30, "only {number} objects");
    Ok(())
}

#[tokio::test]
async fn plain_manifests_of_real_task_definitions_are_accepted() -> Result<()> {
    let Some(folder) = corpus::folder() else { return Ok(()) };
    let bench = bench("plain").await?;
    let made = each(folder.join("taskdefs"))?;
    let (files, converted) = (made.len(), made.iter().filter(|(_, objects)| !objects.is_empty()).count());
    assert!(converted > 50, "only {converted} files became something");
    let number = accepted(&bench, made).await?;
    println!("{files} files, {converted} of them convert: {number} objects accepted");
    Ok(())
}

/// Each service with a task definition that has what it names.
#[tokio::test]
async fn plain_manifests_of_real_services_are_accepted() -> Result<()> {
    let Some(folder) = corpus::folder() else { return Ok(()) };
    let bench = bench("fronts").await?;
    let services = corpus::services(&folder)?;
    let source = |name: &str, text: String| Source { name: name.to_owned(), text: Ok(text), from_folder: false };
    let mut made = Vec::new();
    for (name, pair) in &services {
        let sources =
            [source("task.json", pair.task_definition.to_string()), source("service.json", pair.service.to_string())];
        let objects = plain(&sources)?;
        assert!(objects.iter().any(|object| object.types.as_ref().is_some_and(|t| t.kind == "Deployment")), "{name}");
        made.push((name.clone(), objects));
    }
    let number = accepted(&bench, made).await?;
    println!("{} services: {number} objects accepted", services.len());
    Ok(())
}
