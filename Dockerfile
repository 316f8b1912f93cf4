# The image of Runledger: one binary, in a base that has glibc, libgcc and CA certificates, not as
# root, and at home on a read-only root file system. Only /data is written to.
#
#   docker build -t runledger .                                          compiles a release
#   docker build -t runledger --build-arg BINARY=prebuilt .              takes container/runledger
#
# BASE_IMAGE and BUILDER_IMAGE name other images where these cannot be pulled; glibc of the base must
# be as new as the builder's. `--platform linux/arm64` makes the image for Graviton; compiling is
# quickest on a machine of that kind.
#
# There is no HEALTHCHECK: Fargate ignores it, and the commands end by themselves. Their exit code is
# their health; the infrastructure in infra/ raises an alert for each that is not 0.

ARG BUILDER_IMAGE=docker.io/library/rust:1.94-slim-bookworm
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG BINARY=compiled

# Compiles. SQLite and the S3 checksums want a C compiler.
FROM ${BUILDER_IMAGE} AS compiled
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src ./src
COPY report_templates ./report_templates
COPY schedules ./schedules
# Cargo wants to see every target that it is told of, whichever it builds.
COPY tests/bench ./tests/bench
COPY tests/integration/main.rs ./tests/integration/main.rs
RUN cargo build --release --locked --bin runledger \
    && mkdir -p /stage/data \
    && cp target/release/runledger /stage/runledger

# Takes what is compiled already.
FROM scratch AS prebuilt
WORKDIR /stage/data
COPY container/runledger /stage/runledger

FROM ${BINARY} AS binary

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="runledger" \
      org.opencontainers.image.description="What data-job runs on AWS cost, by mail" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=binary /stage/runledger /usr/local/bin/runledger
COPY report_templates /usr/local/share/runledger/report_templates
COPY schedules /usr/local/share/runledger/schedules
# Owned by the user below, so that a volume mounted there by the image is, too.
COPY --from=binary --chown=65532:65532 /stage/data /data
# Of memory that one thread gave back others make use: a fifth less at the peak.
ENV HOME=/data \
    TMPDIR=/data \
    MALLOC_ARENA_MAX=2
WORKDIR /data
VOLUME /data
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/runledger"]
CMD ["--help"]
