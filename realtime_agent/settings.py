"""Settings. Every value that a user may set comes from the environment or ``.env``; see ``.env.example``."""

import base64
import os
import secrets
import time
from datetime import timedelta
from pathlib import Path

from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from realtime_agent.environment import FERNET_KEY, Environment, is_fernet_key
from telemetry.logs import json_formatter

VERSION = "0.1.0"
BASE_DIR = Path(__file__).resolve().parent.parent

_env = Environment(BASE_DIR / ".env")


def _positive(value: float) -> bool:
    return 0 < value < float("inf")


# Where it listens and keeps its data
HOST = _env.read("HOST", "str", "127.0.0.1")
PORT = _env.read("PORT", "int", 8000, lambda port: 0 < port < 65536, "1 to 65535")
DATA_DIR = Path(_env.read("DATA_DIR", "str", str(BASE_DIR / "data"))).expanduser().resolve()
SERVER = _env.read("SERVER", "str", "daphne", {"daphne", "uvicorn"}.__contains__, "daphne or uvicorn")
ALLOWED_ORIGINS = _env.read("ALLOWED_ORIGINS", "list", [])
EXTRA_HOSTS = _env.read("ALLOWED_HOSTS", "list", [])
HTTPS = _env.read("HTTPS", "bool", False)
TRUSTED_PROXIES = _env.read("TRUSTED_PROXIES", "list", [])
DEBUG = _env.read("DEBUG", "bool", False)
LOG_FORMAT = _env.read("LOG_FORMAT", "str", "text", {"text", "json"}.__contains__, "text or json")
LOG_LEVEL = _env.read("LOG_LEVEL", "str", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"}.__contains__, "a log level")

# Who may do what
OPEN_CONTROL = _env.read("OPEN_CONTROL", "bool", True)
TOKEN_DAYS = _env.read("TOKEN_DAYS", "int", 90, lambda days: 1 <= days <= 36500, "1 to 36500")
THROTTLE_FACTOR = _env.read("THROTTLE_FACTOR", "float", 1.0, lambda f: 0 <= f < 1e6, "0 (no limits) or more")
SOCKETS_PER_ADDRESS = _env.read("SOCKETS_PER_ADDRESS", "int", 64, lambda n: n > 0, "more than 0")

# The market
MARKET_SOURCE = _env.read("MARKET_SOURCE", "str", "simulated")
REPLAY_SPEED = _env.read("REPLAY_SPEED", "float", 60.0, lambda s: 0 <= s < float("inf"), "0 or more")
REPLAY_START = _env.moment("REPLAY_START")
REPLAY_SYMBOLS = _env.read("REPLAY_SYMBOLS", "list", [])
SIMULATED_SPEED = _env.read("SIMULATED_SPEED", "float", 60.0, _positive, "more than 0")
SIMULATED_SEED = _env.read("SIMULATED_SEED", "int", 1, lambda seed: 0 <= seed < 2**32, "0 to 4294967295")

# An exchange: which symbols, from where
EXCHANGE_SYMBOLS = _env.read("EXCHANGE_SYMBOLS", "list", [])
EXCHANGE_TOP = _env.read("EXCHANGE_TOP", "int", 0, lambda n: 0 <= n <= 2000, "0 to 2000")
EXCHANGE_QUOTE = _env.read("EXCHANGE_QUOTE", "str", "USDT")
EXCHANGE_MIN_VOLUME = _env.read("EXCHANGE_MIN_VOLUME", "float", 0.0, lambda v: 0 <= v < float("inf"), "0 or more")
EXCHANGE_MIN_AGE_DAYS = _env.read("EXCHANGE_MIN_AGE_DAYS", "int", 0, lambda d: 0 <= d <= 10_000, "0 to 10000")
EXCHANGE_AUDIT_MINUTES = _env.read("EXCHANGE_AUDIT_MINUTES", "float", 15.0, lambda m: 1 <= m <= 1440, "1 to 1440")
EXCHANGE_URL = _env.read("EXCHANGE_URL", "str", "")
EXCHANGE_STREAM_URL = _env.read("EXCHANGE_STREAM_URL", "str", "")
EXCHANGE_DERIVATIVES = _env.read("EXCHANGE_DERIVATIVES", "bool", True)
EXCHANGE_DERIVATIVES_URL = _env.read("EXCHANGE_DERIVATIVES_URL", "str", "")
if bool(EXCHANGE_URL) != bool(EXCHANGE_STREAM_URL):
    raise ImproperlyConfigured("EXCHANGE_URL and EXCHANGE_STREAM_URL: set both or none")

# First values of the agent; afterwards its state is in the database
REALTIME_AGENT_ENABLED = _env.read("REALTIME_AGENT_ENABLED", "bool", True)
REALTIME_SCAN_INTERVAL_MS = _env.read(
    "REALTIME_SCAN_INTERVAL_MS", "int", 30000, lambda ms: 1000 <= ms <= 3_600_000, "1000 to 3600000"
)
SCAN_SHARD_SYMBOLS = _env.read("SCAN_SHARD_SYMBOLS", "int", 500, lambda n: 1 <= n <= 100_000, "1 to 100000")

# How long what is kept, in days of market time
_DAYS = (lambda days: 0 <= days <= 36500, "0 to 36500")
CANDLE_DAYS = _env.read("CANDLE_DAYS", "int", 730, *_DAYS)
RUN_DAYS = _env.read("RUN_DAYS", "int", 30, *_DAYS)
SIGNAL_DAYS = _env.read("SIGNAL_DAYS", "int", 0, *_DAYS)
EXPLAIN_DAYS = _env.read("EXPLAIN_DAYS", "int", 90, *_DAYS)

# Alerts
ALERTS_ALLOWED_NETWORKS = _env.networks("ALERTS_ALLOWED_NETWORKS")
ALERTS_GIVE_UP_HOURS = _env.read("ALERTS_GIVE_UP_HOURS", "float", 24.0, lambda h: 0 < h <= 720, "above 0, up to 720")
ALERT_DAYS = _env.read("ALERT_DAYS", "int", 90, *_DAYS)
_alerts_keys = _env.read("ALERTS_KEY", "list", [])
if not all(map(is_fernet_key, _alerts_keys)):  # not by read's own check, which shows what it was given
    raise ImproperlyConfigured(f"ALERTS_KEY: must be {FERNET_KEY}")

# Database, channel layer, broker
try:
    DATABASES = {"default": _env.read("DATABASE_URL", "dj_db_url", f"sqlite:///{DATA_DIR / 'agent.sqlite3'}")}
except ImproperlyConfigured:
    raise
except Exception as error:
    raise ImproperlyConfigured(f"DATABASE_URL: {error}") from error
DATABASE_POOL_SIZE = _env.read("DATABASE_POOL_SIZE", "int", 8, lambda size: 0 <= size <= 100, "0 to 100")
REDIS_URL = _env.read("REDIS_URL", "str", "")
CHANNEL_LAYER = _env.read("CHANNEL_LAYER", "str", "pubsub", {"pubsub", "core"}.__contains__, "pubsub or core")
CELERY_BROKER_URL = _env.read("CELERY_BROKER_URL", "str", "") or REDIS_URL
WATCHDOG_S = _env.read("WATCHDOG_S", "float", 30.0, _positive, "more than 0")
WRITE_PATH = _env.read("WRITE_PATH", "str", "auto", {"auto", "portable"}.__contains__, "auto or portable")
_secret = _env.read("SECRET_KEY", "str", "")
_env.refuse_unknown()
VARIABLES = _env.variables()  # for docs/configuration.md

if DATABASES["default"].get("ENGINE") == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that will write takes its turn at BEGIN, so it never fails half way as "locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # A file, not shared memory: tests use threads, and a shared-memory database knows no waiting for a lock.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
elif DATABASES["default"].get("ENGINE") == "django.db.backends.postgresql":
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Rather an error within 3 s than a request that hangs: on a server that is away, on a row that is locked. Who
    # stands still in the middle of a transaction keeps its rows from the others: the server ends its session.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 2,
        "options": "-c lock_timeout=2000 -c idle_in_transaction_session_timeout=15000",
    }
    if DATABASE_POOL_SIZE:
        DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 2.0}
