"""Walk-forwards over REST: the reports that were kept. They are made by ``manage.py walk_forward``."""

from datetime import UTC, datetime
from typing import Any, TypedDict

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from backtest.models import WalkForward
from rest.access import Permission
from rest.endpoints import endpoint
from rest.pages import PageQuery, Pages
from rest.shapes import At
from rest.views import View


class WalkForwardRow(TypedDict):
    """``verdict``: the result in a sentence, also "no edge found". ``preset``: what was saved from it."""

    id: int
    created_at: At
    source: str
    edge: bool
    verdict: str
    preset: str | None
    preset_version: int | None
    scoring_version: str


class WalkForwardDetail(WalkForwardRow):
    """``report``: settings, the test out of sample, equity, each window with what was found in it."""

    report: dict[str, Any]


class WalkForwardPage(TypedDict):
    next: str | None
    previous: str | None
    results: list[WalkForwardRow]


def row_json(one: WalkForward) -> dict[str, Any]:
    version = one.preset_version
    return {
        "id": one.pk,
        "created_at": datetime.fromtimestamp(one.created_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": one.source,
        "edge": one.edge,
        "verdict": one.verdict,
        "preset": version.preset.name if version else None,
        "preset_version": version.version if version else None,
        "scoring_version": one.scoring_version,
    }


class WalkForwardsView(View):
    """Walk-forwards, newest first."""

    query_serializer = PageQuery

    @endpoint(Permission.READ, WalkForwardPage)
    def get(self, request: Request) -> Response:
        rows = WalkForward.objects.defer("report").select_related("preset_version__preset")
        pages = Pages("-created_ms", "-pk")
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response([row_json(one) for one in page])


class WalkForwardView(View):
    """One walk-forward with its report."""

    @endpoint(Permission.READ, WalkForwardDetail)
    def get(self, request: Request, walk_id: int) -> Response:
        one = WalkForward.objects.select_related("preset_version__preset").filter(pk=walk_id).first()
        if one is None:
            raise Http404(f"there is no walk-forward {walk_id}")
        return Response(row_json(one) | {"report": one.report})
