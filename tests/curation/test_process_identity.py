from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from curation.process_identity import identity, is_alive, send

Child = subprocess.Popen[str]


@pytest.fixture
def child() -> Iterator[Child]:
    """A process that sleeps in a session of its own, named so that a careless reader of /proc/PID/stat takes the wrong field."""
    named = "import ctypes; ctypes.CDLL(None).prctl(15, b'a) Z 1 (b'); print('named', flush=True); import time; time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", named], start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "named\n"
    yield process
    process.kill()
    process.communicate()


def test_a_process_is_alive_only_as_itself(child: Child) -> None:
    who = identity(child.pid)
    assert is_alive(who) and is_alive(identity(os.getpid()))
    assert not is_alive({**who, "started": who["started"] - 1})  # the pid was given to another process
    assert not is_alive({**who, "boot": "another"})  # the machine went down


def test_a_signal_reaches_this_very_process_and_no_other_of_its_pid(child: Child) -> None:
    who = identity(child.pid)
    send({**who, "started": who["started"] - 1}, signal.SIGKILL, group=True)
    assert child.poll() is None
    send(who, signal.SIGTERM)
    assert child.wait(60) == -signal.SIGTERM
    send(who, signal.SIGKILL, group=True)  # has ended: nothing happens


def test_a_process_that_ended_and_was_not_waited_for_is_dead(child: Child) -> None:
    who = identity(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert not is_alive(who)
    assert identity(child.pid)["started"] is None


@pytest.mark.parametrize("touched", [
    {}, {"pid": None, "started": 1, "boot": "x"}, {"pid": "12", "started": 1}, {"pid": 0, "started": 1}, {"pid": -1, "started": 1},
    {"pid": 2**40, "started": 1}, {"pid": os.getpid(), "started": None},
])
def test_what_is_no_identity_is_no_process_and_gets_no_signal(touched: dict[str, Any]) -> None:
    touched = {"boot": identity(os.getpid())["boot"], **touched}
    assert not is_alive(touched)
    send(touched, signal.SIGKILL, group=True)
