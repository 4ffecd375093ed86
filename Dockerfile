# Two images, each with what it needs and no more:
#   docker build --target pipeline  -t pdp .             fetch, build, push: Google's clients, no web server
#   docker build --target dashboard -t pdp-dashboard .   the charts: no Google client, no key of the pipeline
# Python 3.13 on Debian 13, pinned by digest.
ARG PYTHON=docker.io/library/python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

FROM ${PYTHON} AS base
ENV PATH=/opt/pdp/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
RUN groupadd --gid 10001 pdp && useradd --uid 10001 --gid pdp --home-dir /home/pdp --create-home pdp
WORKDIR /app

# The libraries first: they change less often than the project. PYTHONDONTWRITEBYTECODE saves only what is compiled later.
FROM base AS libraries
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/pdp
COPY --chmod=755 deploy/slim.sh /usr/local/bin/slim

FROM libraries AS pipeline-libraries
COPY requirements-pipeline.lock ./
RUN pip install --require-hashes --requirement requirements-pipeline.lock && slim

FROM libraries AS dashboard-libraries
COPY requirements-dashboard.lock ./
RUN pip install --require-hashes --requirement requirements-dashboard.lock && slim

# The invented person's data and the public page, made once, so that a container shows them at once.
FROM libraries AS demo
COPY requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock
COPY . .
ENV PDP_CONFIG=configs/demo.toml PDP_DATA_DIR=/demo
RUN pip install --no-deps --no-build-isolation --editable . \
    && pdp demo && doit && PDP_DEMO_DIR=/demo pdp demo --public-page \
    && chmod -R a+rX /demo

FROM base AS app
COPY . .
COPY --chmod=755 deploy/entrypoint.sh /usr/local/bin/entrypoint
# A new volume takes its owner from here, whichever container comes first.
RUN install --directory --owner=pdp --group=pdp --mode=0755 /vault
ENTRYPOINT ["entrypoint"]

FROM app AS pipeline
COPY --from=pipeline-libraries /opt/pdp /opt/pdp
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python -m compileall -q pdp stages \
    && install --directory --owner=pdp --group=pdp --mode=0700 /data
ENV PDP_DATA_DIR=/data
VOLUME /data
USER 10001:10001
CMD ["run"]

FROM app AS dashboard
COPY --from=dashboard-libraries /opt/pdp /opt/pdp
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python -m compileall -q pdp stages
COPY --from=demo /demo /demo
ENV PDP_DEMO_DIR=/demo PORT=8080
EXPOSE 8080
USER 10001:10001
# The answer is ok only after a chart was really made.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=9)"]
CMD ["serve"]
