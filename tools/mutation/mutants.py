"""Which changes are tried: the usual Solidity mutants, found on the compiler's syntax tree, so that each is exact.

A mutant replaces one span of a source. The list depends on the sources alone: same sources, same mutants, same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

Node = Mapping[str, Any]

BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
SWAPPED = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "**": "*", "<<": ">>", ">>": "<<"}
SWAPPED |= {"&": "|", "|": "&", "^": "|", "&&": "||", "||": "&&"}
ASSIGNED = {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "%=": "*=", "|=": "&=", "&=": "|="}
ASSIGNED |= {"<<=": ">>=", ">>=": "<<=", "^=": "|="}
YUL = {"add": "sub", "sub": "add", "and": "or", "or": "and", "shl": "shr", "shr": "shl"}
YUL |= {"mul": "div", "div": "mul", "lt": "gt", "gt": "lt"}
# Sizes of types and what is inherited: a change there does not compile or changes nothing.
NOT_ENTERED = {"ArrayTypeName", "InheritanceSpecifier", "OverrideSpecifier", "UsingForDirective"}


# The order of their arguments means nothing.
COMMUTATIVE = {"paymentUp", "paymentDown", "min", "max"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one source; ``start`` and ``end`` count bytes.

    ``nth`` tells lines of the same ``code`` apart, from 1 on.
    """

    id: str
    path: str
    line: int
    operator: str
    start: int
    end: int
    before: str
    after: str
    code: str
    nth: int

    @property
    def contract(self) -> str:
        """The contract or library that the source holds."""
        return PurePosixPath(self.path).stem

    def applied_to(self, source: bytes) -> str:
        """Return the changed source."""
        return (source[: self.start] + self.after.encode() + source[self.end :]).decode()


def mutants_of(path: str, source: bytes, tree: Node) -> list[Mutant]:
    """Return all mutants of a source, by place."""
    finder = _Finder(source)
    finder.walk(tree, ())
    seen: Counter[tuple[int, str]] = Counter()
    found = []
    lines = source.decode().splitlines()
    codes = [_code_at(lines, number) for number in range(1, len(lines) + 1)]
    for start, end, operator, after in sorted(set(finder.found)):
        before = source[start:end].decode()
        if before == after:
            continue
        line = source.count(b"\n", 0, start) + 1
        seen[line, operator] += 1
        number = seen[line, operator]
        name = f"{PurePosixPath(path).stem}:{line}:{operator}"
        found.append(
            Mutant(
                id=name if number == 1 else f"{name}:{number}",
                path=path,
                line=line,
                operator=operator,
                start=start,
                end=end,
                before=before,
                after=after,
                code=codes[line - 1],
                nth=codes[:line].count(codes[line - 1]),
            )
        )
    return found


def _code_at(lines: list[str], number: int) -> str:
    """Return a line, with the next one if it says little alone, such as `unchecked {`."""
    code = lines[number - 1].strip()
    return (
        code
        if len(code) > 15
        else " ".join([code, *(line.strip() for line in lines[number : number + 1])])
    )


