"""The reference pages that are made from the code: errors, commands, contracts.

    python tests/support/reference.py      write them

`tests/house` compares them with what is committed, so a page cannot fall behind the code.
"""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from headwater.main import PARTS, application
from headwater_contracts.deployments import DEVELOPMENT, public_chains, public_deployment
from headwater_contracts.mutation.score import read_answers as read_mutation_answers
from headwater_contracts.refusals import KINDS
from headwater_contracts.static_analysis import EVERYWHERE, read_answers
from headwater_payments.errors import HeadwaterError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"
PACKAGES = (
    "payments/headwater_payments",
    "contracts/headwater_contracts",
    "attribution/headwater_attribution",
    "wallet/headwater_wallet",
    "models/headwater_models",
    "marketplace/headwater_marketplace",
    "agents/headwater_agents",
    "simulations/headwater_simulations",
    "cli/headwater",
)

Command = TyperCommand | TyperGroup

_ERRORS = """# Errors

Every error that Headwater raises on purpose descends from `HeadwaterError`: a stable `code` that
programs compare, one sentence for people, and `details`, the values that disagree. Over HTTP it is
problem JSON (RFC 9457) whose `type` ends in `errors#<code>`; agents get it as a failed tool call.
Key material is never part of one.
"""
_CLI = """# The command line

`headwater --help` lists the commands; each loads only what it needs. A refusal prints one line,
`error[code]: sentence`, and ends with a status other than 0.
"""
_CONTRACTS = f"""# Contract addresses

On a development chain (chain id {DEVELOPMENT.chain_id}, py-evm in process or anvil) the contracts
stand at these addresses. Token, channels, Multicall3 and ERC-8004's registries are where public
clients expect them on Base Sepolia. They get there by running their constructor at the address
([why](../decisions/0006-constructors-at-canonical-addresses.md)).

| contract | address |
|---|---|
"""

_WHO_CALLS = """
## Who calls what about epochs, claims, contributions and jobs

| contract | calls | who |
|---|---|---|
| `RevenueVault` | `commitEpoch`, `recordSeed`, `postRoot` | the attributor; later anyone bonded |
| | `finalize`, `escape`, `payFallback`, `claim`, `claimMany` | anyone |
| | `claimSigned` | anyone, with the account's signed order |
| | `cancelRoot`, `hold`, `release` | the court |
| `Panels` | `openPanel` | anyone |
| `EpochCourt` | `lockBond`, `requestUnlock`, `revokeUnlock`, `returnBond` | an attributor |
| | `disputeLeaf`, `claimLoss`, `resolve`, `withdraw`, `releaseInsurance` | anyone |
| | `vote` | the panel's arbiters |
| | `convict` | `EpochFaults` and `AvailabilityDemands` |
| `EpochFaults` | `proveRegression`, `proveBelowClaims`, `proveMalformed` | anyone |
| | `proveDetailSum`, `proveUnknownReceipt` | anyone |
| | `proveDetailOrder`, `proveReceiptOrder`, `proveOverAllocation` | anyone |
| `AvailabilityDemands` | `demand`, `showLeaf`, `showNode`, `proveUnavailable` | anyone |
| | `closeMootDemand`, `withdraw` | anyone |
| `ReceiptDesk` | `setOperator` | the vault's host |
| | `claimByReceipt`, `postReceipt` | anyone, with receipts |
| `AssetRegistry` | `registerAsset` | anyone |
| | `publishVersion`, `setPayee`, `attachVault`, `approveDerivative` | the asset's owner |
| `Licences` | `open` | anyone |
| `RowCommitments` | `commit` | anyone |
| `BondRules` | `openRules` | anyone |
| `ContributionBond` | `adoptRules` | an asset's owner |
| | `submit`, `withdrawConsent`, `requestRelease`, `release`, `answer`, `remedy` | a contributor |
| | `accuse`, `decide`, `close`, `inherit`, `withdraw` | anyone |
| | `appeal` | who lost |
| | `vote` | arbiters of the hearing's panel |
| | `voteRenewal` | arbiters of the first panel |
| `JobEscrow` | `createJob`, `setProvider`, `setBudget`, `fund`, `reject` while open | a client |
| | `setBudget`, `submit` | a provider |
| | `complete`, `reject` | the job's evaluator |
| | `claimRefund` after expiry, `withdraw` | anyone |
| `IdentityRegistry` | `register` | anyone |
| | `setAgentURI`, `setMetadata`, `setAgentWallet`, `unsetAgentWallet` | an agent's people |
| `ReputationRegistry` | `giveFeedback`, `revokeFeedback` | anyone but the agent's people |
| | `appendResponse` | anyone |

What each of them decides: [epochs on chain](../explanation/epochs-on-chain.md) and
[bonded contributions](../explanation/bonded-contributions.md).
"""


