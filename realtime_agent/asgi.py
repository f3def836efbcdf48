"""ASGI: HTTP to Django, ``/ws/realtime`` to the consumer."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")
_http = get_asgi_application()  # first: it loads the apps that the imports below need

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from realtime_agent.origin import OriginGuard  # noqa: E402
from realtime_agent.sockets import after_handshake, short_lived  # noqa: E402
from signals.consumer import RealtimeConsumer  # noqa: E402


async def no_such_socket(scope, receive, send):
    """Refuse the handshake of an unknown path."""
    await send({"type": "websocket.close"})


_realtime = after_handshake(RealtimeConsumer.as_asgi())
_sockets = URLRouter([path("ws/realtime", _realtime), re_path("", no_such_socket)])

application = short_lived(ProtocolTypeRouter({"http": _http, "websocket": OriginGuard(AuthMiddlewareStack(_sockets))}))
