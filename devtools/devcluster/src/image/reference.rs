//! Image names.

/// The name under which a container runtime looks for an image: with a registry, and
/// with a tag or a digest.
pub(crate) fn normalized(name: &str) -> String {
    let (name, digest) = match name.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (name, None),
    };
    // A colon after the last slash begins a tag, one before it a port.
    let tag_at = name.rfind(':').filter(|&at| !name[at..].contains('/'));
    let (repository, tag) = match tag_at {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, "latest"),
    };
    let repository = with_registry(repository);
    match digest {
        Some(digest) => format!("{repository}@{digest}"),
        None => format!("{repository}:{tag}"),
    }
}

fn with_registry(repository: &str) -> String {
    match repository.split_once('/') {
        None => format!("docker.io/library/{repository}"),
        Some((first, _)) if first == "localhost" || first.contains(['.', ':']) => repository.to_owned(),
        Some(_) => format!("docker.io/{repository}"),
    }
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn names_get_what_they_leave_out() {
        for (name, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.29", "docker.io/library/nginx:1.29"),
            ("amazon/cloudwatch-agent", "docker.io/amazon/cloudwatch-agent:latest"),
            ("localhost/app:1", "localhost/app:1"),
            ("registry:5000/app", "registry:5000/app:latest"),
            ("public.ecr.aws/nginx/nginx:1.29", "public.ecr.aws/nginx/nginx:1.29"),
            ("nginx:1@sha256:ab", "docker.io/library/nginx@sha256:ab"),
        ] {
            assert_eq!(normalized(name), full);
        }
    }
}
