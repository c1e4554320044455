# One image, many commands: `docker run popug web tasks`, `... worker tasks`, `... migrate`.
# Built by any builder; packages only as requirements-image.lock has them, by their hashes.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/popug
COPY requirements-image.lock /build/
RUN /opt/popug/bin/pip install --quiet --require-hashes -r /build/requirements-image.lock
COPY . /build/
# The catalogs are compiled before they are packed; then what was needed to build goes.
RUN cd /build \
 && /opt/popug/bin/pybabel --quiet compile --directory popug/translations \
 && /opt/popug/bin/pip install --quiet --no-deps --no-build-isolation --no-index . \
 && /opt/popug/bin/pip uninstall --quiet --yes hatchling pathspec pluggy trove-classifiers pip

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/popug/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    POPUG_LOG_FORMAT=json
COPY --from=build /opt/popug /opt/popug
COPY docker/answers docker/recently /usr/local/bin/
# A fixed id without a home or a shell. Nothing in the image is his but an empty folder: a
# volume that is mounted there for the first time takes over whose it is.
RUN groupadd --system --gid 10001 popug \
 && useradd --system --uid 10001 --gid popug --no-create-home --home-dir /tmp \
      --shell /usr/sbin/nologin popug \
 && install --directory --owner=popug --group=popug --mode=0700 /var/lib/popug
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["popug"]
CMD ["--help"]
