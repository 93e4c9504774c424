"""`headwater simulate ask`: a language model proposes what attacks begin with."""

from pathlib import Path
from typing import Annotated

import typer

from headwater_payments.errors import InvalidInputError
from headwater_simulations.attack_cli import (
    KindsOption,
    RuleOption,
    SettingOption,
    arena_of,
    refusals,
    space_of,
)

_PATIENCE_S = 300


def ask(
    save: Annotated[Path, typer.Argument(help="Where to write the ideas.")],
    url: Annotated[str, typer.Option(help="Root of an OpenAI-compatible endpoint, ending in /v1.")],
    model: Annotated[str, typer.Option(help="What the endpoint calls the model.")],
    key_file: Annotated[Path | None, typer.Option(help="A file that holds the API key.")] = None,
    rule: RuleOption = "causes/1",
    only: KindsOption = "",
    setting: SettingOption = None,
    count: Annotated[int, typer.Option(help="How many strategies to ask for.", min=1, max=64)] = 8,
) -> None:
    """Ask a language model how a coalition could gain under a rule, and write its ideas to SAVE.

    The endpoint is sent the rule's source. Nothing that comes back is run: `attack --ideas SAVE`
    begins its search with the strategies. Status 0: written. 2: refused.
    """
    import httpx

    from headwater_simulations.adversary.describe import describe
    from headwater_simulations.adversary.deviations import possible
    from headwater_simulations.adversary.ideas import ideas_text
    from headwater_simulations.adversary.oracle import ChatOracle, ask_for_ideas
    from headwater_simulations.adversary.space import Space
    from headwater_simulations.adversary.userrules import find_rule

    with refusals():
        arena = arena_of(setting or [])
        space = space_of(only) or Space(possible(arena))
        with httpx.Client(timeout=_PATIENCE_S, headers=_credentials(key_file)) as http:
            oracle = ChatOracle(http, url, model)
            ideas = ask_for_ideas(oracle, find_rule(rule), arena, space, count=count)
        try:
            save.write_text(ideas_text(ideas), "utf-8")
        except OSError as exc:
            raise InvalidInputError(f"The file {save} can't be written: {exc.strerror}.") from exc
    for strategy in ideas:
        typer.echo(describe(strategy))


def _credentials(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInputError(f"The key file {file} can't be read.") from exc
    if not key.isascii() or not key.isprintable() or not key:
        raise InvalidInputError(f"The key file {file} holds no API key: printable ASCII, one line.")
    return {"Authorization": f"Bearer {key}"}
