"""One text for one meaning: an own dump of the syntax tree, the same under every Python from 3.11 on.

``ast.dump`` and ``ast.unparse`` change between versions, so neither may enter a digest that is kept.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

# Positions, hints for type checkers and spelling; no meaning.
_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores", "lineno", "col_offset"})
_BODIES = frozenset({"body", "orelse", "finalbody"})
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def digest(*parts: str | bytes) -> str:
    """The SHA-256 (hex) of the parts, each with its length, so that no two lists of parts run together."""
    sha = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        sha.update(b"%d:" % len(data))
        sha.update(data)
    return sha.hexdigest()


def live(body: Iterable[ast.stmt], *, typing_only: bool = True) -> Iterator[ast.stmt]:
    """The statements that do something: no docstring, no ``pass``, nothing that only a type checker reads.

    ``typing_only=False`` keeps ``if TYPE_CHECKING:`` (the module gave that name a meaning of its own).
    """
    for node in body:
        if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        if isinstance(node, ast.If) and typing_only and (branch := _runtime_branch(node)) is not None:
            yield from live(branch)
        else:
            yield node


def _runtime_branch(node: ast.If) -> list[ast.stmt] | None:
    test = node.test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _is_type_checking(test.operand):
        return node.body
    return node.orelse if _is_type_checking(test) else None


def _is_type_checking(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING") or (
        isinstance(node, ast.Attribute)
        and node.attr == "TYPE_CHECKING"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("typing", "typing_extensions")
    )


def is_main_block(node: ast.stmt) -> bool:
    """Is it ``if __name__ == "__main__":``? Nothing in it runs on import."""
    if not (isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1):
        return False
    sides = [node.test.left, *node.test.comparators]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    return isinstance(node.test.ops[0], ast.Eq) and names == ["__name__"] and values == ["__main__"]


def dump(node: ast.AST, *, typing_only: bool = True) -> str:
    """The canonical text of a syntax tree: every node tagged, every string and list with its length."""
    out: list[str] = []
    _node(node, out, typing_only)
    return "".join(out)


# How a statement becomes text, by the number of the scheme. One that records were made with stays here for good, so that a
# newer pdp can tell whether the code is still what it was; which statements count is no part of it.
TEXTS: dict[int, Callable[..., str]] = {1: dump}


def _node(node: ast.AST, out: list[str], typing_only: bool) -> None:
    if isinstance(node, ast.Constant):
        out.append(_constant(node.value))
        return
    if isinstance(node, ast.JoinedStr):
        values = _joined(node.values)
        if all(isinstance(value, ast.Constant) for value in values):
            out.append(_constant("".join(str(value.value) for value in values if isinstance(value, ast.Constant))))
            return
        out.append("(JoinedStr")
        _list(values, out, typing_only)
        out.append(")")
        return
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(f for f in kind._fields if f not in _SKIPPED)
    out.append("(" + kind.__name__)
    for field in fields:
        value = getattr(node, field, None)
        if value is None or value == []:  # 3.13 and 3.14 add empty fields that older versions lack
            continue
        if isinstance(value, ast.AST):
            if field == "format_spec" and isinstance(value, ast.JoinedStr) and not _joined(value.values):
                continue
            out.append(" " + field + "=")
            _node(value, out, typing_only)
        elif isinstance(value, list):
            if field in _BODIES and not (value := list(live(value, typing_only=typing_only))):
                continue
            out.append(" " + field + "=")
            _list(value, out, typing_only)
        elif field != "level" or value:
            out.append(" " + field + "=" + _constant(value))
    out.append(")")


def _list(values: Sequence[object], out: list[str], typing_only: bool) -> None:
    out.append(f"[{len(values)}:")
    for value in values:
        if isinstance(value, ast.AST):
            _node(value, out, typing_only)
        else:
            out.append(_constant(value))
    out.append("]")


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string with neighbouring texts merged: versions split them differently."""
    merged: list[ast.expr] = []
    for value in values:
        if isinstance(value, ast.JoinedStr) and not merged and len(values) == 1:
            return _joined(value.values)
        if isinstance(value, ast.Constant):
            if value.value == "":
                continue
            if merged and isinstance(last := merged[-1], ast.Constant):
                merged[-1] = ast.Constant(str(last.value) + str(value.value))
                continue
        merged.append(value)
    return merged


def _constant(value: object) -> str:
    if isinstance(value, str):
        return f"s{len(value)}:{value}"
    if isinstance(value, bool) or value is None or value is Ellipsis:
        return f"k{value}"
    if isinstance(value, int):
        return f"i{value:x};"
    if isinstance(value, float):
        return f"f{value.hex()};"
    if isinstance(value, complex):
        return f"c{value.real.hex()},{value.imag.hex()};"
    if isinstance(value, bytes):
        return f"b{value.hex()};"
    raise TypeError(f"no canonical text for {type(value).__name__}")
