"""All settings, read once from the environment. Nothing is started here.

Each wrong value is refused with its name and a hint (`lib/environment.py`). `docs/operations/settings.md` lists them all; a
test compares the two.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from dynamail.lib.environment import (
    BadSetting,
    read_addresses,
    read_bool,
    read_choice,
    read_int,
    read_pairs,
    read_secret,
    read_text,
    read_url,
)
from dynamail.postgres.location import default_home, embedded_dsn

PACKAGE = Path(__file__).resolve().parent
DYNAMAIL_HOME = Path(read_text("DYNAMAIL_HOME") or default_home()).expanduser().resolve()

# ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────
DYNAMAIL_HOST = read_text("DYNAMAIL_HOST", "127.0.0.1")
DYNAMAIL_PORT = read_int("DYNAMAIL_PORT", 8000, low=1, high=65535)
# In links of sent mail. A name, not an address: passkeys belong to names (WebAuthn §5.1.2).
PUBLIC_URL = read_url("DYNAMAIL_PUBLIC_URL", f"http://localhost:{DYNAMAIL_PORT}")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "localhost"
IS_LOOPBACK = PUBLIC_HOST in ("localhost", "127.0.0.1", "::1")
RETURN_PATH_DOMAIN = read_text(
    "DYNAMAIL_RETURN_PATH_DOMAIN", "localhost.localdomain" if IS_LOOPBACK else PUBLIC_HOST
)
MESSAGE_ID_DOMAIN = read_text("DYNAMAIL_MESSAGE_ID_DOMAIN", RETURN_PATH_DOMAIN)
CAPTURE_PORT = read_int(
    "DYNAMAIL_CAPTURE_PORT", 8025, low=1, high=65535
)  # the Mailbox's SMTP listener, loopback only
HELO_NAME = read_text("DYNAMAIL_HELO_NAME", RETURN_PATH_DOMAIN)
# Resolvers as address:port, separated by commas; none: the system's own.
DNS_SERVERS = read_addresses("DYNAMAIL_DNS_SERVERS", default_port=53)
# Direct delivery never connects to loopback and private addresses, whatever a domain's MX record says, unless this is set.
MX_MAY_BE_PRIVATE = read_bool("DYNAMAIL_MX_MAY_BE_PRIVATE", default=False)
# Other addresses for provider APIs, such as a sandbox or a proxy: `postmark=https://proxy.example.com/, mailgun=…`. For the operator
# alone: an account never chooses which host this server calls.
PROVIDER_URLS = read_pairs("DYNAMAIL_PROVIDER_URLS")
# Internal targets that imports from web addresses and SFTP folders may reach, as address:port; none: the public internet alone.
EGRESS_ALLOWED = read_addresses("DYNAMAIL_EGRESS_ALLOWED", default_port=443)
# Where reports (bounces, complaints) come in by SMTP; 0: no listener.
REPORTS_HOST = read_text("DYNAMAIL_REPORTS_HOST", "127.0.0.1")
REPORTS_PORT = read_int("DYNAMAIL_REPORTS_PORT", 0, low=0, high=65535)
# Where programs hand over mail by SMTP, with STARTTLS and with TLS from the first byte; 0: no listener.
SUBMISSION_HOST = read_text("DYNAMAIL_SUBMISSION_HOST", "127.0.0.1")
SUBMISSION_PORT = read_int("DYNAMAIL_SUBMISSION_PORT", 1587, low=0, high=65535)
SUBMISSION_TLS_PORT = read_int("DYNAMAIL_SUBMISSION_TLS_PORT", 1465, low=0, high=65535)
SUBMISSION_CERTIFICATE = read_text("DYNAMAIL_SUBMISSION_CERTIFICATE")  # files; on loopback one is made
SUBMISSION_CERTIFICATE_KEY = read_text("DYNAMAIL_SUBMISSION_CERTIFICATE_KEY")
# Recipients at this domain are played by this server: delivered@, bounce@, complaint@ …
SIMULATOR_DOMAIN = read_text("DYNAMAIL_SIMULATOR_DOMAIN", "simulator.invalid").lower()
# Addresses for incoming mail are made at this domain; its MX leads to the listener for reports.
INBOUND_DOMAIN = read_text("DYNAMAIL_INBOUND_DOMAIN", f"inbound.{RETURN_PATH_DOMAIN}").lower()

# The Mailbox for mail that belongs to no account (verification, password reset) is readable without signing in only on a
# machine that nobody else reaches.
OPEN_SYSTEM_MAILBOX = read_bool("DYNAMAIL_OPEN_SYSTEM_MAILBOX", default=False)
if OPEN_SYSTEM_MAILBOX and not (IS_LOOPBACK and DYNAMAIL_HOST in ("127.0.0.1", "::1", "localhost")):
    raise BadSetting(
        "DYNAMAIL_OPEN_SYSTEM_MAILBOX",
        f"true, but this server answers to {PUBLIC_HOST}",
        "It shows password-reset mail to anyone; use it on a loopback address only.",
    )
SYSTEM_SENDER = read_text("DYNAMAIL_SYSTEM_SENDER", f"DynaMail <no-reply@{RETURN_PATH_DOMAIN}>")
SYSTEM_SMTP_URL = read_secret(
    "DYNAMAIL_SYSTEM_SMTP_URL"
)  # smtp[s]://user:password@host:port; none: the Mailbox
if SYSTEM_SMTP_URL and not SYSTEM_SMTP_URL.startswith(("smtp://", "smtps://")):
    raise BadSetting(
        "DYNAMAIL_SYSTEM_SMTP_URL", "it is not an SMTP address", "Write smtp://user:password@host:587."
    )
OPERATOR_NAME = read_text("DYNAMAIL_OPERATOR_NAME", "the operator of this server")
OPERATOR_PLACE = read_text("DYNAMAIL_OPERATOR_PLACE", "the operator's own premises")

# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────
SECRET_KEY = read_secret("DYNAMAIL_SECRET_KEY")
if not SECRET_KEY and (key_file := DYNAMAIL_HOME / "secret_key").is_file():
    SECRET_KEY = key_file.read_text(encoding="ascii").strip()
if SECRET_KEY and len(SECRET_KEY) < 32:
    raise BadSetting(
        "DYNAMAIL_SECRET_KEY", "it is shorter than 32 characters", "Use `openssl rand -base64 48`."
    )

# ── Mode ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
DEBUG = read_bool("DYNAMAIL_DEBUG", default=False)
LOG_LEVEL = read_choice("DYNAMAIL_LOG_LEVEL", "info", ("debug", "info", "warning", "error"))
ALLOWED_HOSTS = [PUBLIC_HOST, "127.0.0.1", "localhost", *filter(None, read_text("DYNAMAIL_HOSTS").split(","))]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
IS_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_SECURE
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "dynamail_session", "dynamail_csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if IS_SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
# Behind a proxy on the same machine; without one the header must not be believed.
TRUST_PROXY = read_bool("DYNAMAIL_TRUST_PROXY", default=False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# ── Database ─────────────────────────────────────────────────────────────────────────────────────────────────────────
DATABASE_ROLE = read_choice(
    "DYNAMAIL_DATABASE_ROLE", "login", ("login", "dynamail_owner", "dynamail_web", "dynamail_work")
)
DATABASE_URL = read_secret("DATABASE_URL")
if DATABASE_URL and not DATABASE_URL.startswith(("postgresql://", "postgres://")):
    raise BadSetting(
        "DATABASE_URL",
        "it does not name a PostgreSQL database",
        "Write postgresql://user:password@host:5432/dynamail, or leave it out to use the embedded server.",
    )
IS_EMBEDDED = not DATABASE_URL
DSN = DATABASE_URL or embedded_dsn(DYNAMAIL_HOME)
_role_option = "" if DATABASE_ROLE == "login" else f"-c role={DATABASE_ROLE}"


def _database() -> dict[str, object]:
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(DSN)
    except Exception as error:
        raise BadSetting(
            "DATABASE_URL", f"it cannot be read ({error})", "See docs/operations/settings.md."
        ) from None
    options: dict[str, object] = {
        key: value
        for key, value in parts.items()
        if key not in ("host", "port", "user", "password", "dbname")
    }
    if _role_option:
        options["options"] = f"{options.get('options', '')} {_role_option}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(parts.get("host", "")),
        "PORT": str(parts.get("port", "")),
        "USER": str(parts.get("user", "")),
        "PASSWORD": str(parts.get("password", "")),
        "NAME": str(parts.get("dbname", "dynamail")),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ── Applications ─────────────────────────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_htmx",
    "django_vite",
    "procrastinate.contrib.django",
    "dynamail.accounts",
    "dynamail.events",
    "dynamail.consent",
    "dynamail.contacts",
    "dynamail.content",
    "dynamail.senders",
    "dynamail.tracking",
    "dynamail.messages",
    "dynamail.feedback",
    "dynamail.inbound",
    "dynamail.segments",
    "dynamail.campaigns",
    "dynamail.webhooks",
    "dynamail.delivery",
    "dynamail.privacy",
    "dynamail.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dynamail.web.middleware.sign_in_records",
    "dynamail.web.middleware.policy_gate",
    "dynamail.web.middleware.choose_account",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "dynamail.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "web" / "templates"],  # ours before those of allauth
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "dynamail.web.context.shell",
            ],
            "builtins": ["dynamail.web.templatetags.ui"],
        },
    }
]
FORM_RENDERER = "dynamail.web.forms_look.LookRenderer"
X_FRAME_OPTIONS = "SAMEORIGIN"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
    }
}

# ── Sign-in ──────────────────────────────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False  # a mail scanner that follows links must not confirm
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this browser stays signed in, every other one does not
ACCOUNT_CHANGE_EMAIL = True  # one address per user
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to strangers whose address somebody typed
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or sign-in method is told by mail
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_ADAPTER = "dynamail.web.sign_in.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "dynamail.web.forms.accounts.SignUpForm",
    "login": "dynamail.web.forms.sign_in.LoginForm",
    "reauthenticate": "dynamail.web.forms.sign_in.ReauthenticateForm",
    "reset_password": "dynamail.web.forms.sign_in.ResetPasswordForm",
    "reset_password_from_key": "dynamail.web.forms.sign_in.NewPasswordForm",
    "change_password": "dynamail.web.forms.sign_in.ChangePasswordForm",
    "add_email": "dynamail.web.forms.sign_in.ChangeEmailForm",
}
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}  # codes of the second step; axes counts failed passwords
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "DynaMail"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_LOOPBACK
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "login"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # our own sign-in records hold less, and for a shorter time
AXES_HANDLER = "dynamail.web.sign_in.AttemptHandler"
AXES_USERNAME_CALLABLE = "dynamail.web.sign_in.find_attempted_name"
AXES_CLIENT_IP_CALLABLE = "dynamail.web.sign_in.find_client_ip"
AXES_LOCKOUT_CALLABLE = "dynamail.web.sign_in.show_locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "login", "csrfmiddlewaretoken"]
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
EMAIL_BACKEND = "dynamail.messages.system_mail.SystemMailBackend"
DEFAULT_FROM_EMAIL = SYSTEM_SENDER

# ── Language and time ────────────────────────────────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian")), ("be", _("Belarusian"))]
LANGUAGE_COOKIE_NAME = "dynamail_language"
LOCALE_PATHS = [PACKAGE / "web" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = USE_I18N = True

# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────
STATIC_URL = "/static/"
STATIC_BUILT = PACKAGE / "web" / "static_built"
STATICFILES_DIRS = [STATIC_BUILT] if STATIC_BUILT.is_dir() else []
WHITENOISE_USE_FINDERS = True  # the build is inside the package; nothing is collected
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ROOT = (
    PACKAGE / "web" / "static_root"
)  # /favicon.ico, which browsers ask for where no page names one
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+-[0-9A-Za-z_-]{8}\..+$"  # Vite's names carry a hash
DJANGO_VITE = {
    "default": {"dev_mode": False, "manifest_path": STATIC_BUILT / "manifest.json", "static_url_prefix": ""}
}
FILES_DIR = DYNAMAIL_HOME / "files"  # uploads and exports, removed by retention
JOURNAL_DIR = DYNAMAIL_HOME / "journal"  # the deliver workers' notes of final dots and replies
HITS_DIR = DYNAMAIL_HOME / "hits"  # opens and clicks on their way to the database
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20  # larger uploads go to disk at once
FILE_UPLOAD_TEMP_DIR = os.fspath(FILES_DIR) if FILES_DIR.is_dir() else None
IMPORT_MAX_BYTES = read_int("DYNAMAIL_IMPORT_MAX_MB", 1024, low=1, high=102_400) * 2**20

# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────────
# Requests a second that one key may make of one process, twice as many at once; emails and events are counted apart.
API_RATE_PER_SECOND = read_int("DYNAMAIL_API_RATE_PER_SECOND", 100, low=1, high=10_000_000)
API_INTAKE_PER_SECOND = read_int("DYNAMAIL_API_INTAKE_PER_SECOND", 1000, low=1, high=10_000_000)

# ── Work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
DELIVER_CONNECTIONS = read_int("DYNAMAIL_DELIVER_CONNECTIONS", 10, low=1, high=200)
# RFC 5321 §4.5.3.2.1 says five minutes; a server that needs more than one today has other reasons to be tried later.
DELIVER_GREETING_SECONDS = read_int("DYNAMAIL_DELIVER_GREETING_SECONDS", 60, low=5, high=600)
DELIVER_WINDOW = read_int(
    "DYNAMAIL_DELIVER_WINDOW", 250, low=1, high=500
)  # messages of a chunk that a power loss may leave in doubt, at most
DELIVER_PROCESSES = read_int("DYNAMAIL_DELIVER_PROCESSES", 1, low=1, high=64)
PROCRASTINATE_ON_APP_READY = "dynamail.schedules.add_tasks"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL.upper()},
    "loggers": {
        "mail.log": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # it tells of every address that is visited
        "asyncssh": {"level": "WARNING"},  # it tells of every file and user name
    },
}
