"""`python -m curation users`: who may come in, and as what."""
from __future__ import annotations

import argparse
import getpass
import os
import sys

from curation.commands import Subcommands, add_user, declare, workspace
from curation.errors import BadValue
from curation.people import users

ROLES = ("annotator", "reviewer", "lead")
ACTIONS = ("list", "add", "role", "password", "disable", "enable")


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "users", run,
        "List, add and change users. From the second user on everybody signs in, so set your own password first. A password is asked for "
        "on the terminal, or read from the first line of standard input when that is no terminal.",
        "users", "users password local", "users add wang --role annotator", "users role wang --role reviewer", "users disable wang",
    )
    command.add_argument("action", nargs="?", choices=ACTIONS, default="list")
    command.add_argument("name", nargs="?", help="the user")
    command.add_argument("--role", choices=ROLES, help="add, role: what the user may do")
    add_user(command)


def run(given: argparse.Namespace) -> int:
    work = workspace(given)
    if given.action != "list" and given.name is None:
        raise BadValue(field="NAME", value="", why="is missing", todo=f"Write: users {given.action} NAME.")
    if given.action in ("add", "role") and given.role is None:
        raise BadValue(field="--role", value="", why="is missing", todo=f"Give --role {', '.join(ROLES)}.")
    if given.action == "list":
        for user in users.list_users(work.store):
            print(f"{user.name}\t{user.role}\t{'disabled' if user.disabled_at else 'active'}")
    elif given.action == "add":
        users.create_user(work.store, work.actor, given.name, given.role, _password())
    elif given.action == "password":
        users.set_password(work.store, work.actor, given.name, _password())
    elif given.action == "role":
        users.set_role(work.store, work.actor, given.name, given.role)
    else:
        (users.disable if given.action == "disable" else users.enable)(work.store, work.actor, given.name)
    return 0


def _password() -> str:
    if not os.isatty(sys.stdin.fileno()):
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise BadValue(field="password", value="…", why="was not the same twice", todo="Try again.")
    return first
