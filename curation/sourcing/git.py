"""How is one state of a git repository fetched without trusting it, and without keeping a password?

>>> with clone_as_tar("https://example.org/libuv.git", "v1.44.2", cache_dir, timeout_s=600) as (tar, commit):
...     print(commit)

One commit is fetched into a bare repository in a scratch folder and written as a tar stream by `git archive`: no file is checked out,
no hook, filter or submodule runs. Only https, ssh, git and file are allowed as transports; git never asks for anything.

A user and password in an https address go to git in a header by its environment, which only this user may read: never on a command line,
which every user of the machine can. Not covered: which hosts may be reached (that is the machine's firewall).
"""
from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from curation.errors import BadValue, GitFailed, Reason

SCHEMES = ("https", "ssh", "git", "file")
_SCP = re.compile(r"\w[\w.-]*@\w[\w.-]*:[^:]")  # git@host:path, which is ssh
# Set when we run inside a hook of another repository; they would point git there.
_OF_A_REPOSITORY = frozenset({
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
})
# What a repository's own .gitattributes may ask `git archive` to leave out or change.
_ATTRIBUTES = "* -export-ignore -export-subst -ident -text -filter -working-tree-encoding\n"


@contextmanager
def clone_as_tar(url: str, revision: str | None, scratch_dir: Path, timeout_s: float) -> Iterator[tuple[IO[bytes], str]]:
    """(tar stream, commit hash) of a revision (None: HEAD). The scratch folder is gone afterwards. Raises GitFailed, BadValue."""
    check_url(url)
    if revision is not None and not re.fullmatch(r"[\w][\w./+@-]*", revision):
        raise BadValue(
            field="revision", value=revision, why=Reason("no_revision", "is no branch, tag or commit"),
            todo=Reason("give_revision", "Give a name such as main or v1.2."),
        )
    scratch_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="git-", dir=scratch_dir) as scratch:
        repo = Path(scratch) / "repo"
        where = without_credentials(url)
        _git(where, url, timeout_s, "init", "-q", "--bare", "--template=", str(repo))
        (repo / "info").mkdir(exist_ok=True)
        (repo / "info" / "attributes").write_text(_ATTRIBUTES, encoding="ascii")
        at = ["--git-dir", str(repo)]
        shallow = ["-q", "--depth", "1", "--no-tags", "--no-recurse-submodules"]
        address = re.sub(r"^(https://)[^/@]*@", r"\1", url)
        _git(where, url, timeout_s, *at, "fetch", *shallow, "--", address, revision or "HEAD")
        commit = _git(where, url, 60, *at, "rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()
        packed = Path(scratch) / "tree.tar"
        _git(where, url, timeout_s, *at, "archive", "--format=tar", "-o", str(packed), commit)
        with open(packed, "rb") as stream:
            yield stream, commit


def check_url(url: str) -> None:
    """Raises BadValue unless it is an https, ssh, git or file address, or user@host:path."""
    scheme = url.split("://", 1)[0] if "://" in url else None
    elsewhere = scheme == "file" and not url.startswith("file:///")  # what stands before the path decides which path git takes
    if scheme not in SCHEMES and not _SCP.match(url) or elsewhere or any(ord(c) <= 32 for c in url):
        raise BadValue(field="address", value=without_credentials(url), why=Reason("no_git_url", "is no git address that is allowed here"),
                       todo=Reason("give_git_url", "Give one that starts with https://, ssh://, git:// or file:///."))


def without_credentials(url: str) -> str:
    """The address without user and password; ssh keeps its user name, which is no secret.

    >>> without_credentials("https://me:token@example.org/a.git?x=1#y")
    'https://example.org/a.git'
    """
    if "://" not in url:
        return url
    scheme, rest = url.split("://", 1)
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    keep = user.partition(":")[0] + "@" if at and scheme == "ssh" else ""
    return f"{scheme}://{keep}{host}{slash}{path}"


def _credentials(url: str) -> dict[str, str]:
    """The environment that makes git send an https address's user and password to its host alone; {} when it has none."""
    match = re.match(r"https://([^/@]*)@([^/?#]+)", url)
    if match is None:
        return {}
    user, _, password = match.group(1).partition(":")
    said = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"http.https://{match.group(2)}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {said}",
    }


def _git(where: str, url: str, timeout_s: float, *args: str) -> str:
    """Runs git and returns what it printed. Raises GitFailed with git's last words, the address without its password in them."""
    environment = {
        **{k: v for k, v in os.environ.items() if k not in _OF_A_REPOSITORY},
        "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_ALLOW_PROTOCOL": ":".join(SCHEMES),
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C", **_credentials(url),
    }
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", *args]
    try:
        # Its own session, so that a timeout ends git's transport helpers too.
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )
    except FileNotFoundError:
        raise GitFailed(where=where, why=Reason("no_git", "there is no git on this machine")) from None
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise GitFailed(where=where, why=Reason("no_answer_within", "no answer within {seconds:g} s", seconds=timeout_s)) from None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    if process.returncode:
        said = err.decode(errors="replace").replace(url, where).strip()
        secret = re.match(r"\w+://([^/@]*)@", url)
        if secret:
            said = said.replace(secret.group(1), "…")
        ended = Reason("git_ended", "git ended with {code}", code=process.returncode)
        raise GitFailed(where=where, why=_telling_line(said)[:300] if said else ended)
    return out.decode(errors="replace")


def _telling_line(said: str) -> str:
    """The line of git's that says what failed: the first fatal one. The last one is often the end of a general advice ("... and the
    repository exists.")."""
    lines = said.splitlines()
    return next((line for line in lines if line.startswith(("fatal:", "error:", "ssh:"))), lines[-1]).rstrip(".")
