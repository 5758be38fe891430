//! The examples of the repository, applied with kubectl.

use anyhow::Result;
use devcluster::Image;

use crate::bench;

#[tokio::test]
async fn the_examples_become_stable_and_serve() -> Result<()> {
    let Some(bench) = bench("examples").await? else { return Ok(()) };
    bench.cluster.load_image(&Image::busybox("public.ecr.aws/docker/library/busybox:1.36")).await?;
    let operator = bench.operator().await?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/custom-resources");
    bench.cluster.kubectl(["apply", "-n", &bench.namespace, "-f", folder])?;
    for service in ["storefront", "invoices", "orders"] {
        bench.stable(service, &format!("{service}:1")).await?;
    }
    // Uses the address, because the client of this image cannot resolve names.
    let read = |service: &str, path: &str| -> Result<String> {
        let address = "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}";
        let address = bench.cluster.kubectl(["get", "service", service, "-n", &bench.namespace, "-o", address])?;
        let url = format!("http://{address}/{path}");
        let client = ["exec", "-n", &bench.namespace, "deploy/invoices", "--", "wget", "-q", "-O", "-", &url];
        bench.cluster.kubectl(client)
    };
    assert!(read("storefront", "index.html")?.contains("The $(corner) shop"));
    assert_eq!(read("orders", "schema.txt")?.trim(), "schema 7");
    operator.stop().await
}
