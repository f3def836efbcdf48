"""``manage.py create_token USER --role ROLE``."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from knox.models import AuthToken
from knox.settings import knox_settings

from access.roles import Role, give_role, role_of


class Command(BaseCommand):
    help = "Make a token for a program, and its user if there is none by that name. The token is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")
        parser.add_argument("--role", choices=[str(role) for role in Role], help="give the user this role")
        parser.add_argument("--days", type=int, help="how long it is good for; default TOKEN_DAYS")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] is not None and not 1 <= options["days"] <= 36500:
            raise CommandError(f"--days: must be 1 to 36500, was {options['days']}")
        user = self._user(options["user"], options["role"])
        life = timedelta(days=options["days"]) if options["days"] else knox_settings.TOKEN_TTL
        stored, token = AuthToken.objects.create(user, expiry=life)
        self.stderr.write(f"{user}, role {role_of(user)}, until {stored.expiry:%Y-%m-%d %H:%M} UTC:")
        self.stdout.write(token)

    def _user(self, name: str, role: str | None) -> User:
        user = User.objects.filter(username=name).first()
        if user is None:
            user = self._new_user(name, role)
        if role:
            give_role(user, Role(role))
        elif role_of(user) is None:
            raise CommandError(f"{name} has no role: add --role viewer, operator or admin")
        return user

    def _new_user(self, name: str, role: str | None) -> User:
        """Make a user without a password: such a one has tokens only."""
        if not role:
            raise CommandError(f"there is no user {name}: add --role viewer, operator or admin to make one")
        try:
            UnicodeUsernameValidator()(name)
            User._meta.get_field("username").run_validators(name)
        except ValidationError as error:
            raise CommandError(f"{name!r} is no user name: {'; '.join(error.messages)}") from error
        return User.objects.create_user(name)
