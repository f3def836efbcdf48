"""Tokens for programs: ``Authorization: Token …``."""

from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed


class Tokens(TokenAuthentication):
    """knox, which fails on a header that is no ASCII."""

    def authenticate_credentials(self, token: bytes) -> tuple:
        if not (token.isascii() and token.isalnum()):
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)
