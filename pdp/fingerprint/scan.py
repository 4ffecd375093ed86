"""What one top-level statement uses, writes and calls, by the rules of Python's scopes. Nothing is resolved here."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from pdp.fingerprint import special
from pdp.fingerprint.canon import live
from pdp.fingerprint.flow import Flow, Scope
from pdp.fingerprint.names import (
    FUNCTIONS,
    Chain,
    Local,
    bound_names,
    chain_of,
    import_targets,
    parameters,
)
from pdp.fingerprint.part import Part

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*([.:][^\W\d]\w*)(\.\w+)*")

_HANDLERS: dict[type[ast.AST], Callable[[Scanner, ast.AST], None]] = {}


class Scanner(Flow):
    """Walks one top-level statement. ``imported``: name -> dotted targets of the module's own imports."""

    def __init__(
        self, package: str, module: str, imported: Mapping[str, list[str]], typing_only: bool, walrus: bool
    ) -> None:
        self.walrus = walrus
        super().__init__(imported)
        self.package, self.module, self.typing_only = package, module, typing_only
        self.parts: list[Part] = [Part("")]
        self.part = self.parts[0]

    def use(self, chain: Chain, line: int, *, called: bool = False) -> None:
        local, soft = self.find(chain[0])
        for one in self.chains(chain):
            (self.part.soft if soft and local is None else self.part.uses).add(one)
        if local is None or local.imports:
            special.mark(self.part, self.dotted(chain), line, called=called)

    def visit(self, node: ast.AST) -> None:
        kind = type(node)
        if kind not in _HANDLERS:
            _HANDLERS[kind] = getattr(Scanner, "on_" + kind.__name__, Scanner.children)
        _HANDLERS[kind](self, node)

    def children(self, node: ast.AST) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                self.visit(value)
            elif isinstance(value, list) and value:
                if isinstance(value[0], ast.stmt):
                    self.block(value)
                else:
                    for item in value:
                        if isinstance(item, ast.AST):
                            self.visit(item)

    def block(self, body: Iterable[ast.stmt]) -> None:
        for node in live(body, typing_only=self.typing_only):
            self.visit(node)

    def write(self, target: ast.expr) -> None:
        """An attribute or an item of something is set: note whose."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.write(element)
        elif isinstance(target, ast.Starred):
            self.write(target.value)
        elif isinstance(target, ast.Attribute) and (chain := chain_of(target)) and self.chains(chain):
            self.part.rebinds.update(self.chains(chain))
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            if (name := self.globals_item(target)) is not None:
                self.part.rebinds.add((name,))
                return
            found, given = self.roots(target.value)
            self.part.writes |= found
            self.part.writes_given |= given

    def globals_item(self, node: ast.expr) -> str | None:
        """``globals()["x"]`` -> ``"x"``."""
        if isinstance(node, ast.Subscript) and isinstance(call := node.value, ast.Call) and not call.args:
            key = node.slice
            if self.dotted(chain_of(call.func)) == {"globals"} and isinstance(key, ast.Constant):
                return str(key.value)
        return None

    def flow(self, value: ast.expr | None, *, returned: bool = False) -> None:
        """What a global is bound to, or what a body gives back; a local is followed when it is used."""
        if returned or self.part.name == "":
            found, given = self.roots(value)
            self.part.flows |= found
            self.part.returns_given |= given

    def on_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.write(target)
        if any(not isinstance(target, ast.Name) for target in node.targets):
            self.part.stores |= self.roots(node.value)[0]
        self.flow(node.value)
        self.children(node)

    def on_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.write(node.target)
            self.flow(node.value)
        self.visit(node.target)
        self.annotation(node.annotation)
        if node.value is not None:
            self.visit(node.value)

    def on_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            local, _ = self.find(node.target.id)
            if local is None:
                self.part.rebinds.add((node.target.id,))
            else:
                found, given = self.roots(node.target)
                self.part.writes |= found
                self.part.writes_given |= given
        self.write(node.target)
        self.flow(node.value)
        self.children(node)

    def on_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.write(target)
        self.children(node)

    def on_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.part.runs = True
        self.write(node.target)
        self.flow(node.iter)
        self.children(node)

    on_AsyncFor = on_For

    def on_withitem(self, node: ast.withitem) -> None:
        self.part.runs = True
        if node.optional_vars is not None:
            self.write(node.optional_vars)
        self.flow(node.context_expr)
        self.children(node)

    def on_Return(self, node: ast.Return | ast.Yield | ast.YieldFrom) -> None:
        self.flow(node.value, returned=True)
        self.children(node)

    on_Yield = on_YieldFrom = on_Return

    def on_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.flow(node.value)
        self.children(node)

    def on_Raise(self, node: ast.AST) -> None:
        self.part.world |= self.part.name == ""
        self.children(node)

    on_Assert = on_Raise

    def on_BinOp(self, node: ast.AST) -> None:
        self.part.runs = True  # operators of project classes are calls
        self.children(node)

    on_Compare = on_UnaryOp = on_Await = on_BinOp

    def on_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            func: ast.expr = value.func
            while chain_of(func) is None and isinstance(func, (ast.Call, ast.Attribute, ast.Subscript)):
                func = func.func if isinstance(func, ast.Call) else func.value
            chain = chain_of(func)
            chains = self.chains(chain) if chain else []
            self.part.said.update(chains)
            self.part.calls.update({one: self.part.calls.get(one, 0) for one in chains})
            self.part.world |= self.part.name == "" and not chains
            if not chains:
                self.part.writes_given |= chain is not None and self.roots(func)[1]
        elif not isinstance(value, (ast.Yield, ast.YieldFrom)):
            self.part.world |= self.part.name == ""
        self.visit(node.value)

    def on_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.use((node.id,), node.lineno)
        elif any(node.id in scope.globals for scope in self.scopes) and self.find(node.id)[0] is None:
            self.part.rebinds.add((node.id,))

    def on_Attribute(self, node: ast.Attribute) -> None:
        self.attribute(node, called=False)

    def attribute(self, node: ast.Attribute, *, called: bool) -> None:
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            self.part.attrs.add(inner.attr)
            special.mark_attribute(self.part, inner.attr, inner.lineno)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self.visit(inner)
        elif (chain := chain_of(node)) is not None:
            if isinstance(node.ctx, ast.Load):
                self.use(chain, node.lineno, called=called)
            else:
                self.part.soft.update(self.chains(chain))

    def on_Subscript(self, node: ast.Subscript) -> None:
        self.part.runs = True  # __class_getitem__, __getitem__
        if (name := self.globals_item(node)) is not None:
            self.part.uses.add((name,))
            return
        self.children(node)

    def on_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and len(node.value) < 200 and _DOTTED.fullmatch(node.value):
            self.part.soft.add(("", *re.split("[.:]", node.value)))

    def on_Call(self, node: ast.Call) -> None:
        self.part.runs = True
        chain = chain_of(node.func)
        if special.call(self, node, self.dotted(chain)):
            return
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        args, given = set(), False
        for value in values:
            found, also = self.roots(value)
            args |= found
            given |= also
        level = 2 if any(self.is_local_code(value) for value in values) else int(given)
        if self.roots(node.func)[1]:
            self.part.given_calls.add(node.func.attr if isinstance(node.func, ast.Attribute) else "")
        chains = self.chains(chain) if chain else []
        self.part.hands_on.update(chains if given else ())
        for one in chains:
            self.part.calls[one] = max(self.part.calls.get(one, 0), level)
            self.part.args.setdefault(one, set()).update(args)
        if not chains:
            self.part.args.setdefault(("", "?"), set()).update(args)
        in_place = any(keyword.arg == "inplace" for keyword in node.keywords)
        if isinstance(node.func, ast.Attribute) and not chains and (in_place or special.mutates(node.func.attr)):
            found, given = self.roots(node.func.value)
            self.part.writes |= found
            self.part.writes_given |= given
        self.callee(node.func)
        for value in values:
            self.visit(value)

    def is_local_code(self, value: ast.expr) -> bool:
        local = self.find(value.id)[0] if isinstance(value, ast.Name) else None
        return isinstance(value, ast.Lambda) or (local is not None and local.code)

    def callee(self, node: ast.expr) -> None:
        if isinstance(node, ast.Attribute):
            self.attribute(node, called=True)
        elif isinstance(node, ast.Name):
            self.use((node.id,), node.lineno, called=True)
        else:
            self.visit(node)

    def on_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        if not self.scopes:
            return  # a top-level import binds names; the module keeps those
        for name, chain, loaded in import_targets(node, self.package):
            self.part.loads.append(loaded)
            if isinstance(node, ast.ImportFrom):
                self.part.uses.add(chain[:-1] if name == "*" else chain)
            elif name in self.scopes[-1].globals:
                self.part.uses.add(chain)
            special.mark(self.part, {".".join(chain[1:])}, node.lineno, called=True)

    on_ImportFrom = on_Import

    # -- definitions ---------------------------------------------------------------------------------------------

    def decorate(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.part.runs = True
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            chains = self.chains(chain) if (chain := chain_of(func)) else []
            self.part.decorators.update(chains)
            self.part.calls.update(dict.fromkeys(chains, 2))
            self.part.world |= not chains and not self.part.name and not self.scopes
            self.part.given_calls.update({""} if self.roots(func)[1] else ())
            self.visit(decorator) if isinstance(decorator, ast.Call) else self.callee(decorator)

    def on_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        in_class = bool(self.scopes) and all(scope.is_class for scope in self.scopes)
        self.decorate(node)
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
                self.flow(default)
        self.type_parameters(node)
        a = node.args
        for arg in [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]:
            self.annotation(arg.annotation)
        self.annotation(node.returns)
        self.body_of(node, node.body, node.name if in_class else "*")
        self.scopes.pop()

    on_AsyncFunctionDef = on_FunctionDef

    def on_Lambda(self, node: ast.Lambda) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        self.scopes.append(Scope({}, set()))
        self.body_of(node, [node.body], "*")
        self.scopes.pop()

    def body_of(self, node: ast.AST, body: Sequence[ast.AST], part_name: str) -> None:
        """Scan a body that runs later; inside a body that runs later already, it is the same part."""
        assert isinstance(node, (*FUNCTIONS, ast.Lambda))
        names, outer = bound_names(body, self.package, self.walrus)
        given = parameters(node)
        own = part_name != "*" and part_name in special.CONSTRUCTORS
        for index, name in enumerate(given):
            names.setdefault(name, Local()).handed_in = not (own and index == 0)
        a = node.args
        positional = [*a.posonlyargs, *a.args]
        defaults = [
            *zip(reversed(positional), reversed(a.defaults), strict=False),
            *zip(a.kwonlyargs, a.kw_defaults, strict=True),
        ]
        for arg, default in defaults:
            names[arg.arg].holds |= self.roots(default)[0]
        before = self.part
        if before.name == "":
            self.part = Part(part_name)
            self.part.decorated = any(
                not self.dotted(chain_of(d.func if isinstance(d, ast.Call) else d)) <= special.PASSIVE
                for d in getattr(node, "decorator_list", ())
            )
            self.parts.append(self.part)
        self.scopes.append(Scope(names, outer))
        if isinstance(node, ast.Lambda):
            self.flow(node.body, returned=True)
            self.visit(node.body)
        else:
            self.block(node.body)
        self.scopes.pop()
        self.part = before

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        self.part.runs = True
        self.decorate(node)
        self.type_parameters(node)
        for base in [*node.bases, *(keyword.value for keyword in node.keywords)]:
            self.visit(base)
            roots, _ = self.roots(base)
            for one in roots:
                self.part.args.setdefault(one, set()).update(roots)
        names, outer = bound_names(node.body, self.package, self.walrus)
        self.scopes.append(Scope(names, outer, is_class=True))
        self.block(node.body)
        self.scopes.pop()
        self.scopes.pop()

    def type_parameters(self, node: ast.AST) -> None:
        """Open the scope of ``[T: Bound]``; the caller closes it."""
        params = getattr(node, "type_params", None) or []
        self.scopes.append(Scope({param.name: Local() for param in params}, set(), is_class=not params))
        for param in params:
            self.children(param)

    def comprehension(self, node: ast.expr) -> None:
        self.part.runs = True
        self.visit(node.generators[0].iter)  # type: ignore[attr-defined]  # seen from outside
        self.scopes.append(Scope(self.targets(node), set()))
        self.children(node)
        self.scopes.pop()

    on_ListComp = on_SetComp = on_DictComp = on_GeneratorExp = comprehension

    def annotation(self, node: ast.expr | None) -> None:
        """An annotation; the texts in it are names too, as pydantic and dataclasses read them."""
        if node is None:
            return
        runs = self.part.runs
        self.visit(node)
        if isinstance(node, ast.Name):
            return
        if not any(isinstance(inner, ast.Call) for inner in ast.walk(node)):
            self.part.runs = runs  # `dict[str, int]` makes a type and nothing else
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                try:
                    expression = ast.parse(inner.value, mode="eval").body
                except (SyntaxError, ValueError):
                    continue
                for name in ast.walk(expression):
                    if isinstance(name, (ast.Name, ast.Attribute)) and (chain := chain_of(name)):
                        self.part.soft.update(self.chains(chain))
