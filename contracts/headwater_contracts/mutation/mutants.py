"""What may be changed in a source, from the compiler's syntax tree of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

Node: TypeAlias = dict[str, object]

_OPERATORS: Final = {
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "%": "/",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "&&": "||",
    "||": "&&",
    "&": "|",
    "|": "&",
    "<<": ">>",
    ">>": "<<",
    "+=": "-=",
    "-=": "+=",
}
_YUL_OPERATORS: Final = {
    "add": "sub",
    "sub": "add",
    "mul": "div",
    "div": "mul",
    "and": "or",
    "or": "and",
    "shl": "shr",
    "shr": "shl",
    "lt": "gt",
    "gt": "lt",
}
_STATEMENTS: Final = ("Assignment", "UnaryOperation", "FunctionCall")


class Place(Enum):
    """How a change is put beside the original: what may stand at its place."""

    EXPRESSION = "expression"
    STATEMENT = "statement"
    YUL_EXPRESSION = "expression of assembly"
    YUL_STATEMENT = "statement of assembly"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a source: `after` stands for the bytes from `start` to `end`.

    `line` counts from 1; `before` is what stood there, and an empty `after` leaves a statement out.
    """

    source: str
    line: int
    start: int
    end: int
    place: Place
    before: str
    after: str

    @property
    def change(self) -> str:
        """The change in one line, whatever the line breaks in the source."""
        before, after = " ".join(self.before.split()), " ".join(self.after.split())
        return f"`{before}` → {f'`{after}`' if after else 'left out'}"

    def __str__(self) -> str:
        return f"{self.source}.sol:{self.line} {self.change}"


def mutants_of(source: str, text: str, tree: Node) -> list[Mutant]:
    """Every mutant of a source, in its order.

    Args:
        source: its name.
        text: its text.
        tree: its syntax tree (solc's `ast`, untyped is enough).

    Initial values of constants, events and errors are left alone: functions and modifiers only.
    """
    found = _Finder(source, text.encode("utf-8"))
    for node in _descendants(tree):
        if node["nodeType"] in ("FunctionDefinition", "ModifierDefinition"):
            body = list(_descendants(node.get("body")))
            # A block cannot stand in the head of a loop.
            heads = [
                id(loop.get(part))
                for loop in body
                for part in ("initializationExpression", "loopExpression")
                if loop["nodeType"] == "ForStatement"
            ]
            # Without its one assignment a returned storage pointer does not compile.
            returned = [
                returns["name"]
                for returns in _descendants(node.get("returnParameters"))
                if returns.get("storageLocation") == "storage"
            ]
            for inner in body:
                if id(inner) not in heads and _assigned(inner) not in returned:
                    found.visit(inner)
    return sorted(found.mutants, key=lambda mutant: (mutant.start, mutant.end, mutant.after))


class _Finder:
    def __init__(self, source: str, text: bytes) -> None:
        self._source = source
        self._text = text
        self.mutants: list[Mutant] = []

    def visit(self, node: Node) -> None:
        kind = node["nodeType"]
        if kind == "BinaryOperation" and not _is_constant(node):
            self._swap(node, _child(node, "leftExpression"), _child(node, "rightExpression"))
        elif kind == "ExpressionStatement":
            self._statement(node)
        elif kind == "IfStatement" and node.get("falseBody") is None:
            self._add(_child(node, "condition"), Place.EXPRESSION, "false")
        elif kind in ("YulAssignment", "YulExpressionStatement"):
            self._add(node, Place.YUL_STATEMENT, "")
        elif kind == "YulFunctionCall":
            self._swap_call(node)

    def _swap(self, node: Node, left: Node, right: Node) -> None:
        operator = str(node["operator"])
        if operator in _OPERATORS:
            between = self._between(left, right).replace(operator, _OPERATORS[operator], 1)
            self._add(node, Place.EXPRESSION, self._of(left) + between + self._of(right))

    def _statement(self, node: Node) -> None:
        expression = _child(node, "expression")
        if expression["nodeType"] not in _STATEMENTS:
            return
        start, end = _span(node)
        # The tree's statement ends before its semicolon.
        end = self._text.index(b";", end) + 1
        self._add_span(start, end, Place.STATEMENT, "")
        operator = str(expression.get("operator"))
        if expression["nodeType"] == "Assignment" and operator in _OPERATORS:
            left, right = _child(expression, "leftHandSide"), _child(expression, "rightHandSide")
            between = self._between(left, right).replace(operator, _OPERATORS[operator], 1)
            after = self._of(left) + between + self._of(right) + ";"
            self._add_span(start, end, Place.STATEMENT, after)

    def _swap_call(self, node: Node) -> None:
        name = str(_child(node, "functionName")["name"])
        if name in _YUL_OPERATORS:
            after = _YUL_OPERATORS[name] + self._of(node)[len(name) :]
            self._add(node, Place.YUL_EXPRESSION, after)

    def _add(self, node: Node, place: Place, after: str) -> None:
        self._add_span(*_span(node), place, after)

    def _add_span(self, start: int, end: int, place: Place, after: str) -> None:
        before = self._text[start:end].decode("utf-8")
        line = self._text.count(b"\n", 0, start) + 1
        self.mutants.append(Mutant(self._source, line, start, end, place, before, after))

    def _of(self, node: Node) -> str:
        start, end = _span(node)
        return self._text[start:end].decode("utf-8")

    def _between(self, left: Node, right: Node) -> str:
        return self._text[_span(left)[1] : _span(right)[0]].decode("utf-8")


def _descendants(node: object) -> Iterator[Node]:
    """A node and all below it, in the source's order as far as the tree keeps it."""
    if isinstance(node, dict):
        if "nodeType" in node and "src" in node:
            yield node
        for value in node.values():
            yield from _descendants(value)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for value in node:
            yield from _descendants(value)


def _assigned(node: Node) -> object:
    """The name that a statement assigns, if it is one and does."""
    expression = node.get("expression")
    if node["nodeType"] != "ExpressionStatement" or not isinstance(expression, dict):
        return None
    left = expression.get("leftHandSide")
    return left.get("name") if isinstance(left, dict) else None


def _is_constant(node: Node) -> bool:
    """Whether only literals are below: a rational number, without a type to keep."""
    kinds = {str(inner["nodeType"]) for inner in _descendants(node)}
    return kinds <= {"BinaryOperation", "Literal", "TupleExpression"}


def _child(node: Node, name: str) -> Node:
    child = node[name]
    if not isinstance(child, dict):
        raise TypeError(f"{node['nodeType']}.{name} is no node")
    return child


def _span(node: Node) -> tuple[int, int]:
    start, length, _ = (int(part) for part in str(node["src"]).split(":"))
    return start, start + length
