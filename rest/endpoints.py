"""What a handler declares of itself: who may call it, what it takes, what it answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rest.access import Permission
from rest.fields import StrictSerializer

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Endpoint:
    """``answers``: by status, the type of the body (a TypedDict or any type that has a JSON schema), None without one.

    ``refuses``: statuses that this handler adds to the ones every handler may give, with the reason.
    """

    needs: Permission
    body: type[StrictSerializer] | None = None
    body_required: bool = True
    answers: dict[int, Any] = field(default_factory=dict)
    refuses: dict[int, str] = field(default_factory=dict)
    media_type: str = "application/json"


def endpoint(
    needs: Permission,
    answer: Any = None,
    *,
    body: type[StrictSerializer] | None = None,
    body_required: bool = True,
    answers: dict[int, Any] | None = None,
    refuses: dict[int, str] | None = None,
    media_type: str = "application/json",
) -> Callable[[Handler], Handler]:
    """Declare a handler. ``answer`` is the body of a 200, ``answers`` names other statuses.

    A handler without it answers nobody, and tests/api/test_matrix.py fails.
    """
    stated = Endpoint(needs, body, body_required, answers or {200: answer}, refuses or {}, media_type)

    def declare(handler: Handler) -> Handler:
        handler.endpoint = stated  # type: ignore[attr-defined]
        return handler

    return declare
