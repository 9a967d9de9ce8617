"""The grammar to tables. Lark is the compiler: LALR(1), and the order in which terminals are tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lark
from lark.grammar import Rule as LarkRule
from lark.grammar import Terminal
from lark.lark import PostLex
from lark.lexer import Token as LarkToken
from lark.parsers.lalr_analysis import Shift

from matcalc.syntax.tables import ALWAYS, STARTS, Rule, Tables


class RawTerminals(PostLex):
    """Keeps terminals that no rule of the grammar mentions."""

    always_accept = ALWAYS

    def process(self, stream: Iterator[LarkToken]) -> Iterator[LarkToken]:
        """All tokens as they are."""
        return stream


def with_lark(grammar: str, **options: Any) -> lark.Lark:
    """Lark's parser for a grammar."""
    return lark.Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        start=list(STARTS),
        postlex=RawTerminals(),
        maybe_placeholders=False,
        **options,
    )


def compiled(grammar: str) -> Tables:
    """The tables for a grammar."""
    frontend: Any = with_lark(grammar).parser
    table = frontend.parser.parser.parse_table
    lexer = frontend.lexer.lexer.root_lexer
    rules = {rule: None for actions in table.states.values() for rule in _reductions(actions)}
    numbers = {rule: number for number, rule in enumerate(rules)}
    states = {
        state: {
            symbol: target if action is Shift else ~numbers[target]
            for symbol, (action, target) in actions.items()
        }
        for state, actions in table.states.items()
    }
    return Tables(
        terminals=tuple((t.name, t.pattern.to_regexp()) for t in lexer.terminals),
        ignored=frozenset(lexer.ignore_types),
        always=frozenset(ALWAYS),
        rules=tuple(map(_rule, rules)),
        states=tuple(states[number] for number in range(len(states))),
        starts=table.start_states,
        ends=table.end_states,
    )


def _reductions(actions: dict[str, Any]) -> Iterator[LarkRule]:
    return (target for action, target in actions.values() if action is not Shift)


def _rule(rule: LarkRule) -> Rule:
    """What Lark's tree builder does at a reduction: punctuation goes, ``_rules`` are taken apart."""
    kept = tuple(
        (place, not symbol.is_term and symbol.name.startswith("_"))
        for place, symbol in enumerate(rule.expansion)
        if not (isinstance(symbol, Terminal) and symbol.filter_out)
    )
    single = bool(rule.options.expand1 and not rule.alias)
    passed_on = rule.origin.name.startswith("_") or (single and kept == ((0, False),))
    return Rule(
        origin=rule.origin.name,
        size=len(rule.expansion),
        callback="" if passed_on else rule.alias or rule.origin.name,
        kept=kept,
        single=single,
    )
