# The operator and the task agent as static binaries, and nothing else: no shell, no libraries, no package manager.
FROM docker.io/library/rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package ecs-operator --package task-agent \
    && install -D --target-directory /out target/release/ecs-operator target/release/task-agent

FROM scratch
COPY --from=build /out/ /
USER 65532:65532
ENTRYPOINT ["/ecs-operator"]
CMD ["run"]
