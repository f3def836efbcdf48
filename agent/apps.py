from typing import Any

from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "agent"

    def ready(self) -> None:
        from agent import checks  # noqa: F401  registers them
        from agent.services import status_json
        from signals import hub
        from signals.threads import in_thread

        async def status() -> dict[str, Any]:
            return await in_thread(status_json)()

        hub.status_source = status
