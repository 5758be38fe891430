//! The examples of the repository, as a newcomer applies them.

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
    // By its address: this image's client cannot resolve names.
    let read = |service: &str, path: &str| -> Result<String> {
        let of = |what: &str| {
            bench.cluster.kubectl([
                "get",
                "service",
                service,
                "-n",
                &bench.namespace,
                "-o",
                &format!("jsonpath={{.spec.{what}}}"),
            ])
        };
        let url = format!("http://{}:{}/{path}", of("clusterIP")?, of("ports[0].port")?);
        let client = ["exec", "-n", &bench.namespace, "deploy/invoices", "--", "wget", "-q", "-O", "-", &url];
        bench.cluster.kubectl(client)
    };
    assert!(read("storefront", "index.html")?.contains("The $(corner) shop"));
    assert_eq!(read("orders", "schema.txt")?.trim(), "schema 7");
    operator.stop().await
}
