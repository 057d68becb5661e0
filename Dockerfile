# Two images. Each holds one static binary and no operating system:
#
#   docker build --target finsent      --tag finsent .       without a model; mount models at /models
#   docker build --target finsent-mini --tag finsent-mini .  with the model `mini` inside; works at once
#
# Both images exist for linux/amd64 and linux/arm64 (--platform). The build always runs natively and cross-compiles.
#
# --build-arg PROFILE=release builds much faster, and rebuilds in seconds after a change. Its image is twice as large, has
# no list of its dependencies, and cannot run `finsent verify`. The default profile, dist, is for publishing.
ARG PROFILE=dist

FROM --platform=$BUILDPLATFORM docker.io/library/rust:1.95-slim-bookworm AS rust

FROM rust AS tools
ARG TARGETARCH
# ring and mimalloc contain C, so they need a C compiler for the target.
RUN case "$TARGETARCH" in \
        amd64) cpu=x86_64 && packages=musl-tools ;; \
        arm64) cpu=aarch64 && packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;; \
        *) echo "cannot build for $TARGETARCH: use amd64 or arm64" && exit 1 ;; \
    esac \
    && apt-get update \
    && apt-get install --yes --no-install-recommends $packages \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add "$cpu-unknown-linux-musl" \
    && echo "$cpu-unknown-linux-musl" > /target
WORKDIR /finsent

FROM tools AS build
COPY . .
ARG PROFILE
ARG REVISION
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/cache \
    FINSENT_REVISION=$REVISION deploy/image/build "$PROFILE" "$(cat /target)"

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
# A number, because the image has no /etc/passwd. Hosts do not use this number for their own users.
USER 65532:65532
ENV FINSENT_LISTEN=0.0.0.0:8080 FINSENT_MODEL_DIR=/models HF_HUB_CACHE=/models
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/finsent", "health", "--ready"]
ENTRYPOINT ["/finsent"]
CMD ["serve"]

FROM base AS finsent
LABEL org.opencontainers.image.title="finsent"
ENV FINSENT_MODEL=finbert
COPY --from=build /images/finsent /
# The folder belongs to the user, so a new volume mounted there does too, and `finsent pull` can write to it.
COPY --from=build --chown=65532:65532 /models /models

FROM base AS finsent-mini
LABEL org.opencontainers.image.title="finsent-mini"
COPY --from=build /images/finsent-mini /
COPY --from=build --chown=65532:65532 /models /models