NEEDING_TORCH = ("calibration.transformer", "influence.adapters")
"""Modules without errors of their own whose package is not in the development environment."""


REFUSALS = "headwater_contracts.refusals"


def all_modules() -> list[str]:
    """Every module of every component, `__main__` aside."""
    found = []
    for package in PACKAGES:
        folder = ROOT / package
        for path in sorted(set(folder.rglob("*.py")) - set(folder.rglob("migrations/env.py"))):
            name = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
            if not name.endswith(("__main__", *NEEDING_TORCH)):
                found.append(name.removesuffix(".__init__"))
    return found


def error_classes() -> list[type[HeadwaterError]]:
    """Every error class, in the order of the floors; what contracts refuse by is a list apart."""
    found: list[type[HeadwaterError]] = []
    for name in all_modules():
        if name.startswith(REFUSALS):
            continue
        for cls in vars(import_module(name)).values():
            ours = isinstance(cls, type) and issubclass(cls, HeadwaterError)
            if ours and cls.__module__ == name and cls not in found:
                found.append(cls)
    return found


def errors_page() -> str:
    """One heading a code, with its class, its HTTP status and what it means."""
    lines = [_ERRORS]
    component = ""
    for cls in error_classes():
        here = cls.__module__.split(".")[0].removeprefix("headwater_")
        if here != component:
            component = here
            lines.append(f"\n## {component}\n")
        lines.append(f"### {cls.code}\n" if "code" in cls.__dict__ else f"### {cls.__name__}\n")
        below = cls.__base__.__name__ if cls.__base__ is not None else ""
        kind = "" if cls is HeadwaterError else f", a kind of `{below}`"
        code = "" if "code" in cls.__dict__ else f", code `{cls.code}`"
        lines.append(f"`{cls.__module__}.{cls.__name__}`{kind}{code}, HTTP {cls.http_status}.\n")
        text = (inspect.getdoc(cls) or "").split("\n\n")[0]
        lines.append(" ".join(text.split()) + "\n")
    return "\n".join([*lines, *_refusals()])


def _refusals() -> list[str]:
    lines = [
        "## What contracts refuse by\n",
        f"Kinds of `ContractRevertError`, with its code, in `{REFUSALS}`; each value is an",
        "attribute of the exception.\n",
        "| module | class | as the contract declares it |",
        "|---|---|---|",
    ]
    for kind in KINDS.values():
        module = kind.__module__.removeprefix(f"{REFUSALS}.")
        declared = (inspect.getdoc(kind) or "").removesuffix(".")
        lines.append(f"| `{module}` | `{kind.__name__}` | {declared} |")
    return [*lines, ""]


def cli_page() -> str:
    """Each command with its arguments and options."""
    lines = [_CLI]
    for part in PARTS:
        command = find_command([part])[0]
        lines += [_command(path, each) for path, each in _leaves([part], command)]
    return "\n".join(lines)


def find_command(words: list[str]) -> tuple[Command, list[str]]:
    """The command that these words name, and the words that are left for it.

    Raises:
        LookupError: there is none.
    """
    command: object = typer.main.get_command(application(words))
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            raise LookupError(f"there is no command {words[0]!r}")
        command, words = command.commands[words[0]], words[1:]
    assert isinstance(command, TyperCommand | TyperGroup)
    return command, words


def options_of(command: Command) -> list[TyperOption]:
    """The command's own options."""
    return [each for each in command.params if isinstance(each, TyperOption)]


