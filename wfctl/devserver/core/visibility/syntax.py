"""The grammar of list filters: a query string becomes a tree.

A filter is the tail of a MySQL SELECT as the real server's parser reads it, so this scanner and parser follow that
dialect where a client can tell: what is a syntax error, at which byte, and what a tree's nodes are called in messages.
`filters.py` gives the tree its meaning.

    query       = [ expression ] [ GROUP BY expressions ] [ HAVING expression ] [ ORDER BY … ] [ LIMIT … ] [ ";" ]
    expression  = OR < AND < NOT < IS < condition
    condition   = value ( compare value | [NOT] IN tuple | [NOT] BETWEEN value AND value
                        | [NOT] (LIKE | REGEXP | STARTS_WITH) value ) | EXISTS subquery
    value       = arithmetic over literals, columns, functions, parentheses and subqueries
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# What the real server puts before a filter to parse it; positions in its messages count from there.
_PREFIX = "select * from table1 "
_WHERE = "where "
# Far beyond what anybody writes, and within what Python's stack and SQLite's expression trees bear.
_MAX_DEPTH = 50
_MAX_CONDITIONS = 500


@dataclass(eq=False)
class QueryError(Exception):
    """The query cannot be understood; the message goes to the client after `invalid query: `."""

    message: str

    def __str__(self) -> str:
        return self.message


# -- the tree -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: str = "*sqlparser.ColName"


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, or a number as it was written."""

    text: str
    is_string: bool
    kind: str = "*sqlparser.SQLVal"

    def shown(self) -> str:
        return f"'{self.text}'" if self.is_string else self.text


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    kind: str = "sqlparser.BoolVal"


@dataclass(frozen=True, slots=True)
class Values:
    items: tuple[Node, ...]
    kind: str = "sqlparser.ValTuple"


@dataclass(frozen=True, slots=True)
class Other:
    """A node that no filter may hold; its kind is all that a message needs."""

    kind: str


@dataclass(frozen=True, slots=True)
class Paren:
    inner: Node
    kind: str = "*sqlparser.ParenExpr"


@dataclass(frozen=True, slots=True)
class Not:
    inner: Node
    kind: str = "*sqlparser.NotExpr"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]
    kind: str = "*sqlparser.AndExpr"


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]
    kind: str = "*sqlparser.OrExpr"


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    left: Node
    right: Node
    kind: str = "*sqlparser.ComparisonExpr"


@dataclass(frozen=True, slots=True)
class Range:
    left: Node
    low: Node
    high: Node
    negated: bool
    kind: str = "*sqlparser.RangeCond"


@dataclass(frozen=True, slots=True)
class Is:
    inner: Node
    what: str  # "null", "not null", "true", …
    kind: str = "*sqlparser.IsExpr"


Node = Column | Literal | Boolean | Values | Other | Paren | Not | And | Or | Comparison | Range | Is


@dataclass(frozen=True, slots=True)
class Query:
    where: Node | None
    group_by: tuple[Node, ...] = ()
    has_order_by: bool = False
    has_limit: bool = False


# -- scanner --------------------------------------------------------------------------------------------------------