else:
    raise ImproperlyConfigured("DATABASE_URL: must be sqlite:///<file> or postgres://…")

_LAYERS = {
    # It subscribes again after Redis was away, with the sockets left open; what it missed is read from the database.
    "pubsub": {
        "BACKEND": "signals.wire.layers.RedisLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "realtime_agent"},
    },
    "core": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "realtime_agent", "capacity": 20_000},
    },
}
CHANNEL_LAYERS = {
    "default": _LAYERS[CHANNEL_LAYER]
    if REDIS_URL
    else {"BACKEND": "signals.wire.layers.MemoryLayer", "CONFIG": {"capacity": 10_000}}
}

# Celery, where there is a broker. JSON alone: whoever can write to the broker must not be able to run code.
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = REDIS_URL or CELERY_BROKER_URL or "disabled://"
CELERY_RESULT_EXPIRES = 60
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "realtime_agent"
# A task whose worker dies is run again; one at a time, so that none waits behind a long one.
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = 1  # windows are kept by process: more workers rather than more children
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,  # longer than any task's time limit, or a second copy would run beside the first
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 3,
    "socket_timeout": 5,
    "health_check_interval": 5,
}
# Every second from the process's own clock: nothing of it needs to survive a restart, and ten beats do no harm.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "agent.tick", "schedule": 1.0, "options": {"expires": 1.0}},
    "prune": {"task": "agent.prune", "schedule": crontab(hour="3", minute="17"), "options": {"expires": 3600.0}},
}