def contracts_page() -> str:
    """Where each contract stands on a development chain."""
    rows = {
        "SettlementToken (USDC)": DEVELOPMENT.settlement_token,
        "BatchSettlement": DEVELOPMENT.batch_settlement,
        "ERC3009DepositCollector": DEVELOPMENT.deposit_collector,
        "Permit2": DEVELOPMENT.permit2,
        "ExactPermit2Proxy": DEVELOPMENT.exact_permit2_proxy,
        "UptoPermit2Proxy": DEVELOPMENT.upto_permit2_proxy,
        "Permit2DepositCollector": DEVELOPMENT.permit2_deposit_collector,
        "Multicall3": DEVELOPMENT.multicall3,
        "AssetRegistry": DEVELOPMENT.asset_registry,
        "RevenueVaultFactory": DEVELOPMENT.vault_factory,
        "Panels": DEVELOPMENT.panels,
        "EpochFaults": DEVELOPMENT.epoch_faults,
        "AvailabilityDemands": DEVELOPMENT.availability_demands,
        "EpochCourt": DEVELOPMENT.epoch_court,
        "ReceiptDesk": DEVELOPMENT.receipt_desk,
        "BondRules": DEVELOPMENT.bond_rules,
        "ContributionBond": DEVELOPMENT.contribution_bond,
        "JobEscrow": DEVELOPMENT.job_escrow,
        "Licences": DEVELOPMENT.licences,
        "RowCommitments": DEVELOPMENT.row_commitments,
        "PhraseProofs": DEVELOPMENT.phrase_proofs,
        "IdentityRegistry": DEVELOPMENT.identity_registry,
        "ReputationRegistry": DEVELOPMENT.reputation_registry,
    }
    table = "".join(f"| {name} | `{address}` |\n" for name, address in rows.items())
    return _CONTRACTS + table + _public_chains() + _WHO_CALLS


def _public_chains() -> str:
    """What is configured or planned on each public chain, ours first."""
    lines = [
        "\n## On public chains\n",
        "The token and the contracts of x402 and ERC-8004 are configured; ours are where",
        "`headwater chain deploy` puts them",
        "([why](../decisions/0015-addresses-that-follow-from-the-code.md)).\n",
        f"| contract | {' | '.join(f'chain {chain_id}' for chain_id in public_chains())} |",
        f"|---{'|---' * len(public_chains())}|",
    ]
    columns = [public_deployment(chain_id).contracts() for chain_id in public_chains()]
    lines += [
        f"| {name} | " + " | ".join(f"`{c[name]}`" for c in columns) + " |" for name in columns[0]
    ]
    return "\n".join(lines) + "\n"


_SLITHER = """# Static analysis of the contracts

`make check-slither` runs Slither over the contracts, in an environment of its own, and refuses
every finding of high, medium or low impact that is neither fixed nor answered here, and every
answer that no finding asks for any more.

| check | where | why it is right as it is |
|---|---|---|
"""


