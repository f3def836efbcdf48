"""The base of every view: input is checked as a whole, unknown parameters are refused."""

from typing import Any

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from rest.endpoints import Endpoint
from rest.fields import StrictSerializer


class View(APIView):
    """A view with strict input. ``query_serializer``: what its query may hold; nothing by default.

    Each handler states by ``@endpoint`` who may call it and what it takes and answers.
    """

    query_serializer: type[StrictSerializer] | None = None
    operation = ""  # the operation's name in the schema, where the path would give one twice

    @classmethod
    def endpoint_of(cls, method: str) -> Endpoint | None:
        """Return what the handler of an HTTP method declares; HEAD is GET, OPTIONS needs what GET needs."""
        names = {"HEAD": ["get"], "OPTIONS": ["get", "post", "put"]}.get(method, [method.lower()])
        handlers = [getattr(cls, name) for name in names if hasattr(cls, name)]
        return getattr(handlers[0], "endpoint", None) if handlers else None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any("\x00" in str(value) for value in kwargs.values()):
            raise Http404("no name holds a NUL")  # PostgreSQL takes none
        given = dict(request.query_params.items())
        if self.query_serializer is not None:
            serializer = self.query_serializer(data=given)
            serializer.is_valid(raise_exception=True)
            self.query = serializer.validated_data
        elif given:
            raise ValidationError({name: ["unknown query parameter"] for name in given}, code="unknown")

    def body(self, serializer_class: type[StrictSerializer]) -> dict[str, Any]:
        """Return the checked body. Raises ValidationError naming each faulty field."""
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data