# Whether processes leave their figures in the database, for the one that is asked for /metrics
SHARE_FIGURES = bool(CELERY_BROKER_URL)
# Who scores a series that the scan does not keep current: this process, or a worker
SCORE_UNWATCHED = "signals.tasks.ask_worker" if CELERY_BROKER_URL else "signals.states.computed"


def _generated(name: str, value: str) -> str:
    """Return the secret that was generated into DATA_DIR at the first start (readable by its owner alone)."""
    path = DATA_DIR / name
    try:
        with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(value)
    except FileExistsError:
        pass  # of an earlier start, or of a process that starts at the same time and may not have written it yet
    for _ in range(100):
        if kept := path.read_text().strip():
            return kept
        time.sleep(0.01)
    raise ImproperlyConfigured(f"{path} is empty: remove it, and the next start makes a new one")


DATA_DIR.mkdir(parents=True, exist_ok=True)
SECRET_KEY = _secret or _generated("secret_key", secrets.token_urlsafe(50))
# Of targets' addresses in the database. The first encrypts, all decrypt.
ALERTS_KEYS = _alerts_keys or [_generated("alerts_key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())]

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = [*LOOPBACK, *([HOST] if HOST not in LOOPBACK else []), *EXTRA_HOSTS]

INSTALLED_APPS = [
    "daphne",  # first: it brings the runserver that also speaks WebSocket
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_vite",
    "rest_framework",
    "drf_standardized_errors",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "access",
    "market",
    "presets",
    "signals",
    "backtest",
    "risk",
    "alerts",
    "agent",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "realtime_agent.origin.OriginMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "access.middleware.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "realtime_agent.urls"
ASGI_APPLICATION = "realtime_agent.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
# The dashboard, built by `make frontend`. Without it the API works all the same, and the page says what is missing.
FRONTEND_DIST = BASE_DIR / "frontend" / "dist"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static", *([FRONTEND_DIST] if FRONTEND_DIST.is_dir() else [])]
DJANGO_VITE = {"default": {"manifest_path": FRONTEND_DIST / "manifest.json"}}
SILENCED_SYSTEM_CHECKS = ["django_vite.W001"]  # no manifest: as above
WHITENOISE_USE_FINDERS = True  # served from the packages: a fresh clone needs no collectstatic
WHITENOISE_IMMUTABLE_FILE_TEST = r"/assets/.+-[\w-]{8}\.\w+$"  # the names that Vite gives
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
CSRF_TRUSTED_ORIGINS = ALLOWED_ORIGINS
if HTTPS:  # behind a proxy that speaks TLS and sets this header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_REDIRECT_EXEMPT = [r"^health"]  # asked by the proxy itself, in the clear
    SECURE_HSTS_SECONDS = 30 * 86400
    # Subdomains and the preload list are the business of whoever owns the domain, not of one service on it.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

KNOX_TOKEN_MODEL = "knox.AuthToken"  # noqa: S105  the name of a model
REST_KNOX = {"TOKEN_TTL": timedelta(days=TOKEN_DAYS)}
# A minute, of one caller on one path. Who is not signed in where control is open is this machine's owner.
THROTTLES = {
    "open": {"read": 12_000, "change": 1200},
    "viewer": {"read": 600, "change": 30},
    "operator": {"read": 1200, "change": 120},
    "admin": {"read": 1200, "change": 240},
}
LOGIN_TRIES = (10, 100, 1000)  # in 5 minutes: of one name from one address, of one address, of one name from anywhere
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

REST_FRAMEWORK = {
    # The token class first: it makes missing credentials 401 where the session's would make them 403.
    "DEFAULT_AUTHENTICATION_CLASSES": ["access.tokens.Tokens", "rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest.access.HasPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["access.throttles.RoleThrottle"],
    "DEFAULT_PARSER_CLASSES": ["rest.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "rest.schema.Schema",
    "URL_FORMAT_OVERRIDE": None,  # one way to choose a format: the Accept header
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Real-time opportunity agent",
    "DESCRIPTION": "Scores, signals and the agent's switch. Signals are no advice and no orders are placed.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["rest.schema.without_marks"],
    "SORT_OPERATIONS": True,
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "rest.errors.Handler"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"},
        "json": json_formatter(),
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        name: {"level": "WARNING"}
        for name in (
            "daphne",
            "uvicorn",
            "django.channels.server",
            "celery.beat",
            "celery.app.trace",
            "celery.worker.strategy",
            "httpx",
            "apprise",
        )
    }
    # Some lines a tick: for whoever collects lines, or looks for something.
    | {"trail": {"level": LOG_LEVEL if LOG_FORMAT == "json" or LOG_LEVEL == "DEBUG" else "WARNING"}},
}
