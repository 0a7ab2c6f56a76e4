# syntax=docker/dockerfile:1

# The images of the catalogue, one a target:
#   api    the STAC API and all the tools; the default
#   web    Caddy with the map
#   pool   PgBouncer
# Python, Node and Caddy are of the versions that the tests run with, which a test holds. Tags, not
# digests: add those of your registry.

FROM node:24.19.0-bookworm-slim AS map
WORKDIR /map
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci
COPY frontend ./
RUN npm run build

FROM python:3.11-slim-bookworm AS venv
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements requirements
# One of the packages comes as source alone: it is built with what the wheel of ours is built with.
RUN pip install --require-hashes --only-binary :all: -r requirements/build.txt \
    && pip wheel --require-hashes --no-build-isolation --wheel-dir wheels -r requirements/runtime.txt
COPY LICENSE README.md pyproject.toml ./
COPY loaders loaders
COPY sync sync
COPY exports exports
COPY deploy deploy
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && python -m venv --without-pip /opt/tessera \
    && pip --python /opt/tessera install --no-deps --no-index wheels/*.whl \
    && find /opt/tessera -type d -name tests -prune -exec rm -r {} +

FROM caddy:2.11.7-alpine AS web
# The right to open low ports, which the image gives Caddy's file, would keep it from starting in a
# container without any rights; engines let anybody open them inside.
RUN setcap -r /usr/bin/caddy \
    && adduser -D -H -u 10001 tessera \
    && mkdir -p /config /data \
    && chown tessera:tessera /config /data
COPY deploy/Caddyfile /etc/caddy/Caddyfile
COPY --from=map /map/dist /srv/map
ENV TESSERA_BIND=0.0.0.0 TESSERA_MAP=/srv/map
USER 10001:10001
HEALTHCHECK --interval=10s --start-period=10s CMD ["pgrep", "caddy"]
CMD ["caddy", "run", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile"]

FROM debian:trixie-slim AS pool
RUN apt-get update \
    && apt-get install --yes --no-install-recommends pgbouncer=1.24.* \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/compose/pool.sh /usr/local/bin/
COPY deploy/compose/pgbouncer.ini /etc/tessera/
USER 10001:10001
EXPOSE 5432
HEALTHCHECK --interval=10s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5432"]
ENTRYPOINT ["pool.sh"]
CMD ["pgbouncer", "/etc/tessera/pgbouncer.ini"]

FROM python:3.11-slim-bookworm AS api
RUN groupadd --gid 10001 tessera \
    && useradd --uid 10001 --gid tessera --no-create-home --home-dir /tmp tessera \
    && install --directory --owner=tessera --group=tessera /data
COPY deploy/compose/entrypoint.sh /usr/local/bin/
COPY --from=venv /opt/tessera /opt/tessera
ENV HOME=/tmp PATH=/opt/tessera/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TESSERA_DATA=/data
WORKDIR /data
USER 10001:10001
EXPOSE 8000
# Alive, whether or not the database is: a restart would not mend that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/_mgmt/ping', timeout=4)"]
ENTRYPOINT ["entrypoint.sh"]
CMD ["uvicorn", "tessera_api.app:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", \
    "--proxy-headers", "--timeout-graceful-shutdown", "25"]
