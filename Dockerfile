# The app in a container: docs/deployment.md tells how to run it as a Space, alone, or in a laboratory.
#
# REQUIREMENTS names the packages: the slim set to serve, requirements.txt for a worker that trains; EXTRA names more,
# for example requirements-laboratory.txt. SLIM=no keeps what serving never opens. Pin the base by its digest where you
# build for others: docker build --build-arg PYTHON=python:3.11-slim@sha256:…
ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS packages
ARG REQUIREMENTS=requirements-serve.txt
ARG EXTRA=requirements-serve.txt
ARG SLIM=yes
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY constraints.txt requirements*.txt ./
RUN python -m venv /opt/venv
RUN /opt/venv/bin/python -m pip install --no-compile -c constraints.txt -r ${REQUIREMENTS} -r ${EXTRA}
COPY deploy/slim.py ./
RUN if [ "${SLIM}" = yes ]; then /opt/venv/bin/python slim.py /opt/venv; fi

FROM ${PYTHON}
RUN useradd --uid 1000 --create-home wbc
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY .streamlit/config.toml .streamlit/config.toml
COPY app.py ./
COPY pages pages
COPY docs/studies docs/studies
COPY --chown=1000:1000 models models
COPY wbc_core wbc_core
COPY deploy/compile_used.py deploy/compile_used.py
# Here, because nothing can be compiled later where the root is read-only.
RUN /opt/venv/bin/python deploy/compile_used.py
# What a laboratory keeps lies in /data; a public server keeps nothing.
RUN mkdir /data && chown 1000:1000 /data
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WBC_MODE=public \
    WBC_ADDRESS=0.0.0.0 \
    WBC_PORT=8501 \
    WBC_RUNS_DIR=/data/runs \
    WBC_BATCHES_DIR=/data/batches \
    WBC_DATASETS_DIR=/data/datasets \
    WBC_CACHE_DIR=/data/cache
USER 1000
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['WBC_PORT'] + '/healthz')"
CMD ["python", "-m", "wbc_core", "serve"]
