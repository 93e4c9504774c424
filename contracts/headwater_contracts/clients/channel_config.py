"""A channel's terms between Python and the ABI."""

from headwater_contracts.calls import require_bytes32, require_uint
from headwater_contracts.clients.base import as_address, as_bytes, as_int, as_tuple
from headwater_payments.address import parse_address
from headwater_payments.structs import ChannelConfig


def config_as_tuple(config: ChannelConfig) -> tuple[object, ...]:
    """A channel's terms in the order of the ABI.

    Raises:
        InvalidInputError: a value does not fit.
    """
    return (
        parse_address(config.payer),
        parse_address(config.payer_authorizer),
        parse_address(config.receiver),
        parse_address(config.receiver_authorizer),
        parse_address(config.token),
        require_uint("withdraw_delay", config.withdraw_delay, 40),
        require_bytes32("salt", config.salt),
    )


def config_from_tuple(value: object) -> ChannelConfig:
    """A channel's terms from the decoded struct."""
    payer, payer_authorizer, receiver, receiver_authorizer, token, delay, salt = as_tuple(value)
    return ChannelConfig(
        payer=as_address(payer),
        payer_authorizer=as_address(payer_authorizer),
        receiver=as_address(receiver),
        receiver_authorizer=as_address(receiver_authorizer),
        token=as_address(token),
        withdraw_delay=as_int(delay),
        salt=as_bytes(salt),
    )
