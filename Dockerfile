# Docket as an image: `docker build -t docket:local .`, or with Podman `podman build --format docker -t docket:local .`
# For several architectures: docs/deploy.md. The package is JavaScript and WebAssembly, so that it is built once for all.
FROM --platform=$BUILDPLATFORM docker.io/library/node:24.21.0-bookworm-slim AS build
WORKDIR /src
ENV CHECKPOINT_DISABLE=1 npm_config_update_notifier=false
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# Packages to be installed beside it: docs/traces.md names those that traces need.
ARG BESIDE=""
# Without the embedded PostgreSQL, the package's optional part: the database of a container is elsewhere.
RUN mkdir -m 0700 /home-of-docket && npm pack --pack-destination /tmp && \
    npm install --prefix /opt/docket --omit=optional /tmp/docket-*.tgz $BESIDE

FROM docker.io/library/node:24.21.0-bookworm-slim
LABEL org.opencontainers.image.title="Docket" \
      org.opencontainers.image.description="Tasks and collision-free artifact IDs for AI coding agents across many projects" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/docket /opt/docket
# The first keys are kept here: a volume keeps them when the container goes.
COPY --from=build --chown=1000:1000 /home-of-docket /var/lib/docket
# Further growth of the young generation is memory that thousands of live readers fill once and never need again.
ENV NODE_OPTIONS=--max-semi-space-size=32
ENV PATH=/opt/docket/node_modules/.bin:$PATH NODE_ENV=production HOST=0.0.0.0 PORT=4000 DOCKET_HOME=/var/lib/docket
USER 1000:1000
WORKDIR /var/lib/docket
EXPOSE 4000
# Whether the process answers. Whether it should be sent requests is /health/ready, which an outage of the database fails.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["docket"]
CMD ["start"]
