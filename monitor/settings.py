"""Django's settings: one file, fed by the environment through `env.py`."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from core import jsonlog
from monitor import env

ROOT = Path(__file__).resolve().parents[1]
try:
    ENV = env.read()
except env.Wrong as wrong:
    # A traceback would hide the one sentence that helps.
    sys.exit(f"Watchkeeper cannot start. {wrong}")
DATA = ENV.data
EMBEDDED = not ENV.redis_url
SITE_URL = ENV.url
DEBUG = ENV.debug


def _secret_key() -> str:
    """The key of the environment, else one made once in the data folder, readable by us alone."""
    if ENV.secret_key:
        return ENV.secret_key
    file = DATA / "secret_key"
    if not file.exists():
        DATA.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f".secret_key.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(64))
        try:
            file.hardlink_to(fresh)  # whoever is first wins; a second process reads the winner's key
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links, such as FAT or some network shares
            _take_first(file, fresh.read_text())
        finally:
            fresh.unlink()
    return file.read_text().strip()


def _take_first(file: Path, key: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        time.sleep(0.5)  # the winner is writing
        return
    with os.fdopen(descriptor, "w") as out:
        out.write(key)


def _database() -> dict[str, Any]:
    url = ENV.database_url
    if not url or url.startswith("sqlite:///"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///") or str(DATA / "watchkeeper.sqlite3"),
            "OPTIONS": {
                # Deferred transactions that read and then write fail under load; immediate ones queue.
                "transaction_mode": "IMMEDIATE",
                "timeout": 5,
                # Debian's SQLite overwrites what is deleted: with a journal that is emptied, twice the disk writes.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                "PRAGMA wal_autocheckpoint=4000; PRAGMA secure_delete=OFF;",
            },
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "OPTIONS": {
            "connect_timeout": 5,
            "options": "-c statement_timeout=30000",
            # A machine that vanished sends no reset: without these a thread would wait for it for hours.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            **dict(parse_qsl(parts.query)),
        },
    }


def _own_names() -> list[str]:
    """The names people may type for us: the canonical address, this host, its addresses."""
    names = {urlsplit(SITE_URL).hostname or "localhost", "localhost", "127.0.0.1", "[::1]", socket.gethostname()}
    if ENV.host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        names.add(f"[{ENV.host}]" if ":" in ENV.host else ENV.host)
        return sorted(names)
    import psutil  # noqa: PLC0415 - only where we listen on every address

    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family in {socket.AF_INET, socket.AF_INET6}:
                found = ipaddress.ip_address(address.address.split("%")[0])
                names.add(f"[{found}]" if found.version == 6 else str(found))
    return sorted(names)


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = _own_names()
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    # First, so that `runserver` is ASGI. Nothing else uses it, and loading it costs a second.
    *(["daphne"] if "runserver" in sys.argv else []),
    "core.admin_config.Config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    *(["allauth.socialaccount.providers.openid_connect"] if ENV.sign_in.issuer else []),
    "channels",
    "rest_framework",
    "drf_spectacular",
    "django_celery_beat",
    "core",
    "accounts",
    "servers",
    "metrics",
    "ingest",
    "ml",
    "checks",
    "alerts",
    "reports",
    "dashboards",
]
MIDDLEWARE = [
    "core.middleware.SecurityHeaders",
    "core.middleware.NoNul",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.origin.Trail",
    "accounts.middleware.Personal",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.second_factor.Required",
    "accounts.sessions.Noted",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "monitor.urls"
ASGI_APPLICATION = "monitor.asgi.application"
WSGI_APPLICATION = "monitor.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.person",
            ]
        },
    }
]

DATABASES = {"default": _database()}
# Only valid because the bridge's pool bounds the threads that hold a connection (docs/decisions/serving.md).
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

WEB_THREADS = 4
KEEP_RAW_DAYS = ENV.keep_raw_days
KEEP_5MIN_DAYS = ENV.keep_5min_days
KEEP_HOURLY_DAYS = ENV.keep_hourly_days
DISK_CAP = ENV.disk_cap
KEEP_AUDIT_DAYS = ENV.keep_audit_days
API_RATE = ENV.api_rate
DETECTORS = ENV.detectors
WEB_BACKLOG = 128
WEB_MAX_BODY = 8 << 20
WEB_BODY_BUDGET = 64 << 20
WEB_BODY_TIMEOUT = 30
WEB_SEND_TIMEOUT = 30
DATA_UPLOAD_MAX_MEMORY_SIZE = WEB_MAX_BODY

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.NotOnesName"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# One alone, so that a wrong password costs one Argon2, as an unknown address does.
AUTHENTICATION_BACKENDS = ["accounts.sign_in.backend.Passwords"]
LOCAL_LOGIN = ENV.sign_in.local
SECOND_FACTOR = ENV.sign_in.second_factor
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.InvitationOnly"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105 - a name
ACCOUNT_RATE_LIMITS = False  # ours are shared by all processes: accounts/limits.py
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if ENV.secure else "http"
MFA_ADAPTER = "accounts.adapter.SealedFactors"
MFA_FORMS = {
    "authenticate": "accounts.sign_in.forms.SecondFactor",
    "reauthenticate": "accounts.sign_in.forms.SecondFactorAgain",
}
MFA_TOTP_ISSUER = "Watchkeeper"
MFA_TOTP_TOLERANCE = 1  # a telephone's clock may be half a minute off
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses come from whoever invited, not from whoever signs up
SOCIALACCOUNT_ADAPTER = "accounts.sign_in.provider.Outside"
OIDC = ENV.sign_in
OIDC_ORIGIN = "{0.scheme}://{0.netloc}".format(urlsplit(OIDC.issuer)) if OIDC.issuer else ""
OIDC_PROVIDER = f"sso-{hashlib.sha256(OIDC.issuer.encode()).hexdigest()[:12]}"
SOCIALACCOUNT_PROVIDERS = (
    {
        "openid_connect": {
            "APPS": [
                {
                    # Another issuer is another provider: its people are not ours because they have the same numbers.
                    "provider_id": OIDC_PROVIDER,
                    "name": OIDC.name,
                    "client_id": OIDC.client_id,
                    "secret": OIDC.client_secret,
                    "settings": {"server_url": OIDC.issuer, "oauth_pkce_enabled": True},
                }
            ]
        }
    }
    if OIDC.issuer
    else {}
)

SECURE = ENV.secure
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # core.middleware sends X-Frame-Options, together with the other headers
    "security.W005",  # other names under our domain are not ours to decide for
    "security.W021",  # nor is the browsers' preload list
    "security.W008",  # our socket speaks https alone; where a proxy does, redirecting is its work
]
CSRF_FAILURE_VIEW = "dashboards.errors.csrf_failure"

# Messages speak all of them; pages the first alone, until every text of theirs is translated.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pt-br", "Português (Brasil)"), ("da", "Dansk")]
LOCALE_PATHS = [ROOT / "locale"]
FORMAT_MODULE_PATH = ["monitor.formats"]
# What `manage translate` reads.
TRANSLATED = [
    "accounts",
    "alerts",
    "checks",
    "core",
    "dashboards",
    "metrics",
    "ml",
    "monitor",
    "reports",
    "servers",
    "templates",
]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_USE_FINDERS = True  # the built bundle is committed with hashed names: nothing to collect
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/assets/.+"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.auth.ApiTokenAuthentication", "accounts.auth.PageSession"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.auth.Declared"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.strict.Json"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.strict.Formats",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "accounts.auth.Pages",
    "EXCEPTION_HANDLER": "core.errors.answer",
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Watchkeeper", "VERSION": "1", "OAS_VERSION": "3.1.0", "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {"RuleKindEnum": "alerts.models.rules.KINDS"},
}  # fmt: skip

CHANNEL_LAYERS: dict[str, Any] = {
    "default": {"BACKEND": "core.live.ThreadSafeLayer", "CONFIG": {"capacity": 1000}}
    if EMBEDDED
    else {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [ENV.redis_url], "capacity": 1000}}
}

CELERY_BROKER_URL = ENV.redis_url or "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.05} if EMBEDDED else {"visibility_timeout": 60}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a broker may be away for a night
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"

_mail = urlsplit(ENV.email_url)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _mail.hostname or ""
EMAIL_PORT = _mail.port or {"smtps": 465, "smtp+tls": 587}.get(_mail.scheme, 25)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = dict(parse_qsl(_mail.query)).get("from", "watchkeeper@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

LOGGING = jsonlog.config(as_json=jsonlog.for_programs(ENV.log))
