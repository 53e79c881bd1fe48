# One image for every process; the command says which. Build: docker build --build-arg COMMIT=$(git rev-parse HEAD) -t holdfast:local .
FROM python:3.11-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements-production.lock .
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r requirements-production.lock \
 && /opt/venv/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
# openssl checks the timestamp tokens of each package before it is handed out.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssl \
 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 holdfast \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/holdfast --no-create-home --shell /usr/sbin/nologin holdfast \
 && install --directory --owner=holdfast --group=holdfast --mode=0700 \
    /var/lib/holdfast /var/lib/holdfast/packages /var/lib/holdfast/state /var/lib/holdfast/checkpoint \
    /var/lib/holdfast/witness
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
# Packages say which commit made them (data/system-reliability.json).
ARG COMMIT=""
RUN if [ -n "$COMMIT" ]; then echo "$COMMIT" > COMMIT; fi \
 && install --mode=0755 docker/holdfast /usr/local/bin/holdfast \
 && /opt/venv/bin/python -m compileall -q . \
 && PYTHONPATH=/app holdfast settings > /dev/null
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOLDFAST_HOME=/var/lib/holdfast \
    HOLDFAST_BIND=0.0.0.0:8080
USER 10001:10001
EXPOSE 8080
# docker-compose.yml gives the other processes their own.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "docker/health.py", "web"]
ENTRYPOINT ["holdfast"]
CMD ["web"]
