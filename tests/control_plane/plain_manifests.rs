//! Plain manifests, the output of `convert --to kubernetes`: the API server accepts them without the operator's definitions.

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

/// Maximum number of concurrent requests.
const AT_ONCE: usize = 8;

/// A folder or file, and the objects that it converts to.
type Converted = (String, Vec<DynamicObject>);

pub fn plain(sources: &[Source]) -> Result<Vec<DynamicObject>> {
    let settings = Settings { target: Target::Kubernetes, ..Settings::default() };
    let manifests = convert::convert(sources, &settings).manifests;
    manifests.iter().map(|manifest| Ok(serde_saphyr::from_str(&manifest.yaml)?)).collect()
}

/// Converts each file alone, because names are not unique in a collection.
fn each(folder: PathBuf) -> Result<Vec<Converted>> {
    files::read(&[folder]).into_iter().map(|source| Ok((source.name.clone(), plain(&[source])?))).collect()
}

pub async fn dry_run(bench: &Bench, object: &DynamicObject) -> Result<()> {
    let types: TypeMeta = object.types.clone().unwrap_or_default();
    // The definitions of these add-ons are not installed, or are part of other tests.
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

/// Checks that the API server accepts all objects in a dry run; returns their number.
async fn check_accepted(bench: &Bench, converted: Vec<Converted>) -> Result<usize> {
    let objects: Vec<(String, DynamicObject)> = converted
        .into_iter()
        .flat_map(|(source, objects)| objects.into_iter().map(move |object| (source.clone(), object)))
        .collect();
    let number = objects.len();
    let responses = futures::stream::iter(objects).map(|(source, object)| async move {
        let name = object.metadata.name.clone().unwrap_or_default();
        dry_run(bench, &object).await.err().map(|error| format!("{source}: {name}: {error:#}"))
    });
    let errors: Vec<String> = responses.buffer_unordered(AT_ONCE).filter_map(async |error| error).collect().await;
    assert!(errors.is_empty(), "{} of {number} objects were refused:\n{}", errors.len(), errors.join("\n"));
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
    let mut converted = vec![("examples".to_owned(), plain(&files::read(&[root.join("examples/ecs")]))?)];
    for case in std::fs::read_dir(root.join("tests/golden/cases"))? {
        let folder = case?.path();
        // The folder also contains the expected outputs.
        let inputs = files::read(std::slice::from_ref(&folder)).into_iter();
        let inputs =
            inputs.filter(|source| Path::new(&source.name).extension().is_some_and(|extension| extension == "json"));
        converted.push((folder.display().to_string(), plain(&inputs.collect::<Vec<_>>())?));
    }
    let number = check_accepted(&bench, converted).await?;
    assert!(number > 30, "only {number} objects");
    Ok(())
}

#[tokio::test]
async fn plain_manifests_of_real_task_definitions_are_accepted() -> Result<()> {
    let Some(folder) = corpus::folder() else { return Ok(()) };
    let bench = bench("plain").await?;
    let converted = each(folder.join("taskdefs"))?;
    let with_objects = converted.iter().filter(|(_, objects)| !objects.is_empty()).count();
    assert!(with_objects > 50, "only {with_objects} files convert to objects");
    println!("{} files, {with_objects} with objects", converted.len());
    println!("{} objects accepted", check_accepted(&bench, converted).await?);
    Ok(())
}

#[tokio::test]
async fn plain_manifests_of_real_services_are_accepted() -> Result<()> {
    let Some(folder) = corpus::folder() else { return Ok(()) };
    let bench = bench("fronts").await?;
    let services = corpus::services(&folder)?;
    let source = |name: &str, text: String| Source { name: name.to_owned(), text: Ok(text), from_folder: false };
    let mut converted = Vec::new();
    for (name, pair) in &services {
        let sources =
            [source("task.json", pair.task_definition.to_string()), source("service.json", pair.service.to_string())];
        let objects = plain(&sources)?;
        assert!(objects.iter().any(|object| object.types.as_ref().is_some_and(|t| t.kind == "Deployment")), "{name}");
        converted.push((name.clone(), objects));
    }
    let number = check_accepted(&bench, converted).await?;
    println!("{} services: {number} objects accepted", services.len());
    Ok(())
}
