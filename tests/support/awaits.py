"""Every await of chosen modules, made a point at which a test can step in.

The modules' own source is compiled once more with each `await x` as `await step_in(site, x)`, each
`async with` and `async for` alike, and the compiled code is put in place of the functions' own for
as long as `instrumented` lasts. So no await can be forgotten: one that is written tomorrow is a
point tomorrow. The product knows nothing about it.
"""

import ast
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal

StepIn = Callable[["Site", Any], Awaitable[Any]]
Sort = Literal["whole", "part", "wait"]
"""What is awaited: a coroutine of an instrumented function, which is `part`ed by points of its own;
a wait for another task, which does nothing by itself; or anything else, a `whole` to this test."""
_WAITS = ("anyio", "asyncio")


@dataclass(frozen=True, slots=True)
class Site:
    """Where an await stands in the source."""

    module: str
    function: str
    text: str

    def __str__(self) -> str:
        return f"{self.module.partition('_')[2]}.{self.function}: {self.text}"


@contextmanager
def instrumented(modules: Sequence[ModuleType], step_in: StepIn) -> Iterator["Instrument"]:
    """Have `step_in` do every await of `modules`, the awaitable being its second argument."""
    instrument = Instrument(modules, step_in)
    try:
        yield instrument
    finally:
        instrument.remove()


class Instrument:
    """The modules' functions with their awaits taken over, until `remove`."""

    def __init__(self, modules: Sequence[ModuleType], step_in: StepIn) -> None:
        self._step_in = step_in
        self._before: list[tuple[FunctionType, CodeType]] = []
        self._codes: set[CodeType] = set()
        self._modules = modules
        for module in modules:
            self._take_over(module)

    def sort_of(self, awaitable: Any) -> Sort:
        """What kind of thing is awaited."""
        if not inspect.iscoroutine(awaitable):
            return "part"
        code = awaitable.cr_code
        if code in self._codes:
            return "part"
        return "wait" if any(f"/{name}/" in code.co_filename for name in _WAITS) else "whole"

    def remove(self) -> None:
        """Put everything back as it was."""
        for function, code in self._before:
            function.__code__ = code
        for module in self._modules:
            for name in ("__awaited__", "__entered__", "__iterated__"):
                del module.__dict__[name]

    def _take_over(self, module: ModuleType) -> None:
        path = Path(str(module.__file__))
        tree = _Awaits(module.__name__).visit(ast.parse(path.read_text()))
        ast.fix_missing_locations(tree)
        compiled = dict(_codes(compile(tree, str(path), "exec", dont_inherit=True)))
        module.__dict__.update(
            __awaited__=self._awaited, __entered__=self._entered, __iterated__=self._iterated
        )
        for function in _functions(module):
            code = function.__code__
            own = compiled[code.co_qualname, code.co_firstlineno]
            self._before.append((function, code))
            self._codes.update(each for _, each in _codes(own))
            function.__code__ = own

    async def _awaited(self, module: str, function: str, text: str, awaitable: Any) -> Any:
        return await self._step_in(Site(module, function, text), awaitable)

    def _entered(self, module: str, function: str, text: str, context: Any) -> "_Entered":
        return _Entered(self._step_in, Site(module, function, text), context)

    async def _iterated(
        self, module: str, function: str, text: str, items: Any
    ) -> AsyncIterator[Any]:
        iterator, site = aiter(items), Site(module, function, text)
        try:
            while True:
                try:
                    item = await self._step_in(site, anext(iterator))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if hasattr(iterator, "aclose") and inspect.isasyncgen(iterator):
                await iterator.aclose()


class _Entered:
    """An asynchronous context whose entrance and exit are points."""

    def __init__(self, step_in: StepIn, site: Site, context: Any) -> None:
        self._step_in, self._site, self._context = step_in, site, context

    async def __aenter__(self) -> Any:
        return await self._step_in(self._site, self._context.__aenter__())

    async def __aexit__(self, *error: Any) -> Any:
        # The exit is done whatever happens: a scope that is left open is no fault of the product's.
        return await self._context.__aexit__(*error)


class _Awaits(ast.NodeTransformer):
    def __init__(self, module: str) -> None:
        self._module = module
        self._names: list[str] = []

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._within(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._within(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._within(node)

    def _within(self, node: Any) -> ast.AST:
        self._names.append(node.name)
        self.generic_visit(node)
        self._names.pop()
        return node  # type: ignore[no-any-return]

    def _call(self, name: str, awaited: ast.expr) -> ast.Call:
        site = (self._module, ".".join(self._names), ast.unparse(awaited))
        self.generic_visit(awaited)
        inner = self.visit(awaited) if isinstance(awaited, ast.Await) else awaited
        arguments: list[ast.expr] = [*(ast.Constant(part) for part in site), inner]
        call = ast.Call(ast.Name(name, ast.Load()), arguments, [])
        return ast.copy_location(call, awaited)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        node.value = self._call("__awaited__", node.value)
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        for item in node.items:
            item.context_expr = self._call("__entered__", item.context_expr)
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        node.iter = self._call("__iterated__", node.iter)
        node.body = [self.visit(statement) for statement in node.body]
        node.orelse = [self.visit(statement) for statement in node.orelse]
        return node


def _codes(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    yield (code.co_qualname, code.co_firstlineno), code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """The functions and methods that are written in a module, decorated ones included."""
    seen: set[int] = set()
    owners: list[Any] = [module]
    while owners:
        for value in list(vars(owners.pop()).values()):
            if inspect.isclass(value) and value.__module__ == module.__name__:
                owners.append(value)
            for function in _undecorated(value):
                written_here = function.__code__.co_filename == module.__file__
                if (
                    written_here
                    and function.__name__ != "__create_fn__"
                    and id(function) not in seen
                ):
                    seen.add(id(function))
                    yield function


def _undecorated(value: Any) -> Iterator[FunctionType]:
    for each in (value.fget, value.fset) if isinstance(value, property) else (value,):
        inner = (
            inspect.unwrap(getattr(each, "__func__", each))
            if callable(each) or hasattr(each, "__func__")
            else None
        )
        if isinstance(inner, FunctionType):
            yield inner
