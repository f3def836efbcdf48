import pytest
from django.contrib.auth.models import User
from knox.models import AuthToken
from rest_framework.test import APIClient

from access.roles import Role, give_role

PASSWORD = "correct horse battery"


@pytest.fixture
def closed(settings, replay):
    """Control is for roles only, and nothing but tries to log in is counted."""
    settings.OPEN_CONTROL = False
    settings.THROTTLE_FACTOR = 0
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings


@pytest.fixture
def user_of():
    """Return a function that makes a user with a role."""

    def make(role, name=None):
        user = User.objects.create_user(name or f"a-{role}", password=PASSWORD)
        give_role(user, Role(role))
        return user

    return make


@pytest.fixture
def token_client():
    """Return a function that makes a client with a new token of a user."""

    def make(user):
        client = APIClient(HTTP_HOST="127.0.0.1")
        stored, token = AuthToken.objects.create(user)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
        client.stored, client.token = stored, token
        return client

    return make
