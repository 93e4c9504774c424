"""The accounting of buyer and seller agrees, whatever the order of events."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headwater_payments.channels import (
    BuyerChannel,
    ChannelBusyError,
    ChannelFundsError,
    ChargeAboveCapError,
    SellerChannel,
    VoucherMismatchError,
)


def test_a_sequential_voucher_is_exactly_the_charged_total_plus_the_price() -> None:
    assert BuyerChannel(balance=100, charged=30).next_voucher(10, concurrent=False) == 40


def test_a_sequential_channel_serves_one_request_at_a_time() -> None:
    busy = BuyerChannel(balance=100).with_reservation(10, 10)
    with pytest.raises(ChannelBusyError):
        busy.next_voucher(10, concurrent=False)
    with pytest.raises(ChannelBusyError):
        SellerChannel(balance=100, reserved=1).reserve(10, 10, concurrent=False)


def test_a_sequential_seller_takes_no_other_voucher_than_the_expected_one() -> None:
    for wrong in (9, 11):
        with pytest.raises(VoucherMismatchError):
            SellerChannel(balance=100).reserve(wrong, 10, concurrent=False)


def test_a_voucher_above_the_escrow_is_refused() -> None:
    with pytest.raises(ChannelFundsError):
        SellerChannel(balance=5).reserve(10, 10, concurrent=False)


def test_concurrent_vouchers_may_arrive_in_any_order() -> None:
    buyer = BuyerChannel(balance=100)
    maxima = []
    for amount in (10, 20, 30):
        maximum = buyer.next_voucher(amount, concurrent=True)
        buyer = buyer.with_reservation(amount, maximum)
        maxima.append((maximum, amount))
    seller = SellerChannel(balance=100)
    for maximum, amount in reversed(maxima):
        seller = seller.reserve(maximum, amount, concurrent=True)
    assert seller.reserved == 60
    assert seller.signed == 60


def test_no_two_concurrent_vouchers_are_alike_even_when_nothing_was_charged() -> None:
    buyer = BuyerChannel(balance=100)
    first = buyer.next_voucher(10, concurrent=True)
    buyer = buyer.with_reservation(10, first).settled(10, 0, 0)
    assert buyer.next_voucher(10, concurrent=True) == first + 1


def test_headroom_that_was_released_is_reused_by_the_next_voucher() -> None:
    buyer = BuyerChannel(balance=1000).with_reservation(100, 100).settled(100, 40, 40)
    assert buyer.next_voucher(100, concurrent=True) == 140


@pytest.mark.parametrize(("charge", "seller_total"), [(11, None), (-1, None), (5, 99), (5, 4)])
def test_a_charge_that_does_not_follow_is_caught(charge: int, seller_total: int | None) -> None:
    buyer = BuyerChannel(balance=100).with_reservation(10, 10)
    with pytest.raises(ChargeAboveCapError):
        buyer.settled(10, charge, seller_total)


class OneChannel(RuleBasedStateMachine):
    """A buyer and a seller exchange vouchers; delivery is reordered, calls fail, deposits grow."""

    def __init__(self) -> None:
        super().__init__()
        self.buyer = BuyerChannel(balance=1_000)
        self.seller = SellerChannel(balance=1_000)
        self.travelling: list[tuple[int, int]] = []
        self.serving: list[int] = []
        self.replied: list[tuple[int, int]] = []
        self.accepted = 0

    @rule(amount=st.integers(1, 200))
    def request(self, amount: int) -> None:
        maximum = self.buyer.next_voucher(amount, concurrent=True)
        if missing := self.buyer.missing_deposit(maximum):
            self.buyer = BuyerChannel(
                self.buyer.balance + missing,
                self.buyer.charged,
                self.buyer.reserved,
                self.buyer.signed,
            )
            self.seller = SellerChannel(
                self.seller.balance + missing,
                self.seller.claimed,
                self.seller.charged,
                self.seller.reserved,
                self.seller.signed,
            )
        self.buyer = self.buyer.with_reservation(amount, maximum)
        self.travelling.append((maximum, amount))

    @precondition(lambda self: self.travelling)
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.travelling) - 1))
        maximum, amount = self.travelling.pop(index)
        try:
            self.seller = self.seller.reserve(maximum, amount, concurrent=True)
        except VoucherMismatchError:
            self.buyer = self.buyer.released(amount)
            return
        self.accepted += 1
        self.serving.append(amount)

    @precondition(lambda self: self.serving)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        amount = self.serving.pop(data.draw(st.integers(0, len(self.serving) - 1)))
        charge = data.draw(st.integers(0, amount))
        self.seller = self.seller.commit(amount, charge)
        self.replied.append((amount, charge))

    @precondition(lambda self: self.replied)
    @rule(data=st.data())
    def reply(self, data: st.DataObject) -> None:
        amount, charge = self.replied.pop(data.draw(st.integers(0, len(self.replied) - 1)))
        self.buyer = self.buyer.settled(amount, charge, None)

    @invariant()
    def nobody_can_take_more_than_was_signed(self) -> None:
        seller, buyer = self.seller, self.buyer
        assert seller.claimed <= seller.charged <= seller.signed <= seller.balance
        assert seller.charged + seller.reserved <= max(seller.signed, 0)
        assert buyer.charged <= seller.charged <= buyer.charged + buyer.reserved
        assert seller.signed <= buyer.signed

    def teardown(self) -> None:
        for amount, charge in self.replied:
            self.buyer = self.buyer.settled(amount, charge, None)
        assert self.buyer.charged == self.seller.charged


TestOneChannel = OneChannel.TestCase
TestOneChannel.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