_MUTATION = """# Mutants of the contracts

A mutant changes one operator or bound of a contract, or leaves out one statement or branch, in
Solidity or in its assembly. What no test notices is a gap in the tests, or changes nothing that
anybody can see. `python -m headwater_contracts.mutation` compiles all of them at once, each beside
what it changes, and tries each with the tests of its source and then with all tests, at 64 fuzz and
16 invariant runs. It fails for a survivor without an answer below, and for an answer without one.

`--sample 30 --seed 1` drew 30 mutants of each source, or all where there are fewer, and 45 of
`PhraseProofs`. Its first run
says what to expect of all mutants, with Wilson's interval by source; weighted by the mutants of
each source it was 89.0 % ± 2.0. Survivors then got a test or an answer. The last two columns say
where the same mutants stand since (`--again` tries the survivors of an earlier output). They are no
estimate: the tests were written for these mutants.

| source | mutants | tried | killed at first | score | of all, 95 % | killed now | answered |
|---|---|---|---|---|---|---|---|
| `VaultBooks` | 86 | 30 | 26 | 86.7 % | 74 to 94 % | 27 | 3 |
| `RevenueVault` | 59 | 30 | 29 | 96.7 % | 89 to 99 % | 30 | 0 |
| `EpochRoots` | 145 | 30 | 27 | 90.0 % | 76 to 96 % | 30 | 0 |
| `SumTree` | 105 | 30 | 28 | 93.3 % | 82 to 98 % | 30 | 0 |
| `SignedClaims` | 3 | 3 | 3 | 100.0 % | all tried | 3 | 0 |
| `VaultTerms` | 81 | 30 | 28 | 93.3 % | 82 to 98 % | 30 | 0 |
| `RevenueVaultFactory` | 49 | 30 | 30 | 100.0 % | 95 to 100 % | 30 | 0 |
| `AttributorBonds` | 61 | 30 | 26 | 86.7 % | 76 to 93 % | 28 | 2 |
| `Convictions` | 11 | 11 | 10 | 90.9 % | all tried | 10 | 1 |
| `LeafDisputes` | 123 | 30 | 27 | 90.0 % | 77 to 96 % | 28 | 2 |
| `Openings` | 34 | 30 | 22 | 73.3 % | 67 to 78 % | 30 | 0 |
| `EpochFaults` | 102 | 30 | 25 | 83.3 % | 69 to 92 % | 29 | 1 |
| `AvailabilityDemands` | 62 | 30 | 23 | 76.7 % | 64 to 86 % | 30 | 0 |
| `Panels` | 66 | 30 | 22 | 73.3 % | 60 to 83 % | 29 | 1 |
| `MerkleList` | 29 | 29 | 27 | 93.1 % | all tried | 27 | 2 |
| `PhraseProofs` | 144 | 45 | 33 | 73.3 % | 62 to 83 % | 42 | 3 |
| `ReceiptDesk` | 48 | 30 | 29 | 96.7 % | 90 to 99 % | 30 | 0 |
| `BatchSettlement` | 121 | 30 | 22 | 73.3 % | 58 to 85 % | 29 | 1 |
| `BondRules` | 67 | 30 | 26 | 86.7 % | 75 to 93 % | 30 | 0 |
| `ContributionCases` | 188 | 30 | 29 | 96.7 % | 85 to 99 % | 30 | 0 |
| `ContributionBond` | 58 | 30 | 30 | 100.0 % | 94 to 100 % | 30 | 0 |
| `ContributionTags` | 46 | 30 | 30 | 100.0 % | 96 to 100 % | 30 | 0 |
| `JobEscrow` | 63 | 30 | 30 | 100.0 % | 94 to 100 % | 30 | 0 |
| `Credits` | 9 | 9 | 9 | 100.0 % | all tried | 9 | 0 |
| `AssetRegistry` | 135 | 30 | 30 | 100.0 % | 91 to 100 % | 30 | 0 |
| **all** | 1895 | 697 | 621 | 89.1 % | – | 681 | 16 |

Not tried: modifiers left out, and the initial values of constants. `Gas.t.sol` and
`ContractSet.t.sol` judge no mutant, since the switches change the size and gas of the code.

| source | mutant | why no test can notice it |
|---|---|---|
"""


def mutation_page() -> str:
    """The score of the tests and the answers to what they do not notice."""
    rows = (
        f"| `{a.source}` | {_in_a_table(a.change)} | {a.answer} |\n"
        for a in read_mutation_answers()
    )
    return _MUTATION + "".join(rows)


def _in_a_table(change: str) -> str:
    return change.replace("|", "\\|")


def slither_page() -> str:
    """The answers to Slither's findings."""
    rows = (f"| `{a.check}` | {_everywhere(a.place)} | {a.answer} |\n" for a in read_answers())
    return _SLITHER + "".join(rows)


def _everywhere(place: str) -> str:
    return "everywhere" if place == EVERYWHERE else f"`{place}`"


PAGES: dict[str, Callable[[], str]] = {
    "errors.md": errors_page,
    "cli.md": cli_page,
    "contracts.md": contracts_page,
    "static-analysis.md": slither_page,
    "mutation.md": mutation_page,
}
"""Page → what it must hold."""


def _leaves(path: list[str], command: Command) -> Iterator[tuple[list[str], Command]]:
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    if command.invoke_without_command and command.params:
        yield path, command
    for name, child in command.commands.items():
        assert isinstance(child, TyperCommand | TyperGroup)
        yield from _leaves([*path, name], child)


def _command(path: list[str], command: Command) -> str:
    named = (each.name for each in command.params if isinstance(each, TyperArgument))
    usage = " ".join(["headwater", *path, *(str(name).upper() for name in named)])
    text = " ".join((command.help or "").split())
    rows = "".join(
        f"| `{', '.join((*each.opts, *each.secondary_opts))}` | {_default(each)} | {each.help} |\n"
        for each in options_of(command)
    )
    table = f"\n| option | default | meaning |\n|---|---|---|\n{rows}" if rows else ""
    return f"## headwater {' '.join(path)}\n\n`{usage}`\n\n{text}\n{table}"


def _default(option: TyperOption) -> str:
    return "" if option.default in (None, False) else f"`{str(option.default).lower()}`"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), "utf-8")
