# syntax=docker/dockerfile:1
# Interlace in an image: the command line, the API and MLflow's server. Not built in this repository's checks (no engine runs
# there); tests/test_compose.py reads it as far as a parser can.

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/interlace && /opt/interlace/bin/pip install --no-cache-dir 'uv>=0.8,<1'
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/interlace/bin/uv pip install --python /opt/interlace/bin/python --link-mode=copy --compile-bytecode --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY graph graph
COPY encoders encoders
COPY training training
COPY serving serving
RUN /opt/interlace/bin/uv pip install --python /opt/interlace/bin/python --no-deps --compile-bytecode .

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Interlace" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 interlace \
 && useradd --uid 10001 --gid interlace --no-create-home --home-dir /work --shell /usr/sbin/nologin interlace \
 && install --directory --owner interlace --group interlace /work /mlflow
COPY --from=build /opt/interlace /opt/interlace
COPY --chmod=0555 deploy/refresh.sh /opt/interlace/bin/interlace-refresh-loop
ENV PATH=/opt/interlace/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    INTERLACE_HOME=/work
USER 10001:10001
WORKDIR /work
VOLUME ["/work"]
EXPOSE 8421
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8421/v1/ready', timeout=4)"]
ENTRYPOINT ["interlace"]
CMD ["serve"]
