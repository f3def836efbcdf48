"""How tokens are sent, for the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class TokensScheme(OpenApiAuthenticationExtension):
    target_class = "access.tokens.Tokens"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        about = "`Token <token>`, from POST /api/auth/token or `manage.py create_token`"
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": about}
