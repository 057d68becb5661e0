# Two images of one static binary on nothing:
#
#   docker build --target finsent      --tag finsent .       no model inside; models are mounted at /models
#   docker build --target finsent-mini --tag finsent-mini .  the model `mini` inside; works at once
#
# Both for linux/amd64 and linux/arm64 (--platform); the build itself always runs on the machine's own CPU.

FROM --platform=$BUILDPLATFORM docker.io/library/rust:1.95-slim-bookworm AS tools
# ring, the one dependency with C in it, needs a C compiler for each target.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends musl-tools gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl
# What is inside can be read from the binary, and is told beside it.
RUN cargo install --locked --debug cargo-auditable@0.7.7 auditable2cdx@0.1.0
WORKDIR /finsent

# The dependencies are a layer of their own, compiled with nothing of src but the kernels: a change there does not touch it.
FROM tools AS dependencies
ARG TARGETARCH
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY src/ground src/ground
RUN case "$TARGETARCH" in amd64) cpu=x86_64 ;; arm64) cpu=aarch64 ;; *) echo "not for $TARGETARCH" && exit 1 ;; esac \
    && printf '[build]\ntarget = "%s-unknown-linux-musl"\n' "$cpu" >> .cargo/config.toml \
    && touch src/lib.rs && echo 'fn main() {}' > src/main.rs \
    && cargo auditable build --locked --release --no-default-features

FROM dependencies AS sources
COPY build.rs models.toml LICENSE ./
COPY deploy/licences deploy/licences
COPY src src
# Its time is what Cargo goes by: the stub above is newer than the files that it stands for.
RUN touch src/lib.rs src/main.rs

FROM sources AS build
ARG REVISION
RUN FINSENT_REVISION=$REVISION cargo auditable build --locked --release --no-default-features \
    && mkdir image empty \
    && cp LICENSE image \
    && auditable2cdx target/*/release/finsent > image/sbom.cdx.json \
    && rustc --edition 2024 -o target/licences deploy/licences/main.rs \
    && target/licences "$(basename target/*-linux-musl)" > image/LICENSES

FROM sources AS build-mini
COPY models models
ARG REVISION
RUN FINSENT_REVISION=$REVISION cargo auditable build --locked --release

FROM scratch AS base
ARG REVISION
ARG CREATED
ARG SOURCE
LABEL org.opencontainers.image.description="Labels financial text as positive, negative or neutral, on the CPU" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED" \
    org.opencontainers.image.source="$SOURCE" \
    org.opencontainers.image.base.name="scratch"
# A number, since there is no list of users, and one that no user of a host has.
USER 65532:65532
ENV FINSENT_LISTEN=0.0.0.0:8080 FINSENT_MODEL_DIR=/models HF_HUB_CACHE=/models
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/finsent", "health", "--ready"]
COPY --from=build /finsent/image /
# The user's own, so that a new volume in its place is as well, and `finsent pull` can fill it.
COPY --from=build --chown=65532:65532 /finsent/empty /models
ENTRYPOINT ["/finsent"]
CMD ["serve"]

FROM base AS finsent
LABEL org.opencontainers.image.title="finsent"
ENV FINSENT_MODEL=finbert
COPY --from=build /finsent/target/*/release/finsent /

FROM base AS finsent-mini
LABEL org.opencontainers.image.title="finsent-mini"
COPY --from=build-mini /finsent/target/*/release/finsent /
