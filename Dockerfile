# The operator as a static binary, and nothing else: no shell, no libraries, no package manager.
FROM docker.io/library/rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package ecs-operator \
    && install -D target/release/ecs-operator /out/ecs-operator

FROM scratch
COPY --from=build /out/ecs-operator /ecs-operator
USER 65532:65532
ENTRYPOINT ["/ecs-operator"]
CMD ["run"]
