"""Which elements of a brace list stand at the same position, since conditional compilation takes one or the other?

>>> found = Alternatives([(2, 4, "ifdef A"), (4, 6, "else of ifdef A")])
>>> found.around(3), found.around(5), found.around(7)
([(2, 6, 0)], [(2, 6, 1)], [])

All branches are read, so without this `f, #if A g, #else h, #endif k` would put k one too far.
"""
from __future__ import annotations

from bisect import bisect_left


class Alternatives:
    """conditions: (first line, last line, condition) of each branch, as prepare.py tells them. Falsy where no group has a second branch."""

    def __init__(self, conditions: list[tuple[int, int, str]]) -> None:
        groups: list[list[tuple[int, int]]] = []
        opened: dict[int, list[tuple[int, int]]] = {}  # by the line of the directive that ends the last branch so far
        for first, last, condition in conditions:
            if condition.startswith(("else", "elif")) and first in opened:
                group = opened.pop(first)
                group.append((first, last))
            else:
                group = [(first, last)]
                groups.append(group)
            opened[last] = group
        self._groups = sorted(group for group in groups if len(group) > 1)
        self._starts = [group[0][0] for group in self._groups]
        self._outer: list[int] = []  # of each group the one around it, -1 for none
        for number, group in enumerate(self._groups):
            outer = number - 1
            while outer >= 0 and self._groups[outer][-1][1] < group[-1][1]:
                outer = self._outer[outer]
            self._outer.append(outer)

    def __bool__(self) -> bool:
        return bool(self._groups)

    def around(self, line: int) -> list[tuple[int, int, int]]:
        """(first line, last line, 0-based branch) of each group of several branches around a line, the outermost first."""
        found: list[tuple[int, int, int]] = []
        number = bisect_left(self._starts, line) - 1
        while number >= 0:
            group = self._groups[number]
            if group[-1][1] > line:
                found.append((group[0][0], group[-1][1], sum(first < line for first, _ in group) - 1))
            number = self._outer[number]
        return found[::-1]


class ElementPositions:
    """The position of the next element of one brace list, as its lines come. alternatives: of the file."""

    def __init__(self, alternatives: Alternatives, opened: int) -> None:
        """opened: the line of the brace; groups that began before it do not count."""
        self.alternatives, self.opened = alternatives, opened
        self.stack: list[list[int]] = []  # of each group that we are in: first line, last line, branch, position at its start, most

    def at(self, line: int, position: int) -> int:
        """The position of an element on a line, where `position` is the number of those before it."""
        while self.stack and self.stack[-1][1] < line:
            position = max(position, self.stack.pop()[4])
        depth = 0
        for first, last, branch in self.alternatives.around(line):
            if first <= self.opened:
                continue
            if depth == len(self.stack):
                self.stack.append([first, last, branch, position, position])
            known = self.stack[depth]
            if known[2] != branch:
                while len(self.stack) > depth + 1:
                    position = max(position, self.stack.pop()[4])
                known[4] = max(known[4], position)
                known[2], position = branch, known[3]
            depth += 1
        return position

    def ended(self, line: int, position: int) -> None:
        """The element at a position ends on a line; where that is in a branch that it did not begin in (`A | #if X B, #else C, #endif`),
        the other branches go on with it."""
        groups = [group for group in self.alternatives.around(line) if group[0] > self.opened]
        for first, last, branch in groups[len(self.stack):]:
            self.stack.append([first, last, branch, position, position + 1])
