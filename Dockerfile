FROM python:3.11-slim-bookworm AS packages
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: \
        -r /tmp/requirements.txt

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --home-dir /app --no-create-home app \
    && mkdir -p /app/var /app/data \
    && chown app:app /app/var
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY config.py gunicorn.conf.py main.py ./
COPY domain domain
COPY core core
COPY infra infra
COPY api api
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=80
USER 10001:10001
VOLUME /app/var
EXPOSE 80
# Without a proxy, which the environment may name for the way out.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=4)"]
# exec: gunicorn becomes process 1 and gets the SIGTERM of a stop.
CMD ["sh", "-c", "flask --app main migrate && exec gunicorn"]