class _Finder:
    """Walks a syntax tree and notes (start, end, operator, replacement)."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.found: list[tuple[int, int, str, str]] = []

    def walk(self, node: Any, above: tuple[Node, ...]) -> None:
        if isinstance(node, list):
            for part in node:
                self.walk(part, above)
        elif isinstance(node, dict):
            kind = node.get("nodeType")
            if kind in NOT_ENTERED:
                return
            if kind is not None:
                handler: Callable[[Node], None] | None = getattr(self, _handler_of(kind), None)
                if handler is not None:
                    handler(node)
                above = (*above, node)
            for part in node.values():
                self.walk(part, above)

    def _span(self, node: Node) -> tuple[int, int]:
        start, length, _ = map(int, node["src"].split(":"))
        return start, start + length

    def _text(self, node: Node) -> str:
        start, end = self._span(node)
        return self.source[start:end].decode()

    def _replace(self, node: Node, operator: str, after: str) -> None:
        self.found.append((*self._span(node), operator, after))

    def _between(self, left: Node, right: Node, token: str) -> tuple[int, int]:
        """Return where an operator stands between its two sides."""
        start, end = self._span(left)[1], self._span(right)[0]
        match = re.search(re.escape(token).encode(), self.source[start:end])
        assert match is not None, (token, self.source[start:end])
        return start + match.start(), start + match.end()

    # Conditions

    def _condition(self, node: Node) -> None:
        self._replace(node, "condition-true", "true")
        self._replace(node, "condition-false", "false")
        if not (node["nodeType"] == "BinaryOperation" and node["operator"] in NEGATED):
            self._replace(node, "condition-negated", f"!({self._text(node)})")

    def _if_statement(self, node: Node) -> None:
        self._condition(node["condition"])

    def _conditional(self, node: Node) -> None:
        self._condition(node["condition"])

    def _while_statement(self, node: Node) -> None:
        # One that is always true never ends, which shows nothing.
        self._replace(node["condition"], "condition-false", "false")

    def _for_statement(self, node: Node) -> None:
        if node.get("condition"):
            self._replace(node["condition"], "condition-false", "false")

    def _binary_operation(self, node: Node) -> None:
        token, left, right = node["operator"], node["leftExpression"], node["rightExpression"]
        place = self._between(left, right, token)
        for operator, table in (
            ("comparison-boundary", BOUNDARY),
            ("comparison-negated", NEGATED),
            (_kind(token), SWAPPED),
        ):
            if token in table:
                self.found.append((*place, operator, table[token]))
        if token in ("&&", "||"):
            neutral = "true" if token == "&&" else "false"
            self._replace(left, "condition-dropped", neutral)
            self._replace(right, "condition-dropped", neutral)

    def _unary_operation(self, node: Node) -> None:
        token, inner = node["operator"], node["subExpression"]
        if token in ("++", "--"):
            other = "--" if token == "++" else "++"
            text = self._text(inner)
            self._replace(node, "increment", other + text if node["prefix"] else text + other)
        elif token in ("!", "~", "-"):
            self._replace(node, "negation-removed", self._text(inner))

    # Statements

    def _delete(self, node: Node, operator: str) -> None:
        start, end = self._span(node)
        if self.source[end : end + 1] == b";":
            self.found.append((start, end + 1, operator, "{}"))
        else:
            # In the head of a loop.
            self.found.append((start, end, operator, ""))

    def _expression_statement(self, node: Node) -> None:
        expression = node["expression"]
        called = expression.get("expression", {}).get("name")
        is_demand = expression["nodeType"] == "FunctionCall" and called in ("require", "assert")
        self._delete(node, "require-removed" if is_demand else "statement-deleted")

    def _emit_statement(self, node: Node) -> None:
        self._delete(node, "event-removed")

    def _revert_statement(self, node: Node) -> None:
        self._delete(node, "revert-removed")

    def _continue(self, node: Node) -> None:
        self._delete(node, "statement-deleted")

    def _break(self, node: Node) -> None:
        self._delete(node, "statement-deleted")

    def _modifier_invocation(self, node: Node) -> None:
        if node.get("kind") != "baseConstructorSpecifier":
            self._replace(node, "modifier-removed", "")

    def _unchecked_block(self, node: Node) -> None:
        start, _ = self._span(node)
        self.found.append((start, start + len("unchecked"), "unchecked-removed", ""))

    def _assignment(self, node: Node) -> None:
        token, left, right = node["operator"], node["leftHandSide"], node["rightHandSide"]
        place = self._between(left, right, token)
        if token in ASSIGNED:
            self.found.append((*place, "assignment-operator", ASSIGNED[token]))
            self.found.append((*place, "assignment-operator", "="))
        elif right.get("isLValue") and not right.get("isConstant"):
            swapped = f"{self._text(right)} = {self._text(left)}"
            self._replace(node, "assignment-swapped", swapped)

    def _variable_declaration_statement(self, node: Node) -> None:
        declared, value = node["declarations"], node.get("initialValue")
        if value is None or len(declared) != 1 or _zero_of(declared[0]) is None:
            return
        if self._text(value) in ("0", "false"):
            return
        self._replace(node, "initial-value", self._text(declared[0]))

    def _return(self, node: Node) -> None:
        value = node.get("expression")
        if value is None:
            return
        is_many = value["nodeType"] == "TupleExpression" and len(value["components"]) > 1
        for part in value["components"] if is_many else [value]:
            zero = _zero_of(part)
            if zero == "false":
                self._replace(part, "return-value", f"!({self._text(part)})")
            elif zero is not None:
                self._replace(part, "return-value", zero)

    def _function_call(self, node: Node) -> None:
        arguments = node["arguments"]
        if node["kind"] == "typeConversion" or node.get("names"):
            return
        if node["expression"].get("memberName") in COMMUTATIVE:
            return
        for one, other in pairwise(arguments):
            same = one["typeDescriptions"].get("typeIdentifier")
            if same != other["typeDescriptions"].get("typeIdentifier"):
                continue
            start, end = self._span(one)[0], self._span(other)[1]
            middle = self.source[self._span(one)[1] : self._span(other)[0]].decode()
            swapped = self._text(other) + middle + self._text(one)
            self.found.append((start, end, "arguments-swapped", swapped))

    # Values

    def _literal(self, node: Node) -> None:
        text = self._text(node)
        if node["kind"] == "bool":
            self._replace(node, "boolean", "false" if text == "true" else "true")
        elif node["kind"] == "string":
            self._replace(node, "string", '"changed"' if text == '""' else '""')
        elif node["kind"] == "number":
            self._replace(node, "constant", f"({text} + 1)")
            if text not in ("0", "0x00"):
                self._replace(node, "constant", f"({text} - 1)")

    def _member_access(self, node: Node) -> None:
        if self._text(node) == "msg.sender":
            self._replace(node, "sender-origin", "tx.origin")

    # Assembly

    def _yul_function_call(self, node: Node) -> None:
        name = node["functionName"]
        if name["name"] in YUL:
            self._replace(name, "yul-operator", YUL[name["name"]])

    def _yul_expression_statement(self, node: Node) -> None:
        self._replace(node, "yul-deleted", "")

    def _yul_literal(self, node: Node) -> None:
        if node["kind"] == "number":
            self._replace(node, "yul-constant", hex(int(node["value"], 0) + 1))


def _handler_of(kind: str) -> str:
    """Return the method for a kind of node: `_if_statement` for IfStatement."""
    return re.sub("([A-Z])", r"_\1", kind).lower()


def _kind(token: str) -> str:
    if token in ("&&", "||"):
        return "logic"
    if token in ("<<", ">>"):
        return "shift"
    return "bitwise" if token in ("&", "|", "^") else "arithmetic"


def _zero_of(node: Node) -> str | None:
    """Return the zero of an expression's or a variable's type; none for a struct, an array or storage."""
    kind = str(node["typeDescriptions"].get("typeString", ""))
    if kind == "bool":
        return "false"
    if re.fullmatch(r"u?int\d+|int_const .*", kind):
        return "0"
    if kind == "address" or re.fullmatch(r"bytes\d+", kind):
        return f"{kind}(0)"
    if kind.startswith("enum "):
        return f"{kind.removeprefix('enum ')}(0)"
    return None


def sampled(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return about ``count`` of the mutants, the same share of every contract, in order.

    Each mutant draws a number from the seed and its own text: a larger sample holds the smaller one, and lines that are
    added elsewhere leave it as it is.
    """
    share = min(1.0, count / max(1, len(mutants)))
    by_contract: dict[str, list[tuple[str, str]]] = {}
    for mutant in mutants:
        change = mutant.id.split(":", 2)[2]
        drawn = sha256(f"{seed} {mutant.path} {mutant.code} {change}".encode()).hexdigest()
        by_contract.setdefault(mutant.path, []).append((drawn, mutant.id))
    chosen = {
        name
        for drawn in by_contract.values()
        for _, name in sorted(drawn)[: max(1, round(share * len(drawn)))]
    }
    return [mutant for mutant in mutants if mutant.id in chosen]
