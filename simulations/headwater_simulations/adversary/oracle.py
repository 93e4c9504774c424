"""A language model is asked how to cheat: it answers with deviations as data, which are checked.

What comes back is validated by `ideas`, and never run; what the model got wrong it is told, and is
asked again. Its ideas begin a search (`attack(…, ideas=…)`) and are judged like any strategy, so
that a model can help an attack and can't make its verdict wrong. Nothing is asked unless somebody
names an endpoint.

Source: language models as oracles of best responses, CSRO, arXiv 2603.10098; there they write code,
and here data.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

import httpx

from headwater_attribution.rules import RewardRule
from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_payments.web_url import require_web_url
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.attacking import Finalist
from headwater_simulations.adversary.describe import describe, gain_text
from headwater_simulations.adversary.deviation import Strategy
from headwater_simulations.adversary.ideas import ideas_schema, read_ideas
from headwater_simulations.adversary.space import Space
from headwater_simulations.errors import OracleError

MOST_BYTES: Final = 1_000_000
"""The longest answer that is read."""

_TASK: Final = """\
You test a rule that divides money among people who contribute data, before it is used. One
coalition of them may deviate from honest contribution. Propose {count} different strategies by
which it might gain more than by honesty, costs included; combine deviations where one helps
another. Answer with JSON by the schema and with nothing else. Shares and probabilities are parts
per 10^8.\
"""


class Oracle(Protocol):
    """Whatever completes a text: a model at an endpoint, in this process, or a person."""

    def answer(self, task: str, question: str, schema: Mapping[str, Any]) -> str:
        """JSON by the schema, if all goes well.

        Raises:
            OracleError: it can't be reached, or refuses.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChatOracle:
    """A model behind an OpenAI-compatible endpoint, asked for structured output.

    Attributes:
        http: the caller's client, which carries credentials and timeouts.
        base_url: the endpoint's root, such as `http://127.0.0.1:11434/v1`.
        model: what the endpoint calls the model.

    Raises:
        InvalidInputError: the URL is none.
    """

    http: httpx.Client = field(repr=False)
    base_url: str
    model: str

    def __post_init__(self) -> None:
        require_web_url(self.base_url, "an endpoint's URL")

    def answer(self, task: str, question: str, schema: Mapping[str, Any]) -> str:
        """See `Oracle`."""
        asked = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": task},
                {"role": "user", "content": question},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "ideas", "schema": dict(schema)},
            },
        }
        try:
            return _text(self._post(asked))
        except httpx.HTTPError as exc:
            raise OracleError(f"{self.base_url} does not answer: {type(exc).__name__}.") from exc
        except InvalidInputError as exc:
            raise OracleError(f"{self.base_url} answered with something else than JSON.") from exc

    def _post(self, asked: dict[str, Any]) -> bytes:
        url = self.base_url.rstrip("/") + "/chat/completions"
        with self.http.stream("POST", url, json=asked) as response:
            if not response.is_success:
                raise OracleError(f"{self.base_url} answered with status {response.status_code}.")
            told = b""
            for part in response.iter_bytes():
                told += part
                if len(told) > MOST_BYTES:
                    raise OracleError(f"{self.base_url} sent more than {MOST_BYTES:,} bytes.")
        return told


def ask_for_ideas(
    oracle: Oracle,
    rule: RewardRule,
    arena: Arena,
    space: Space,
    *,
    tried: Sequence[Finalist] = (),
    count: int = 8,
    tries: int = 3,
) -> tuple[Strategy, ...]:
    """Strategies of the space that a model proposes against a rule.

    The model is told the rule's source, the arena, the deviations with their ranges, and what
    others gained.

    Args:
        oracle: what is asked.
        rule: under test.
        arena: the market.
        space: deviations that may be used.
        tried: strategies judged before, such as an attack's finalists.
        count: how many are asked for; the model may give others.
        tries: how often it is asked, being told what was wrong with its last answer.

    Raises:
        OracleError: it can't be reached, or none of its answers was usable.
    """
    schema, question = ideas_schema(space.kinds), question_about(rule, arena, space, tried)
    wrong = ""
    for _ in range(tries):
        told = oracle.answer(_TASK.format(count=count), question + wrong, schema)
        try:
            return read_ideas(_unfenced(told), space.kinds)
        except InvalidInputError as exc:
            wrong = f"\n\nYour last answer could not be used: {exc.message}"
    raise OracleError(f"No answer of {tries} could be used.{wrong}", tries=tries)


def question_about(
    rule: RewardRule, arena: Arena, space: Space, tried: Sequence[Finalist] = ()
) -> str:
    """All that a model is told, as text."""
    before = [f"- {describe(each.strategy)}: {gain_text(each.gain)}" for each in tried]
    return "\n".join(
        [
            f"The rule, {rule.rule_id}, with {rule.parameters}:",
            _source(rule),
            "What the market's fields mean:",
            inspect.cleandoc(Arena.__doc__ or ""),
            f"The market: {json.dumps(asdict(arena))}",
            "The deviations, with what their numbers mean:",
            *(f"- {kind.__name__}: {inspect.cleandoc(kind.__doc__ or '')}" for kind in space.kinds),
            *(["Tried before, with the gain in units of honest pay:", *before] if before else []),
            f"The schema of your answer: {json.dumps(ideas_schema(space.kinds))}",
        ]
    )


def _source(rule: RewardRule) -> str:
    try:
        return inspect.getsource(rule.pay)
    except (OSError, TypeError):
        return str(rule.title)


def _unfenced(text: str) -> str:
    """JSON that a model put between fences, without them."""
    stripped = text.strip()
    if stripped.startswith("```") and stripped.endswith("```"):
        return stripped.strip("`").removeprefix("json")
    return stripped


def _text(body: bytes) -> str:
    told: Any = read_json(body)
    try:
        text = told["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str):
        raise OracleError("The endpoint's answer is no chat completion.")
    return text