# Other keywords of the dialect may be names.
_RESERVED_WORDS = """
add and as asc auto_increment between binary by case collate convert create cross current_date current_time
current_timestamp substr substring database databases default delete desc describe distinct div drop else end escape
exists explain false for force from group having if ignore in index inner insert interval into is join key left like
limit localtime localtimestamp lock match maxvalue mod natural next not null on or order outer regexp rename replace
right rlike schema select separator set show starts_with straight_join table tables then to true union unique update
use using utc_date utc_time utc_timestamp values when where
"""
# Reserved words that begin a function call.
_FUNCTION_WORDS = """
convert substr substring match if values left right replace mod database schema interval
current_date current_time current_timestamp localtime localtimestamp utc_date utc_time utc_timestamp
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_FUNCTIONS = frozenset(_FUNCTION_WORDS.split())
_ESCAPES = {"0": "\x00", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_SKIPPED = re.compile(r"(?:[ \n\r\t]+|(?:--|#|//)[^\n]*\n?|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(
    r"(?P<hexadecimal>0[xX][0-9a-fA-F]*)|(?P<float>\d*\.\d*(?:[eE][+-]?\d*)?|\d+[eE][+-]?\d*)|(?P<integer>\d+)"
)
_WORD = re.compile(r"[A-Za-z_@][A-Za-z_@0-9]*")
_SYMBOL = re.compile(r"<=>|<>|<=|>=|<<|>>|!=|&&|\|\||->>|->|[=,;()+*%^~&|./<>!-]")


@dataclass(frozen=True, slots=True)
class _Token:
    """`kind`: word (an identifier), keyword, string, number, symbol, bound, end, error."""

    kind: str
    text: str
    end: int
    is_float: bool = False

    @property
    def near(self) -> str:
        return "" if self.kind in ("symbol", "end") else self.text


class _Scanner:
    """Tokens of a query, each byte of it one character (latin-1), so that positions are the real server's."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def next(self) -> _Token:
        skipped = _SKIPPED.match(self._source, self._at)
        assert skipped is not None
        self._at = skipped.end()
        if self._at >= len(self._source):
            return _Token("end", "", len(self._source))
        start = self._source[self._at]
        if start in "'\"":
            return self._string(start)
        if start == "`":
            return self._quoted_identifier()
        if match := _WORD.match(self._source, self._at):
            return self._word(match)
        if start.isdigit() or (start == "." and self._source[self._at + 1 : self._at + 2].isdigit()):
            return self._number()
        if match := _SYMBOL.match(self._source, self._at):
            return self._take("symbol", {"<>": "!=", "&&": "and", "||": "or"}.get(match[0], match[0]), match.end())
        if start == "?" or (start == ":" and _WORD.match(self._source, self._at + 1)):
            word = _WORD.match(self._source, self._at + 1) if start == ":" else None
            end = word.end() if word else self._at + 1
            return self._take("bound", ":v1" if start == "?" else self._source[self._at : end], end)
        return self._take("error", start, self._at + 1)

    def _take(self, kind: str, text: str, end: int, is_float: bool = False) -> _Token:
        self._at = end
        return _Token(kind, text, end, is_float)

    def _word(self, match: re.Match[str]) -> _Token:
        word = match[0]
        if word.lower() in _RESERVED:
            return self._take("keyword", word.lower(), match.end())
        return self._take("word", word, match.end())

    def _number(self) -> _Token:
        match = _NUMBER.match(self._source, self._at)
        assert match is not None
        if _WORD.match(self._source, match.end()):  # a letter cannot follow a number at once
            return self._take("error", match[0], match.end())
        return self._take("number", match[0], match.end(), is_float=match["float"] is not None)

    def _string(self, quote: str) -> _Token:
        out: list[str] = []
        at = self._at + 1
        while at < len(self._source):
            character = self._source[at]
            if character == "\\" and at + 1 < len(self._source):
                escaped = self._source[at + 1]
                out.append(_ESCAPES.get(escaped, escaped))
                at += 2
            elif character == quote and self._source[at + 1 : at + 2] == quote:
                out.append(quote)
                at += 2
            elif character == quote:
                return self._take("string", "".join(out), at + 1)
            else:
                out.append(character)
                at += 1
        return self._take("error", "".join(out), len(self._source))

    def _quoted_identifier(self) -> _Token:
        match = re.compile(r"`((?:[^`]|``)+)`").match(self._source, self._at)
        if match is None:
            return self._take("error", self._source[self._at + 1 :], len(self._source))
        return self._take("word", match[1].replace("``", "`"), match.end())


# -- parser ---------------------------------------------------------------------------------------------------------

_COMPARE = ("=", "<", ">", "<=", ">=", "!=", "<=>")
# Tighter ones bind first.
_ARITHMETIC = {
    "|": 1,
    "&": 2,
    "<<": 3,
    ">>": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    "div": 5,
    "mod": 5,
    "^": 6,
}


