"""Which words of C mean what to the reader: keywords, types, and calls that only hand a value on."""
from __future__ import annotations

import re

STORAGE = frozenset("static extern inline __inline __inline__ register typedef auto _Thread_local __thread _Noreturn __extension__".split())
QUALIFIERS = frozenset("const volatile restrict __restrict __restrict__ __const __volatile__ _Atomic".split())
BUILTIN = frozenset("void char short int long float double signed unsigned _Bool bool __signed__ __int128 _Complex".split())
TAGS = frozenset("struct union enum".split())
ATTRIBUTES = frozenset("__attribute__ __attribute __declspec _Alignas alignas __asm__ asm __asm".split())
CONTROL = frozenset("if for while switch return sizeof do else case goto typeof __typeof__ __typeof _Alignof defined catch".split())
TYPEOF = frozenset("typeof __typeof__ __typeof".split())
STATIC_ASSERT = frozenset("static_assert _Static_assert".split())
# No macro of such a name is taken for one (`#define if(x) if (counted(x))`): all code would be written in it.
KEYWORDS = STORAGE | QUALIFIERS | BUILTIN | TAGS | STATIC_ASSERT | TYPEOF | (CONTROL - {"defined", "catch"}) | frozenset(
    "break continue default asm alignas alignof".split())
NOT_NAMES = frozenset(("NULL", "true", "false", "nullptr", "TRUE", "FALSE"))
# Calls that only hand their first argument on (macros of the kernel and of C11; the result is the argument).
PASS_ON = frozenset(
    (
        "rcu_dereference",
        "rcu_dereference_raw",
        "rcu_dereference_protected",
        "rcu_dereference_check",
        "rcu_dereference_bh",
        "rcu_dereference_rtnl",
        "rtnl_dereference",
        "rcu_access_pointer",
        "READ_ONCE",
        "ACCESS_ONCE",
        "WRITE_ONCE",
        "smp_load_acquire",
        "atomic_load",
        "likely",
        "unlikely",
        "atomic_load_explicit",
        "RCU_INITIALIZER",
        "__builtin_expect",
        "ERR_CAST",
        "get_unaligned",
        "uv_upgrade",
        "srcu_dereference",
        "xchg",
        "lockless_dereference",
        "va_arg",
        "__va_arg",
    )
)
STORE_SECOND = frozenset(
    ("rcu_assign_pointer", "RCU_INIT_POINTER", "WRITE_ONCE", "smp_store_release", "atomic_store", "smp_store_mb", "xchg")
)
# Position of the type among the arguments; -1: the result's type is not told by them.
CONTAINER = {"container_of": 1, "list_entry": 1, "list_first_entry": 1, "hlist_entry": 1, "rb_entry": 1, "container_of_const": 1,
             "from_timer": -1, "CONTAINER_OF": 1, "containerof": 1, "rb_entry_safe": 1, "list_last_entry": 1, "hlist_entry_safe": 1,
             "wl_container_of": -1}
_SPACE = re.compile(r"\s+")


def one_space(text: str) -> str:
    """Runs of blanks as one space each."""
    return _SPACE.sub(" ", text) if "\n" in text or "\t" in text or "  " in text else text


def macro_like(word: str) -> bool:
    """Whether a word is more likely a macro than a type or a name: ALL_CAPS or `__annotation` (`__u32`, `__be16` are types)."""
    if word.startswith("__"):
        return re.match(r"__(?:[us]|le|be|int|m|sum)\d|__kernel_|__poll", word) is None
    return word.isupper() and len(word) > 1
