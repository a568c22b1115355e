"""What does a place in a source tell before any flow is looked at: a test, another program, another system, an #if, C++?

>>> is_test("tests/regress_http.c"), is_foreign("src/win32/pipe.c", "pipe_open")
(True, True)
"""
from __future__ import annotations

import re

from curation.csource.sources.files import CPP_SUFFIXES

_TEST = re.compile(
    r"(?:^|/)(?:tests?|testing|testsuite|unittests?|selftests?|examples?|samples?|demos?|contrib|fuzz\w*|bench\w*|tutorials?)/"
    r"|(?:^|/)(?:test|unittest|bench|fuzz|regress|example|demo)[^/]*$|[_-](?:tests?|bench|demo|example|regress)\.[^/.]+$",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"(?:^|[/_.\d-])(?:win|win32|win64|winnt|windows|w32|msdos|dos|os2|vms|amiga|macos|macosx|mac|darwin|osx|wince|djgpp|solaris|sunos|aix|"
    r"hpux|irix|freebsd|netbsd|openbsd|bsd|kqueue|haiku|beos|qnx|os390|zos|ibmi|nt|epoc|riscos|symbian)(?=[/_.\d-]|$)",
    re.IGNORECASE,
)
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|else|elif|endif)\b[ \t]*([^\n]*)", re.MULTILINE)
_GUARD = re.compile(r"[A-Za-z_]\w*_[Hh]_*\s*$|.*__cplusplus")
_CPP = re.compile(
    r"^[ \t]*(?:template[ \t]*<|namespace(?:[ \t]++\w++)*+\s*+\{|using[ \t]+namespace\b"
    r"|class[ \t]++(?:\w++[ \t]++)?\w+\s*+(?:\{|:\s*(?:public|private|protected)\b))", re.MULTILINE)


def is_cplusplus(file: str, text: str) -> bool:
    """Whether a file holds C++, where a method's call looks like one through a pointer. What stands under `#ifdef __cplusplus` does not
    make it C++."""
    if file.lower().endswith(CPP_SUFFIXES):
        return True
    found = _CPP.search(text)
    return found is not None and ("__cplusplus" not in text or _CPP.search(_without_guarded(text)) is not None)


def _without_guarded(text: str) -> str:
    """Without the first branches of `#if` whose condition names __cplusplus."""
    kept: list[str] = []
    start = depth = 0  # of what is kept; how many #if deep within a branch that is not, 0 outside of one
    for directive in _DIRECTIVE.finditer(text):
        word, condition = directive.groups()
        if depth == 0:
            if word.startswith("if") and "__cplusplus" in condition:
                kept.append(text[start:directive.start()])
                depth = 1
        elif word.startswith("if"):
            depth += 1
        elif word == "endif" or depth == 1:
            depth -= 1
            start = directive.end()
    return "".join([*kept, text[start:] if depth == 0 else ""])


def is_test(file: str) -> bool:
    """Whether the path is that of a test, an example or a benchmark."""
    return _TEST.search(file) is not None


def is_foreign(file: str, name: str) -> bool:
    """Whether the path or the function's name tells of a system other than Linux."""
    return _FOREIGN.search(file) is not None or _FOREIGN.search(name) is not None


def conditional_lines(text: str) -> list[tuple[int, int]]:
    """(first, last) 1-based lines from an #if to its #endif, include guards and __cplusplus left out, in order of their first line;
    groups that hold others are listed with them."""
    if "#" not in text:
        return []
    found: list[tuple[int, int]] = []
    stack: list[tuple[int, bool]] = []
    line = at = 0
    for directive in _DIRECTIVE.finditer(text):
        line += text.count("\n", at, directive.start())
        at = directive.start()
        word, condition = directive.groups()
        if word.startswith("if"):
            stack.append((line + 1, bool(_GUARD.match(condition)) or (word == "ifndef" and not stack and not found)))
        elif word == "endif" and stack:
            start, guard = stack.pop()
            if not guard:
                found.append((start, line + 1))
    return sorted(found)
