"""The command; exit 1 when a mutant survived that nothing answers, or an answer is not needed."""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from headwater_contracts.mutation.builds import Build, all_mutants
from headwater_contracts.mutation.campaign import MONEY_PATHS, Fate, Outcome, run_campaign
from headwater_contracts.mutation.mutants import Mutant
from headwater_contracts.mutation.score import judge, read_answers, scores_of
from headwater_payments.errors import HeadwaterError, InvalidInputError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m headwater_contracts.mutation")
    parser.add_argument("--files", nargs="+", default=list(MONEY_PATHS), metavar="SOURCE")
    parser.add_argument(
        "--sample", type=int, default=0, help="so many of each source at random; 0 for all"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--again", type=Path, metavar="OUTPUT", help="only what survived in this earlier output"
    )
    options = parser.parse_args(arguments)
    try:
        return _run(options.files, options.sample, options.seed, options.again)
    except HeadwaterError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2


def drawn(mutants: Sequence[Mutant], sample: int, seed: int) -> list[Mutant]:
    """At most `sample` mutants of each source, the same for the same seed; 0 for all."""
    if sample <= 0:
        return list(mutants)
    chosen = []
    for source in dict.fromkeys(mutant.source for mutant in mutants):
        mine = [mutant for mutant in mutants if mutant.source == source]
        draw = random.Random(f"{seed}:{source}")  # noqa: S311 - a sample
        order = draw.sample(range(len(mine)), min(sample, len(mine)))
        chosen += [mine[index] for index in sorted(order)]
    return chosen


def survived_in(output: str, mutants: Sequence[Mutant]) -> list[Mutant]:
    """Those of the mutants of which an earlier run's output says that they survived."""
    told = {line.partition(": ")[2] for line in output.splitlines() if line.startswith("survived")}
    return [mutant for mutant in mutants if str(mutant) in told]


def _run(files: Sequence[str], sample: int, seed: int, again: Path | None) -> int:
    unknown = [name for name in files if name not in MONEY_PATHS]
    if unknown:
        raise InvalidInputError(f"No money path is called {', '.join(unknown)}.")
    possible = all_mutants(files)
    chosen = drawn(possible, sample, seed)
    if again is not None:
        chosen = possible = survived_in(again.read_text("utf-8"), chosen)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        build = Build(chosen, Path(folder))
        build.compile()
        for outcome in run_campaign(build, files):
            outcomes.append(outcome)
            if outcome.fate is not Fate.KILLED:
                sys.stdout.write(f"{outcome.fate.value}: {outcome.mutant}\n")
                sys.stdout.flush()
    unanswered, stale = judge(outcomes, read_answers())
    sys.stdout.write("| source | mutants | tried | killed | score | of all, 95 % |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for row in scores_of(possible, outcomes):
        sys.stdout.write(f"{row}\n")
    for mutant in unanswered:
        sys.stdout.write(f"unanswered: {mutant}\n")
    for answer in stale:
        sys.stdout.write(f"nothing to answer: {answer.source}: {answer.change}\n")
    return 1 if unanswered or stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
