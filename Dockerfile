# Two stages: packages are installed where a compiler could be, and run where none is. One image for every process.
FROM python:3.11-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt /
RUN /venv/bin/pip install -r /requirements.txt

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 agent && install -d -o agent -g agent /data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data NUMBA_CACHE_DIR=/app/.cache/numba
WORKDIR /app
COPY --from=packages /venv /venv
COPY --chown=agent:agent . .
RUN install -d -o agent -g agent /app/.cache
USER agent
# Compiled for the CPU of the machine that builds; another one compiles anew at its first scan.
RUN python -m engine.warm --if-cold
VOLUME /data
EXPOSE 8000
CMD ["python", "manage.py", "serve"]
