"""The names that need a rule of their own: what looks names up at run time, what changes things, what never does."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from pdp.fingerprint.names import BUILTINS, absolute_module, chain_of

if TYPE_CHECKING:
    from pdp.fingerprint.part import Part
    from pdp.fingerprint.scan import Scanner


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Any use of these can reach any code: the identity becomes that of the whole project.
WHOLE_PROJECT = frozenset({
    "eval", "exec", "compile", "globals", "vars", "locals", "sys.modules", "sys.path", "sys.meta_path",
    "sys.path_hooks", "runpy", "imp", "site.addsitedir", "importlib.util", "importlib.machinery", "importlib.reload",
    "importlib.import_module", "__import__", "importlib.__import__", "pkgutil.iter_modules", "pkgutil.walk_packages",
    "pkgutil.resolve_name", "importlib.metadata.entry_points", "zipimport", "gc.get_objects", "gc.get_referrers",
    "inspect.getmembers", "inspect.stack", "inspect.currentframe", "inspect.getsource", "inspect.getsourcelines",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "dill", "cloudpickle", "shelve", "joblib.load",
    "pandas.read_pickle", "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call",
    "subprocess.check_output", "os.system", "os.popen",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d]\w*")
_HANDLED_WHEN_CALLED = frozenset({"importlib.import_module", "__import__", "importlib.__import__", "vars", "locals"})
_WHOLE_PROJECT_ATTRIBUTES = frozenset({"__globals__", "f_globals", "f_locals", "__builtins__", "__loader__"})
_DATA_NAMES = frozenset({"__file__", "__path__", "__spec__"})
_DATA_READERS = frozenset({"pkgutil.get_data", "importlib.resources", "importlib_resources"})
_FRAME_READERS = frozenset({"query", "eval"})  # pandas looks "@NAME" up in the caller
_SQL_READERS = frozenset({"sql", "execute", "query"})  # duckdb and polars look table names up in the caller
_SQL_PACKAGES = frozenset({"duckdb", "polars", "pandasql"})

MUTATES = re.compile(
    r"_*(set|add|append|extend|insert|update|remove|discard|pop|clear|push|put|register|install|patch|configure|config"
    r"|enable|disable|seed|init|basicConfig|simplefilter|filterwarnings|use|activate|sort|reverse|subscribe|connect"
    r"|bind|attach|mount|include|rotate|shuffle|heap|insort|next|del|send|on_|monkey|override|inject|declare|hook"
    r"|i(or|and|xor|add|sub|mul)_|define|store|save|write|load_into|merge_into|record|track|note|count_up|bump)"
)
PURE_METHODS = _words(
    "get keys values items copy index count split rsplit splitlines partition strip lstrip rstrip join lower upper"
    " title format format_map replace startswith endswith encode decode match search fullmatch findall finditer sub"
    " isdigit union intersection difference symmetric_difference issubset issuperset read_text read_bytes exists"
    " joinpath with_suffix with_name resolve as_posix total_seconds isoformat date time strftime astimezone group"
    " groups sum mean min max astype to_dict to_list tolist removeprefix removesuffix casefold capitalize zfill"
    " sort_index sort_values sort_by set_index set_axis set_column add_column add_prefix add_suffix add_categories"
    " append_column remove_column set_field set_flags notna bind_partial"
    " fromkeys mro __len__ __contains__ __getitem__"
)
MUTATORS = _words(
    "setattr delattr next object.__setattr__ type.__setattr__ object.__delattr__ type.__delattr__ list.append"
    " list.extend list.insert list.pop list.remove list.clear list.sort list.reverse list.__setitem__ dict.update"
    " dict.setdefault dict.pop dict.popitem dict.clear dict.__setitem__ set.add set.update set.discard set.remove"
    " set.clear operator.setitem operator.delitem operator.iadd operator.ior operator.iconcat random.shuffle"
    " heapq.heappush heapq.heappop heapq.heapify heapq.heapreplace heapq.heappushpop bisect.insort bisect.insort_left"
    " bisect.insort_right functools.update_wrapper"
)
# Their result shares nothing with what they are given.
COPIES = _words(
    "str int float bool bytes complex len sum repr hash format range abs round ord chr isinstance issubclass callable"
    " id hasattr re.compile copy.deepcopy json.dumps any all print pow divmod bin hex oct ascii"
    " datetime.timedelta datetime.date datetime.time datetime.datetime decimal.Decimal fractions.Fraction"
)
# Decorators that change nothing but what they decorate.
PASSIVE = _words(
    "property staticmethod classmethod dataclass dataclasses.dataclass functools.lru_cache functools.cache"
    " functools.cached_property functools.wraps functools.total_ordering functools.singledispatch"
    " functools.singledispatchmethod functools.partial contextlib.contextmanager contextlib.asynccontextmanager"
    " abc.abstractmethod typing.overload typing.final typing.override typing.runtime_checkable typing.no_type_check"
    " typing_extensions.override enum.unique enum.verify enum.member enum.nonmember pydantic.field_validator"
    " pydantic.model_validator pydantic.computed_field pydantic.field_serializer pydantic.model_serializer"
    " pydantic.validator pydantic.root_validator pydantic.dataclasses.dataclass pydantic.validate_call"
    " warnings.deprecated typing_extensions.deprecated"
)
# What Python runs to make an object; there `self` is new.
CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "__set_name__", "model_post_init", "__setattr__"})
SILENT = frozenset({"print", "setattr", "delattr", "warnings.warn", "super"})


def mutates(method: str) -> bool:
    """By its name, may the method change its object?"""
    return method not in PURE_METHODS and MUTATES.match(method) is not None


def covers(names: frozenset[str], dotted: str) -> bool:
    """Is the dotted name, or what holds it, among the names?"""
    parts = dotted.split(".")
    return any(".".join(parts[:n]) in names for n in range(1, len(parts) + 1))


def mark(part: Part, dotted: set[str], line: int, *, called: bool) -> None:
    """Note in the part what a use of a name of the world outside means."""
    for name in dotted:
        if covers(WHOLE_PROJECT, name) and not (called and name in _HANDLED_WHEN_CALLED):
            part.dynamic.append((name, line))
        elif name in _DATA_NAMES:
            part.resources.append((None, line))
        elif covers(_DATA_READERS, name):
            part.resources.append(("/", line))
        elif name.endswith(".resource") and not called:
            part.resources.append((None, line))
        if name in ("__doc__", "inspect.getdoc"):
            part.docs = True


def mark_attribute(part: Part, attr: str, line: int) -> None:
    """Note what reading an attribute of anything means."""
    if attr in _WHOLE_PROJECT_ATTRIBUTES:
        part.dynamic.append((attr, line))
    part.docs |= attr == "__doc__"
    part.subclasses |= attr == "__subclasses__"


def call(scanner: Scanner, node: ast.Call, dotted: set[str]) -> bool:
    """Apply the rule of a special call; True when its parts are visited too and nothing is left to do."""
    part = scanner.part
    chain = chain_of(node.func)
    if dotted & {"importlib.import_module", "__import__", "importlib.__import__"}:
        _import(scanner, node)
    elif dotted & {"vars", "locals"} and not node.args and not (node.keywords):
        part.dynamic.append((min(dotted), node.lineno))
    elif dotted & {"getattr", "hasattr", "setattr", "delattr"} and len(node.args) > 1:
        return _attribute(scanner, node, store=bool(dotted & {"setattr", "delattr"}))
    elif dotted & MUTATORS and node.args:
        found, given = scanner.roots(node.args[0])
        part.writes |= found
        part.writes_given |= given
    if chain is not None and (chain[-1] == "resource" or any(d.split(".")[-1] == "resource" for d in dotted)):
        part.resources.append((_constant_argument(node), node.lineno))
    if isinstance(node.func, ast.Attribute):
        _lookup_in_text(scanner, node, node.func.attr)
    return False


def _import(scanner: Scanner, node: ast.Call) -> None:
    name = _module_named(scanner, node)
    if name is None:
        scanner.part.dynamic.append(("a computed import", node.lineno))
        return
    scanner.part.loads.append(name)
    scanner.part.uses.add(("", *name.split(".")))
    if chain_of(node.func) == ("__import__",):
        scanner.part.uses.add(("", name.split(".")[0]))


def _module_named(scanner: Scanner, node: ast.Call) -> str | None:
    """The constant module of ``import_module("stages.units")``, relative ones made absolute."""
    if not node.args or not isinstance(first := node.args[0], ast.Constant) or not isinstance(first.value, str):
        return None
    level = len(first.value) - len(first.value.lstrip("."))
    if not level:
        return first.value
    anchor = node.args[1] if len(node.args) > 1 else node.keywords[0].value if node.keywords else None
    if isinstance(anchor, ast.Constant) and isinstance(anchor.value, str):
        return absolute_module(first.value.lstrip("."), level, anchor.value)
    if isinstance(anchor, ast.Name) and anchor.id == "__package__":
        return absolute_module(first.value.lstrip("."), level, scanner.package)
    return None


def _attribute(scanner: Scanner, node: ast.Call, *, store: bool) -> bool:
    owner, key = node.args[0], node.args[1]
    chain = chain_of(owner)
    name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
    if store:
        if chain is not None and scanner.chains(chain):
            scanner.part.rebinds.update((*one, name or "*") for one in scanner.chains(chain))
        else:
            found, given = scanner.roots(owner)
            scanner.part.writes |= found
            scanner.part.writes_given |= given
    if name is None or chain is None or not scanner.chains(chain):
        if name is not None:
            mark_attribute(scanner.part, name, node.lineno)
            scanner.part.attrs.add(name)
        return False
    scanner.part.runs = True
    mark_attribute(scanner.part, name, node.lineno)
    scanner.part.attrs.add(name)
    if store:
        scanner.part.soft.update((*one, name) for one in scanner.chains(chain))
        own = [one for one in scanner.chains(chain) if len(one) == 1 and one[0] not in scanner.imported]
        scanner.part.uses.update(own)
    else:
        scanner.use((*chain, name), node.lineno)
    for value in [*node.args[2:], *(keyword.value for keyword in node.keywords)]:
        scanner.visit(value)
    return True


def _constant_argument(node: ast.Call) -> str | None:
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    if len(values) >= 1 and isinstance(values[0], ast.Constant) and isinstance(values[0].value, str):
        return values[0].value
    return None


def _lookup_in_text(scanner: Scanner, node: ast.Call, attr: str) -> None:
    packages = {target.split(".")[0] for targets in scanner.imported.values() for target in targets}
    if attr not in _FRAME_READERS and not (attr in _SQL_READERS and packages & _SQL_PACKAGES):
        return
    for value in [*node.args[:1], *(k.value for k in node.keywords if k.arg in ("expr", "query", "sql"))]:
        if isinstance(value, ast.Constant):
            words = _WORD.findall(str(value.value))
            scanner.part.soft.update((word,) for word in words if word not in BUILTINS)
        else:
            scanner.part.uses.add(("", *scanner.module.split(".")))
