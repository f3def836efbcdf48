"""OpenAPI from what the handlers declare: answers from type hints, bodies and queries from serializers, every error."""

from functools import cache
from typing import Any, TypedDict

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from rest.access import Permission
from rest.endpoints import Endpoint

REFS = "#/components/schemas/{name}"
SAFE = {"GET", "HEAD", "OPTIONS"}


class ErrorDetail(TypedDict):
    """``attr``: the field it is about, ``symbols.1`` for an element of a list."""

    code: str
    detail: str
    attr: str | None


class ErrorResponse(TypedDict):
    """The shape of every refusal."""

    type: str
    errors: list[ErrorDetail]


REFUSALS = {
    400: "malformed: the errors name each faulty field or parameter",
    401: "credentials are missing or not valid",
    403: "not allowed: the role lacks the permission, or the Origin is foreign",
    404: "there is no such thing",
    406: "the Accept header names nothing that is served",
    409: "the state of things does not allow it",
    413: "the body is too large",
    415: "the body is not application/json",
    429: "too many requests: come back after Retry-After seconds",
}


def refusals_of(endpoint: Endpoint, method: str, path: str) -> dict[int, str]:
    """Return every 4xx that an endpoint may answer, with its reason."""
    statuses = {400, 406}
    if endpoint.needs is not Permission.ANYONE:
        statuses |= {401, 403, 429}
    if method not in SAFE:
        statuses |= {403, 413, 415}
    if "{" in path:
        statuses.add(404)
    return {status: REFUSALS[status] for status in sorted(statuses)} | endpoint.refuses


class Schema(AutoSchema):
    """Reads ``@endpoint``. Components of answers are named like their types."""

    view: Any  # a rest.views.View

    def _endpoint(self) -> Endpoint:
        endpoint = self.view.endpoint_of(self.method)
        if endpoint is None:
            raise TypeError(f"{type(self.view).__name__}.{self.method.lower()} has no @endpoint")
        return endpoint

    def get_operation_id(self) -> str:
        if self.view.operation:
            return f"{self.method.lower()}_{self.view.operation}"
        words = [part.strip("{}").replace("-", "_") for part in self.path.split("/") if part and part != "api"]
        return "_".join([self.method.lower(), *(words or ["root"])])

    def get_extensions(self) -> dict[str, str]:
        """The permission that an operation needs."""
        return {"x-permission": str(self._endpoint().needs)}

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.split("/") if part and part != "api"]
        return [parts[0] if parts else "api"]

    def get_auth(self) -> list[Any]:
        return [] if self._endpoint().needs is Permission.ANYONE else super().get_auth()

    def get_override_parameters(self) -> list[Any]:
        query = self.view.query_serializer
        return [query] if query is not None else []

    def get_request_serializer(self) -> Any:
        return self._endpoint().body

    def get_response_serializers(self) -> None:
        """Return nothing to guess from: ``_get_response_bodies`` knows the answers."""

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False

    def _get_request_body(self, direction: str = "request") -> Any:
        body = super()._get_request_body(direction) if self._endpoint().body is not None else None
        if body is not None:
            body["required"] = self._endpoint().body_required
        return body

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        endpoint = self._endpoint()
        bodies = {str(status): self._answer(hint, endpoint.media_type) for status, hint in endpoint.answers.items()}
        for status, reason in refusals_of(endpoint, self.method, self.path).items():
            bodies[str(status)] = self._answer(ErrorResponse, "application/json") | {"description": reason}
            if status == 429:
                bodies["429"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
        return bodies

    def _answer(self, hint: Any, media_type: str) -> dict[str, Any]:
        if hint is None:
            return {"description": "done; no body"}
        return {"description": "", "content": {media_type: {"schema": self._component(hint)}}}

    def _component(self, hint: Any) -> dict[str, Any]:
        (schema,), components = msgspec.json.schema_components([hint], ref_template=REFS)
        for name, component in components.items():
            self.registry.register_on_missing(
                ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, schema=component, object=name)
            )
        return schema


@cache
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document; it is the same as long as the process lives."""
    return SchemaGenerator().get_schema(request=None, public=True)


class StrictSerializerExtension(OpenApiSerializerExtension):
    """A body may hold nothing but what its serializer knows, and the schema says so."""

    target_class = "rest.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if "__doc__" not in vars(type(self.target)) or type(self.target).__doc__ is None:
            schema.pop("description", None)  # inherited from StrictSerializer, which speaks to programmers
        return schema | {"additionalProperties": False}


def without_marks(result: Any, **kwargs: Any) -> Any:
    """Return the document without drf-spectacular's own marks (a postprocessing hook)."""
    if isinstance(result, dict):
        return {key: without_marks(value) for key, value in result.items() if key != "x-spec-enum-id"}
    return [without_marks(value) for value in result] if isinstance(result, list) else result
