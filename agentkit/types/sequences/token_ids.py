"""Token ids that share with those before them what the two have in common."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

_STEPS = 4
"""Sequences before one of token ids that are looked at for what two have in common."""


class TokenIds(Sequence[int]):
    """An immutable sequence of token ids that shares what it has in common with the sequence before
    it.

    A server that returns the prompt's ids returns the whole history at every turn; kept as
    `base[:shared] + own`, a rollout's memory grows with its tokens and not with their square. Reads
    like a tuple of ints; `len`, slices, iteration and equality are linear at worst.
    """

    __slots__ = ("_base", "_own", "_shared")

    def __init__(self, ids: Iterable[int] = (), *, base: TokenIds | None = None) -> None:
        own = ids._flat() if isinstance(ids, TokenIds) else array("q", ids)
        shared = 0
        if base is not None:
            shared = _common_prefix(base._flat(), own)
        self._base = base if shared else None
        self._shared = shared
        self._own = own[shared:] if shared else own

    def _flat(self) -> array[int]:
        parts: list[array[int]] = []
        node: TokenIds | None = self
        limit = len(self)
        while node is not None:
            parts.append(node._own[: max(0, limit - node._shared)])
            limit = min(limit, node._shared)
            node = node._base
        flat = array("q")
        for part in reversed(parts):
            flat.extend(part)
        return flat

    @property
    def shared(self) -> int:
        """How many leading ids are shared with the sequence before."""
        return self._shared

    def common(self, other: Iterable[int]) -> int:
        """Count the leading ids that the two have in common."""
        if not isinstance(other, TokenIds):
            return _common_prefix(self._flat(), array("q", other))
        known = self._known_common(other)
        return known + _common_prefix(self._from(known), other._from(known))

    def _known_common(self, other: TokenIds) -> int:
        """Count leading ids that the two are known to have in common, as both share them with the
        same sequence before.
        """
        mine = {id(node): limit for node, limit in self._nearest()}
        shared = (min(limit, mine.get(id(node), 0)) for node, limit in other._nearest())
        return next(filter(None, shared), 0)

    def _nearest(self) -> Iterator[tuple[TokenIds, int]]:
        """Yield itself and the sequences before it, with how many ids it has in common with each;
        a few, as more would be as long a way as comparing.
        """
        node: TokenIds | None = self
        limit = len(self)
        for _ in range(_STEPS):
            if node is None:
                return
            yield node, limit
            limit = min(limit, node._shared)
            node = node._base

    def _from(self, start: int, stop: int | None = None) -> array[int]:
        """Copy what is behind a position; linear in that, where it lies behind what is shared."""
        stop = len(self) if stop is None else stop
        if start >= self._shared:
            return self._own[start - self._shared : max(0, stop - self._shared)]
        parts: list[array[int]] = []
        node: TokenIds | None = self
        while node is not None and start < stop:
            begin = max(0, start - node._shared)
            parts.append(node._own[begin : max(begin, stop - node._shared)])
            stop = min(stop, node._shared)
            node = node._base
        found = array("q")
        for part in reversed(parts):
            found.extend(part)
        return found

    def __add__(self, other: Iterable[int]) -> TokenIds:
        """Join these ids and the others to a sequence that goes on from these."""
        joined = TokenIds(other)
        if len(self):
            joined._base, joined._shared = self, len(self)
        return joined

    def __len__(self) -> int:
        return self._shared + len(self._own)

    def __iter__(self) -> Iterator[int]:
        return iter(self._flat())

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        start, stop, step = index.indices(len(self)) if isinstance(index, slice) else (0, 0, 0)
        if step == 1:
            return tuple(self._from(start, stop))
        return tuple(self._flat()[index]) if isinstance(index, slice) else self._flat()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TokenIds):
            return len(self) == len(other) and self._flat() == other._flat()
        if isinstance(other, (tuple, list)):
            return len(self) == len(other) and list(self._flat()) == list(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._flat()))

    def __repr__(self) -> str:
        head = ", ".join(str(i) for i in self[:6])
        return f"<TokenIds {len(self)}: {head}{', …' if len(self) > 6 else ''}>"


def _common_prefix(a: array[int], b: array[int]) -> int:
    """Count the leading items two arrays share, by bisection: slices compare at memory speed."""
    size = min(len(a), len(b))
    if a[:size] == b[:size]:
        return size
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return low
