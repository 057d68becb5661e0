# Two images of one static binary on nothing:
#
#   docker build --target finsent      --tag finsent .       no model inside; models are mounted at /models
#   docker build --target finsent-mini --tag finsent-mini .  the model `mini` inside; works at once
#
# Both for linux/amd64 and linux/arm64 (--platform); the build itself always runs on the machine's own CPU.
#
# --build-arg PROFILE=release builds in a fraction of the time, and again in seconds after a change; the image is twice as
# large, and has no list of what is inside. The default, dist, is what is published.
ARG PROFILE=dist

FROM --platform=$BUILDPLATFORM docker.io/library/rust:1.95-slim-bookworm AS rust

FROM rust AS tools
ARG TARGETARCH
# ring, the one dependency with C in it, needs a C compiler for the target.
RUN case "$TARGETARCH" in \
        amd64) cpu=x86_64 && packages=musl-tools ;; \
        arm64) cpu=aarch64 && packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;; \
        *) echo "there is no image for $TARGETARCH" && exit 1 ;; \
    esac \
    && apt-get update \
    && apt-get install --yes --no-install-recommends $packages \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add "$cpu-unknown-linux-musl" \
    && echo "$cpu-unknown-linux-musl" > /target
WORKDIR /finsent

FROM tools AS sources
COPY . .

# What was compiled stays in a cache, so that only the change is compiled again.
FROM sources AS build-release
ARG REVISION
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/finsent/target,sharing=locked \
    FINSENT_REVISION=$REVISION cargo build --locked --release --target "$(cat /target)" \
        --package finsent --no-default-features --features cli \
    && mkdir /image /models \
    && cp "target/$(cat /target)/release/finsent" LICENSE /image

FROM sources AS build-mini-release
ARG REVISION
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/finsent/target,sharing=locked \
    FINSENT_REVISION=$REVISION cargo build --locked --release --target "$(cat /target)" --package finsent \
    && mkdir /image /models \
    && cp "target/$(cat /target)/release/finsent" LICENSE /image

# What is published is compiled from nothing but the sources, and lists what is inside: in the binary, and beside it.
FROM rust AS auditable
RUN cargo install --locked --debug cargo-auditable@0.7.7 auditable2cdx@0.1.0

FROM sources AS compiled
COPY --from=auditable /usr/local/cargo/bin/cargo-auditable /usr/local/cargo/bin/auditable2cdx /usr/local/cargo/bin/
ARG REVISION
RUN FINSENT_REVISION=$REVISION cargo auditable build --locked --profile dist --target "$(cat /target)" \
        --package finsent --no-default-features --features cli \
    && mkdir /image /models \
    && cp "target/$(cat /target)/dist/finsent" LICENSE /image \
    && auditable2cdx /image/finsent > /image/sbom.cdx.json \
    && rustc --edition 2024 -o target/licences deploy/licences/main.rs \
    && target/licences "$(cat /target)" > /image/LICENSES

FROM compiled AS build-dist

FROM compiled AS build-mini-dist
ARG REVISION
RUN FINSENT_REVISION=$REVISION cargo auditable build --locked --profile dist --target "$(cat /target)" \
        --package finsent \
    && cp "target/$(cat /target)/dist/finsent" /image

FROM build-$PROFILE AS build
FROM build-mini-$PROFILE AS build-mini

FROM scratch AS base
ARG REVISION
ARG CREATED
ARG SOURCE
LABEL org.opencontainers.image.description="Labels financial text as positive, negative or neutral, on the CPU" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="0.2.0-dev" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED" \
    org.opencontainers.image.source="$SOURCE" \
    org.opencontainers.image.base.name="scratch"
# A number, since there is no list of users, and one that no user of a host has.
USER 65532:65532
ENV FINSENT_LISTEN=0.0.0.0:8080 FINSENT_MODEL_DIR=/models HF_HUB_CACHE=/models
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/finsent", "health", "--ready"]
ENTRYPOINT ["/finsent"]
CMD ["serve"]

FROM base AS finsent
LABEL org.opencontainers.image.title="finsent"
ENV FINSENT_MODEL=finbert
COPY --from=build /image /
# The user's own, so that a new volume in its place is as well, and `finsent pull` can fill it.
COPY --from=build --chown=65532:65532 /models /models

FROM base AS finsent-mini
LABEL org.opencontainers.image.title="finsent-mini"
COPY --from=build-mini /image /
COPY --from=build-mini --chown=65532:65532 /models /models
