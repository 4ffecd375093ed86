"""What a stage may not do because its identity could not see it, or its result would not follow from its inputs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pdp.fingerprint.canon import is_main_block, live
from pdp.fingerprint.index import Index
from pdp.fingerprint.module import Module
from pdp.fingerprint.names import FUNCTIONS, chain_of
from pdp.fingerprint.special import covers


@dataclass(frozen=True)
class Finding:
    """One breach: ``str()`` of it is ``stages/merge.py:12 clock: ...``."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.rule}: {self.message}"


_SENTENCES = {
    "subclasses": "a list of subclasses depends on what happens to be imported; name the classes in a dict",
    "data-file": "the identity does not see this file; name it with resource('file.json')",
    "computed-import": "the identity cannot follow a computed import; import the module by name",
    "dynamic": "code and names made at run time cannot be followed; write them out",
    "environment": "a stage reads its config section, not the environment",
    "clock": "a stage has no clock; take the time as an input or from the config",
    "random": "a result must be the same twice; pass a seed to random.Random or numpy's default_rng",
    "path": "a stage has no path; tables come in, a table goes out",
    "network": "a stage has no network; a source fetches",
    "logger": "a stage has no logger; say it in the rows or in the schema's checks",
    "pickle": "an unpickled object brings code that the identity does not see",
}
# Outside names by rule; a name stands for all below it too.
_NAMES = {
    "data-file": "__file__ __path__ __spec__ pkgutil.get_data importlib.resources importlib_resources",
    "dynamic": "eval exec compile globals vars locals sys.modules sys.path sys.meta_path runpy importlib.util"
    " importlib.machinery importlib.reload inspect.getsource inspect.stack inspect.currentframe gc.get_objects"
    " pkgutil.iter_modules pkgutil.walk_packages pkgutil.resolve_name importlib.metadata sys._getframe ctypes",
    "environment": "os.environ os.environb os.getenv os.getcwd os.uname platform socket.gethostname getpass"
    " locale.getlocale locale.setlocale sys.argv pathlib.Path.home pathlib.Path.cwd os.path.expanduser",
    "clock": "datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today time.time"
    " time.time_ns time.localtime time.gmtime time.monotonic time.perf_counter time.strftime time.ctime"
    " pandas.Timestamp.now pandas.Timestamp.today pandas.Timestamp.utcnow pandas.to_datetime.now",
    "random": "random.random random.randint random.choice random.choices random.shuffle random.sample random.uniform"
    " random.seed random.gauss numpy.random.rand numpy.random.randn numpy.random.randint numpy.random.choice"
    " numpy.random.shuffle numpy.random.seed uuid.uuid1 uuid.uuid4 secrets os.urandom",
    "path": "open io.open os.open os.listdir os.walk os.scandir os.stat glob shutil tempfile input os.remove os.rename"
    " subprocess os.system os.popen pandas.read_csv pandas.read_json pandas.read_excel pandas.read_parquet"
    " pandas.read_table pandas.read_sql pandas.read_html pyarrow.parquet.read_table pyarrow.csv.read_csv sqlite3",
    "network": "socket ssl urllib.request http requests httpx aiohttp ftplib smtplib imaplib gspread googleapiclient",
    "logger": "logging warnings.warn print sys.stdout sys.stderr",
    "pickle": "pickle dill cloudpickle shelve marshal joblib.load pandas.read_pickle",
}
_BY_RULE = {rule: frozenset(text.split()) for rule, text in _NAMES.items()}
_IMPORTERS = frozenset({"importlib.import_module", "__import__", "importlib.__import__"})
_ATTRIBUTES = {
    "__subclasses__": "subclasses",
    "__globals__": "dynamic",
    "__builtins__": "dynamic",
    "f_globals": "dynamic",
    "f_locals": "dynamic",
    "read_text": "path",
    "read_bytes": "path",
    "write_text": "path",
    "write_bytes": "path",
    "iterdir": "path",
    "rglob": "path",
}


def lint(root: Path, package: str = "stages", allow: frozenset[str] = frozenset()) -> list[Finding]:
    """Every breach in the package's modules, in order of file and line; ``allow`` names rules that do not apply.

    Bytes read from ``resource("x.json").read_text()`` are fine: the identity holds that file.

    Raises:
        PdpError: A file is not valid Python.
    """
    index = Index(root)
    found = []
    for name in index.below(package):
        module = index.module(name)
        if module is not None and not index.is_test(name):
            found += [finding for finding in _Visitor(module).findings() if finding.rule not in allow]
    return sorted(set(found), key=lambda finding: (finding.file, finding.line, finding.rule, finding.message))


class _Visitor:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.imported: dict[str, str] = {}

    def findings(self) -> Iterator[Finding]:
        body = [n for n in live(self.module.tree.body, typing_only=self.module.typing_only) if not is_main_block(n)]
        nodes = [node for statement in body for node in ast.walk(statement)]
        for node in nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._remember(node)
        own = set(self.module.bindings)
        allowed = {id(n.func) for n in nodes if isinstance(n, ast.Call) and (self._importer(n) or _reads_resource(n))}
        inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        for node in nodes:
            if isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in allowed:
                yield from self._name(node, own, whole=id(node) not in inner)
            elif isinstance(node, FUNCTIONS) and node.name == "__init_subclass__":
                yield self._finding(node, "subclasses", node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from self._import(node)

    def _finding(self, node: ast.AST, rule: str, what: str) -> Finding:
        return Finding(self.module.file, getattr(node, "lineno", 1), rule, f"{what}: {_SENTENCES[rule]}")

    def _remember(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                self.imported[alias.asname or alias.name] = (
                    f"{node.module or ''}.{alias.name}" if not node.level else ""
                )
            else:
                self.imported[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )

    def _dotted(self, node: ast.expr) -> str | None:
        chain = chain_of(node)
        if chain is None:
            return None
        return ".".join((self.imported.get(chain[0], chain[0]), *chain[1:])).removeprefix("builtins.")

    def _importer(self, node: ast.Call) -> bool:
        """An import of a constant name, which the identity follows."""
        return (
            self._dotted(node.func) in _IMPORTERS
            and bool(node.args)
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        )

    def _name(self, node: ast.Name | ast.Attribute, own: set[str], *, whole: bool) -> Iterator[Finding]:
        if isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES:
            yield self._finding(node, _ATTRIBUTES[node.attr], node.attr)
        chain, dotted = chain_of(node), self._dotted(node)
        if not whole or chain is None or dotted is None or (chain[0] in own and chain[0] not in self.imported):
            return
        if dotted in _IMPORTERS:
            yield self._finding(node, "computed-import", dotted)
        for rule, names in _BY_RULE.items():
            if covers(names, dotted):
                yield self._finding(node, rule, dotted)

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
        """Importing a module that a stage has no use for is a breach already."""
        if isinstance(node, ast.ImportFrom) and node.level:
            return
        for alias in node.names:
            dotted = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            for rule, names in _BY_RULE.items():
                if covers(names, dotted):
                    yield self._finding(node, rule, dotted)


def _reads_resource(node: ast.Call) -> bool:
    """``resource("x.json").read_text()``."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    chain = chain_of(owner.func) if isinstance(owner, ast.Call) else None
    return chain is not None and chain[-1] == "resource"