def parse(text: str) -> Query:
    """The tree of a filter. Raises `QueryError`."""
    text = text.strip()
    clause_first = text.lower().startswith(("order by", "group by"))
    prefix = _PREFIX + ("" if clause_first or not text else _WHERE)
    source = text.encode("utf-8", errors="surrogatepass").decode("latin-1")
    return _Parser(source, len(prefix)).query(bool(text) and not clause_first)


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", errors="replace")


class _Parser:
    def __init__(self, source: str, offset: int) -> None:
        self._scanner = _Scanner(source)
        self._offset = offset
        self._depth = 0
        self._conditions = 0
        self._token = self._scanner.next()

    # tokens

    def _advance(self) -> _Token:
        token, self._token = self._token, self._scanner.next()
        return token

    def _is(self, *texts: str) -> bool:
        return self._token.kind in ("symbol", "keyword") and self._token.text in texts

    def _accept(self, *texts: str) -> bool:
        if self._is(*texts):
            self._advance()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._syntax_error()

    def _syntax_error(self) -> QueryError:
        position = self._offset + self._token.end + 1
        near = f" near '{_utf8(self._token.near)}'" if self._token.near else ""
        return QueryError(f"malformed SQL query: syntax error at position {position}{near}")

    # clauses

    def query(self, has_where: bool) -> Query:
        where = self._expression() if has_where else None
        group_by: tuple[Node, ...] = ()
        if self._conditions > _MAX_CONDITIONS:
            raise QueryError(f"malformed SQL query: more than {_MAX_CONDITIONS} conditions")
        if self._accept("group"):
            self._expect("by")
            group_by = self._list()
        if self._accept("having"):
            self._expression()
        has_order_by = self._order_by()
        has_limit = self._limit()
        if self._accept("for"):
            self._expect("update")
        if self._accept(";") and self._token.kind == "end":
            return Query(where, group_by, has_order_by, has_limit)
        if self._token.kind != "end":
            raise self._syntax_error()
        return Query(where, group_by, has_order_by, has_limit)

    def _order_by(self) -> bool:
        if not self._accept("order"):
            return False
        self._expect("by")
        while True:
            self._expression()
            self._accept("asc", "desc")
            if not self._accept(","):
                return True

    def _limit(self) -> bool:
        if not self._accept("limit"):
            return False
        self._expression()
        if self._accept(","):
            self._expression()
        return True

    def _list(self) -> tuple[Node, ...]:
        items = [self._expression()]
        while self._accept(","):
            items.append(self._expression())
        return tuple(items)

    # expressions, loosest first

    def _expression(self) -> Node:
        self._enter()
        parts = [self._and()]
        while self._accept("or"):
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self._accept("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise QueryError("malformed SQL query: max nesting level reached")

    def _not(self) -> Node:
        if not self._accept("not"):
            return self._is_tests(self._condition())
        self._enter()
        node = Not(self._not())
        self._depth -= 1
        return node

    def _is_tests(self, node: Node) -> Node:
        while self._accept("is"):
            negation = "not " if self._accept("not") else ""
            if not self._is("null", "true", "false"):
                raise self._syntax_error()
            node = Is(node, negation + self._advance().text)
        return node

    def _condition(self) -> Node:
        self._conditions += 1
        if self._accept("exists"):
            if not self._is("("):
                raise self._syntax_error()
            self._advance()
            self._subquery()
            return Other("*sqlparser.ExistsExpr")
        left = self._value()
        if self._token.kind == "symbol" and self._token.text in _COMPARE:
            operator = self._advance().text
            return Comparison(operator, left, self._value())
        negated = self._is("not")
        if negated:
            self._advance()
        if self._accept("in"):
            return Comparison("not in" if negated else "in", left, self._tuple())
        if self._accept("between"):
            low = self._value()
            self._expect("and")
            return Range(left, low, self._value(), negated)
        if self._is("like", "regexp", "rlike", "starts_with"):
            return self._pattern(left, negated)
        if negated:
            raise self._syntax_error()
        return left

    def _pattern(self, left: Node, negated: bool) -> Node:
        operator = self._advance().text.replace("rlike", "regexp")
        right = self._value()
        if operator == "like" and self._accept("escape"):
            self._value()
        return Comparison(f"not {operator}" if negated else operator, left, right)

    def _tuple(self) -> Node:
        self._expect("(")
        if self._is("select"):
            return self._subquery()
        conditions = self._conditions
        items = self._list()
        self._conditions = conditions  # a long IN is flat, and harmless
        self._expect(")")
        return Values(items)

    def _subquery(self) -> Node:
        """After its opening parenthesis: never allowed, so read to the closing one only."""
        if not self._is("select"):
            raise self._syntax_error()
        depth = 1
        while depth:
            if self._token.kind in ("end", "error"):
                raise self._syntax_error()
            depth += self._is("(") - self._is(")")
            self._advance()
        return Other("*sqlparser.Subquery")

    def _value(self, tightest: int = 0) -> Node:
        node = self._unary()
        while self._token.kind in ("symbol", "keyword"):
            power = _ARITHMETIC.get(self._token.text, 0)
            if power <= tightest:
                break
            self._advance()
            self._value(power)
            node = Other("*sqlparser.BinaryExpr")
        return node

    def _unary(self) -> Node:
        if self._token.kind == "symbol" and self._token.text in ("-", "+", "~", "!"):
            sign = self._advance().text
            self._enter()
            node = self._unary()
            self._depth -= 1
            if sign in "+-" and isinstance(node, Literal) and node.text.lstrip("-").isdigit() and not node.is_string:
                return node if sign == "+" else _negated(node)
            return Other("*sqlparser.UnaryExpr")
        if self._accept("binary"):
            self._enter()
            self._unary()
            self._depth -= 1
            return Other("*sqlparser.UnaryExpr")
        node = self._primary()
        while self._token.kind == "symbol" and self._token.text in ("->", "->>") and isinstance(node, Column):
            self._advance()
            self._primary()
            node = Other("*sqlparser.BinaryExpr")
        while self._accept("collate"):
            if self._token.kind not in ("word", "string"):
                raise self._syntax_error()
            self._advance()
            node = Other("*sqlparser.CollateExpr")
        return node

    def _primary(self) -> Node:
        token = self._token
        if token.kind in ("string", "number"):
            self._advance()
            return Literal(_utf8(token.text), token.kind == "string")
        if token.kind == "bound":
            self._advance()
            return Literal(token.text, False)
        if token.kind == "word":
            return self._name()
        if self._accept("("):
            return self._parenthesized()
        if token.kind != "keyword":
            raise self._syntax_error()
        if token.text in ("true", "false"):
            self._advance()
            return Boolean(token.text == "true")
        if token.text == "null":
            self._advance()
            return Other("*sqlparser.NullVal")
        if token.text == "case":
            return self._case()
        if token.text in _FUNCTIONS:
            self._advance()
            return self._call()
        raise self._syntax_error()

    def _name(self) -> Node:
        name = self._advance().text
        if self._is("("):
            return self._call()
        while self._accept("."):
            if self._token.kind not in ("word", "keyword"):
                raise self._syntax_error()
            name += f".{self._advance().text}"
            if self._is("("):
                return self._call()
        return Column(_utf8(name))

    def _call(self) -> Node:
        self._expect("(")
        if not self._accept(")"):
            if not self._accept("*"):
                self._accept("distinct")
                self._list()
            self._expect(")")
        return Other("*sqlparser.FuncExpr")

    def _parenthesized(self) -> Node:
        if self._is("select"):
            return self._subquery()
        items = self._list()
        self._expect(")")
        return Paren(items[0]) if len(items) == 1 else Values(items)

    def _case(self) -> Node:
        self._advance()
        if not self._is("when"):
            self._expression()
        if not self._is("when"):
            raise self._syntax_error()
        while self._accept("when"):
            self._expression()
            self._expect("then")
            self._expression()
        if self._accept("else"):
            self._expression()
        self._expect("end")
        return Other("*sqlparser.CaseExpr")


def _negated(literal: Literal) -> Literal:
    text = literal.text
    return Literal(text[1:] if text.startswith("-") else f"-{text}", False)
