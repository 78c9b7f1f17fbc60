"""The public API: a Litestar application below `/api`, beside Django in one process.

    app.py      the application and its root        errors.py   the one shape of an error (RFC 9457)
    health.py   /healthz and /readyz

Litestar is known here and in `asgi.py` alone.
"""
