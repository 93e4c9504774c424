"""Policies as TOML: what a file means, and one sentence with line and key for what it cannot."""

from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount
from headwater_wallet.cli import app
from headwater_wallet.policy import CircuitBreaker, PaymentRequest, Window
from headwater_wallet.policy_toml import InvalidPolicyError, load_policy, parse_policy
from support.shop import PAYEE, USDC

OTHER = parse_address("0x" + "44" * 20)
GOOD = f"""\
deposit = "2"

[asset]
chain_id = 84532
address = "{USDC.address}"
symbol = "USDC"
decimals = 6
name = "USDC"
version = "2"

[[constraints]]
type = "payment.budget"
max = "25"
currency = "USDC"

[[constraints]]
type = "payment.amount_range"
max = "0.5"
min = "0.0001"
currency = "USDC"

[[constraints]]
type = "payment.allowed_payees"
payees = ["{PAYEE}"]

[[constraints]]
type = "payment.agent_recurrence"
frequency = "DAILY"
max_occurrences = 100

[[windows]]
period = "hour"
most = "1"
per_payee = true

[[rules]]
action = "ask"
reason = "it is dear"
above = "0.1"

[[rules]]
action = "allow"
reason = "the rest"

[breaker]
failures = 3
pause_s = 30
"""


def says(atomic: int, payee: Address = PAYEE) -> tuple[str, str]:
    request = PaymentRequest(Amount(atomic, USDC), payee, "http://shop.test", "http://shop.test/x")
    verdict = parse_policy(GOOD).explain(request)
    return verdict.outcome, verdict.reason


def test_a_file_is_the_policy_that_it_describes(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(GOOD, encoding="utf-8")
    policy = load_policy(path)
    assert policy.budget == USDC.amount("25")
    assert policy.deposit_limit == 2_000_000
    assert policy.breaker == CircuitBreaker(3, 30)
    assert policy.windows == (
        Window(86_400, payments=100),
        Window(3_600, most=1_000_000, per_payee=True),
    )


@pytest.mark.parametrize(
    ("atomic", "payee", "outcome", "words"),
    [
        (100, PAYEE, "allow", "the rest"),
        (99, PAYEE, "deny", "below 0.000100 USDC"),
        (100_000, PAYEE, "allow", "the rest"),
        (100_001, PAYEE, "ask", "it is dear"),
        (500_001, PAYEE, "deny", "above 0.500000 USDC"),
        (100, OTHER, "deny", "not among the allowed"),
    ],
)
def test_constraints_come_before_the_rules(
    atomic: int, payee: Address, outcome: str, words: str
) -> None:
    said = says(atomic, payee)
    assert said[0] == outcome
    assert words in said[1]


@pytest.mark.parametrize("quote", ['"', ""])
def test_payments_may_be_kept_to_a_time(quote: str) -> None:
    first, last = "2026-03-01T09:00:00+01:00", "2026-03-31T18:00:00Z"
    dates = f"""
[[constraints]]
type = "payment.execution_date"
not_before = {quote}{first}{quote}
not_after = {quote}{last}{quote}
"""
    policy = parse_policy(GOOD + dates)
    begins, ends = (int(datetime.fromisoformat(each).timestamp()) for each in (first, last))
    request = PaymentRequest(Amount(1_000, USDC), PAYEE, "http://shop.test", "http://shop.test/x")
    for now, said in (
        (begins - 1, "it is before the time for payments."),
        (begins, "the rest"),
        (ends, "the rest"),
        (ends + 1, "it is after the time for payments."),
    ):
        assert policy.explain(request, now=now).reason.endswith(said)


def test_a_rule_may_hold_from_a_moment_on() -> None:
    rule = '[[rules]]\naction = "ask"\nreason = "it is late"\nafter = 2026-03-31T18:00:00Z\n'
    text = GOOD.replace("[[rules]]", f"{rule}\n[[rules]]", 1)
    request = PaymentRequest(Amount(1_000, USDC), PAYEE, "http://shop.test", "http://shop.test/x")
    late = int(datetime.fromisoformat("2026-03-31T18:00:01Z").timestamp())
    assert parse_policy(text).explain(request, now=late - 1).outcome == "allow"
    assert parse_policy(text).explain(request, now=late).outcome == "ask"


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ("", "it has a not_before, a not_after, or both"),
        ('not_after = "next week"', "'next week' is no date and time"),
        ("not_after = 2026-03-31", "a moment has a date, a time and an offset"),
        ('not_after = "2026-03-31T18:00:00"', "a moment has a date, a time and an offset"),
        (
            "not_before = 2026-04-01T00:00:00Z\nnot_after = 2026-03-31T00:00:00Z",
            "not_before is after not_after",
        ),
    ],
)
def test_a_time_that_is_none_is_refused(dates: str, said: str) -> None:
    with pytest.raises(InvalidPolicyError, match=said):
        parse_policy(f'{GOOD}\n[[constraints]]\ntype = "payment.execution_date"\n{dates}\n')


