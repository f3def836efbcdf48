"""Settings. Every value that a user may set comes from the environment or ``.env``; see ``.env.example``."""

import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from realtime_agent.environment import Environment

VERSION = "0.1.0"
BASE_DIR = Path(__file__).resolve().parent.parent

_env = Environment(BASE_DIR / ".env")


def _positive(value: float) -> bool:
    return 0 < value < float("inf")


# Where it listens and keeps its data
HOST = _env.read("HOST", "str", "127.0.0.1")
PORT = _env.read("PORT", "int", 8000, lambda port: 0 < port < 65536, "1 to 65535")
DATA_DIR = Path(_env.read("DATA_DIR", "str", str(BASE_DIR / "data"))).expanduser().resolve()
ALLOWED_ORIGINS = _env.read("ALLOWED_ORIGINS", "list", [])
DEBUG = _env.read("DEBUG", "bool", False)
LOG_LEVEL = _env.read("LOG_LEVEL", "str", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"}.__contains__, "a log level")

# The market
MARKET_SOURCE = _env.read("MARKET_SOURCE", "str", "simulated")
REPLAY_SPEED = _env.read("REPLAY_SPEED", "float", 60.0, lambda s: 0 <= s < float("inf"), "0 or more")
REPLAY_START = _env.moment("REPLAY_START")
REPLAY_SYMBOLS = _env.read("REPLAY_SYMBOLS", "list", [])
SIMULATED_SPEED = _env.read("SIMULATED_SPEED", "float", 60.0, _positive, "more than 0")
SIMULATED_SEED = _env.read("SIMULATED_SEED", "int", 1, lambda seed: 0 <= seed < 2**32, "0 to 4294967295")

# First values of the agent; afterwards its state is in the database
REALTIME_AGENT_ENABLED = _env.read("REALTIME_AGENT_ENABLED", "bool", True)
REALTIME_SCAN_INTERVAL_MS = _env.read(
    "REALTIME_SCAN_INTERVAL_MS", "int", 30000, lambda ms: 1000 <= ms <= 3_600_000, "1000 to 3600000"
)

# Database and channel layer
try:
    DATABASES = {"default": _env.read("DATABASE_URL", "dj_db_url", f"sqlite:///{DATA_DIR / 'agent.sqlite3'}")}
except ImproperlyConfigured:
    raise
except Exception as error:
    raise ImproperlyConfigured(f"DATABASE_URL: {error}") from error
DATABASE_POOL_SIZE = _env.read("DATABASE_POOL_SIZE", "int", 8, lambda size: 0 <= size <= 100, "0 to 100")
REDIS_URL = _env.read("REDIS_URL", "str", "")
_secret = _env.read("SECRET_KEY", "str", "")
_env.refuse_unknown()

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
    if DATABASE_POOL_SIZE:
        DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": DATABASE_POOL_SIZE}}
else:
    raise ImproperlyConfigured("DATABASE_URL: must be sqlite:///<file> or postgres://…")

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "realtime_agent"},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}
}


def _secret_key() -> str:
    """Return SECRET_KEY, else the one generated at the first start (readable by its owner alone)."""
    if _secret:
        return _secret
    path = DATA_DIR / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()


DATA_DIR.mkdir(parents=True, exist_ok=True)
SECRET_KEY = _secret_key()

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = [*LOOPBACK, *([HOST] if HOST not in LOOPBACK else [])]

INSTALLED_APPS = [
    "daphne",  # first: it brings the runserver that also speaks WebSocket
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_standardized_errors",
    "market",
    "presets",
    "signals",
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
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
WHITENOISE_USE_FINDERS = True  # served from the packages: a fresh clone needs no collectstatic
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SAMESITE = "Strict"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    # Open on loopback, the only address that `serve` accepts until there is access control.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {"daphne": {"level": "WARNING"}, "django.channels.server": {"level": "WARNING"}},
}
