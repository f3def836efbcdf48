"""The base of every view: input is checked as a whole, unknown parameters are refused."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from rest.fields import StrictSerializer


class View(APIView):
    """A view with strict input. ``query_serializer``: what its query may hold; nothing by default."""

    query_serializer: type[StrictSerializer] | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        given = {name: value for name, value in request.query_params.items() if name != "format"}
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