def test_a_constraint_that_a_wallet_cannot_hold_to_is_refused() -> None:
    text = f'{GOOD}\n[[constraints]]\ntype = "payment.allowed_pisps"\nallowed = ["a"]\n'
    with pytest.raises(InvalidPolicyError, match=r"payment\.execution_date"):
        parse_policy(text)


def test_a_rule_may_limit_the_price_of_tokens_and_want_a_reputation(tmp_path: Path) -> None:
    more = """reason = "the rest"
most_per_thousand_input = "0.002"
most_per_thousand_output = "0.008"
token_price_rise_percent = 5
least_reputation = 60"""
    text = GOOD.replace('reason = "the rest"', more)
    rule = parse_policy(text).rules[-1]
    assert (rule.most_per_thousand_input, rule.most_per_thousand_output) == (2_000, 8_000)
    assert (rule.least_reputation, rule.token_price_rise_percent) == (60, 5)
    text = text.replace("token_price_rise_percent = 5\n", "")
    for wrong, key in (("= 60", "= 101"), ('"0.002"', '"-1"')):
        with pytest.raises(InvalidPolicyError, match=r"rules\.2"):
            parse_policy(text.replace(wrong, key))
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    asked = ["policy", "explain", str(path), "--amount", "0.01", "--payee", PAYEE]
    asked += ["--url", "http://shop.test/x"]
    run = CliRunner()
    assert run.invoke(app, asked).output.startswith("deny\tno rule")
    known = [*asked, "--reputation", "60", "--per-thousand", "0.002", "0.008"]
    assert run.invoke(app, known).output.startswith("allow\trule 5")
    dear = [*asked, "--reputation", "60", "--per-thousand", "0.002", "0.009"]
    assert run.invoke(app, dear).output.startswith("deny\tno rule")


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("decimals = 6", 'decimals = "six"', 7, "asset.decimals"),
        ('max = "25"', 'max = "lots"', 13, "constraints.1.max"),
        ('max = "0.5"', 'max = "0.00000001"', 18, "constraints.2.max"),
        ('min = "0.0001"', 'min = "0.6"', 19, "constraints.2.min"),
        (f'["{PAYEE}"]', '["0x12"]', 24, "constraints.3.payees.1"),
        ("DAILY", "YEARLY", 28, "constraints.4.frequency"),
        ('period = "hour"', 'period = "year"', 32, "windows.1.period"),
        ('most = "1"', "", 31, "windows.1"),
        ('action = "ask"', 'action = "think"', 37, "rules.1.action"),
        ('above = "0.1"', 'abov = "0.1"', 39, "rules.1.abov"),
        ('above = "0.1"', "above = 0.1", 39, "rules.1.above"),
        ("pause_s = 30", "pause_s = 0", 47, "breaker.pause_s"),
        ('deposit = "2"', 'deposit = "-2"', 1, "deposit"),
        ('"payment.budget"', '"payment.credit"', 11, "constraints.1"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_key(old: str, new: str, line: int, key: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(InvalidPolicyError) as refusal:
        parse_policy(GOOD.replace(old, new, 1), name="p.toml")
    assert (refusal.value.details["line"], refusal.value.details["key"]) == (line, key)
    assert f"line {line}, {key}: " in refusal.value.message
    assert "\n" not in refusal.value.message


def test_another_currency_or_a_missing_budget_is_no_policy() -> None:
    with pytest.raises(InvalidPolicyError, match="currency is 'EUR'"):
        parse_policy(GOOD.replace('currency = "USDC"', 'currency = "EUR"', 1))
    without = GOOD.replace("payment.budget", "payment.amount_range", 1)
    with pytest.raises(InvalidPolicyError, match=r"one constraint is a payment\.budget"):
        parse_policy(without)


def test_broken_toml_and_missing_files_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicyError, match=r"is not TOML: .*line 1"):
        parse_policy("[asset\n")
    with pytest.raises(InvalidPolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty."),
        (b" \n\n", "is empty."),
        (bytes(range(256)), "is not text in UTF-8."),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_cannot_be_a_policy_is_refused_with_the_reason(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "policy.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidPolicyError) as refused:
        load_policy(path)
    assert refused.value.message == f"The policy {path} {reason}"
