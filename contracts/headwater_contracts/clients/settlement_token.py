"""The token that is paid with: ERC-20, EIP-2612 and EIP-3009 as USDC has them."""

from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.events.token import TOKEN_EVENTS, TokenEvent
from headwater_contracts.reader import BlockName
from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Asset

_TRANSFER = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
_RECEIVE = "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
_CANCEL = "cancelAuthorization(address,bytes32,bytes)"


@dataclass(frozen=True, slots=True)
class TransferAuthorization:
    """What an EIP-3009 signature authorizes. `value` in atomic units, times in unix seconds."""

    sender: Address
    recipient: Address
    value: int
    valid_after: int
    valid_before: int
    nonce: bytes

    def arguments(self) -> tuple[object, ...]:
        """In the order of the ABI.

        Raises:
            InvalidInputError: a value does not fit.
        """
        return (
            parse_address(self.sender),
            parse_address(self.recipient),
            require_uint("value", self.value, 256),
            require_uint("valid_after", self.valid_after, 256),
            require_uint("valid_before", self.valid_before, 256),
            require_bytes32("nonce", self.nonce),
        )


class SettlementTokenClient(ContractClient[TokenEvent]):
    """Amounts are atomic units: 10^-6 of a dollar for USDC."""

    contract = "SettlementToken"
    event_kinds = TOKEN_EVENTS

    async def asset(self, chain_id: int) -> Asset:
        """What wallets and sellers name their prices in, as the token describes itself.

        Args:
            chain_id: of the chain it is on.
        """
        return Asset(
            chain_id=chain_id,
            address=self.address,
            symbol="USDC",
            decimals=await self.decimals(),
            name=await self.name(),
            version=await self.version(),
        )

    async def balance(self, account: Address) -> int:
        """What an account holds."""
        return await self._view_int("balanceOf", parse_address(account))

    async def allowance(self, owner: Address, spender: Address) -> int:
        """What `spender` may still take from `owner`."""
        return await self._view_int("allowance", parse_address(owner), parse_address(spender))

    async def total_supply(self) -> int:
        """All units there are."""
        return await self._view_int("totalSupply")

    async def decimals(self) -> int:
        """Digits after the point of one whole token."""
        return await self._view_int("decimals")

    async def name(self) -> str:
        """The name, which is also its EIP-712 domain's."""
        (value,) = await self._view("name")
        return str(value)

    async def version(self) -> str:
        """The version in its EIP-712 domain."""
        (value,) = await self._view("version")
        return str(value)

    async def domain_separator(self) -> bytes:
        """The hash of its EIP-712 domain."""
        (value,) = await self._view("DOMAIN_SEPARATOR")
        return bytes(value) if isinstance(value, bytes) else b""

    async def authorization_used(
        self, authorizer: Address, nonce: bytes, *, block: BlockName = "latest"
    ) -> bool:
        """Whether an EIP-3009 nonce is spent or cancelled."""
        (value,) = await self._view(
            "authorizationState",
            parse_address(authorizer),
            require_bytes32("nonce", nonce),
            block=block,
        )
        return bool(value)

    def transfer(self, to: Address, amount: int) -> Call:
        """Move the sender's units."""
        require_uint("amount", amount, 256)
        return self._build(f"send {amount} to {to}", "transfer", parse_address(to), amount)

    def approve(self, spender: Address, amount: int) -> Call:
        """Let `spender` take up to `amount` of the sender's units."""
        require_uint("amount", amount, 256)
        return self._build(
            f"let {spender} take {amount}", "approve", parse_address(spender), amount
        )

    def mint(self, to: Address, amount: int) -> Call:
        """Create units; for the minter of a development token only."""
        require_uint("amount", amount, 256)
        return self._build(f"mint {amount} for {to}", "mint", parse_address(to), amount)

    def transfer_with_authorization(
        self, authorization: TransferAuthorization, signature: bytes
    ) -> Call:
        """Move units as their owner signed; anyone may send it."""
        return self._build(
            f"move {authorization.value} as {authorization.sender} signed",
            _TRANSFER,
            *authorization.arguments(),
            signature,
        )

    def receive_with_authorization(
        self, authorization: TransferAuthorization, signature: bytes
    ) -> Call:
        """Move units as their owner signed; only the recipient may send it."""
        return self._build(
            f"receive {authorization.value} as {authorization.sender} signed",
            _RECEIVE,
            *authorization.arguments(),
            signature,
        )

    def cancel_authorization(self, authorizer: Address, nonce: bytes, signature: bytes) -> Call:
        """Spend a nonce without moving anything."""
        return self._build(
            "cancel an authorization",
            _CANCEL,
            parse_address(authorizer),
            require_bytes32("nonce", nonce),
            signature,
        )
