"""Jobs between agents with the money in escrow, by ERC-8183's lifecycle."""

from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import (
    ContractClient,
    as_address,
    as_bytes,
    as_int,
    as_tuple,
)
from headwater_contracts.clients.lineage import optional_address
from headwater_contracts.events.jobs import JOB_EVENTS, JobCreated, JobEvent, JobStatus
from headwater_contracts.reader import Receipt
from headwater_payments.address import ZERO_ADDRESS, Address, parse_address
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Job:
    """A job; its budget in atomic units, its expiry in unix seconds."""

    client: Address
    provider: Address | None
    evaluator: Address
    budget: int
    expired_at: int
    status: JobStatus
    deliverable: bytes
    description: str


class JobEscrowClient(ContractClient[JobEvent]):
    """The client pays in, the provider submits, the evaluator alone completes."""

    contract = "JobEscrow"
    event_kinds = JOB_EVENTS

    async def payment_token(self) -> Address:
        """The one token that jobs are paid in."""
        return await self._view_address("paymentToken")

    async def job_count(self) -> int:
        """How many jobs there are; they are numbered from 1."""
        return await self._view_int("jobCount")

    async def job(self, job_id: int) -> Job:
        """A job.

        Raises:
            InvalidInputError: there is none of this id.
        """
        (value,) = await self._view("getJob", require_uint("job_id", job_id, 256))
        client, provider, evaluator, _, budget, expires, status, work, words = as_tuple(value)
        if optional_address(client) is None:
            raise InvalidInputError(f"There is no job {job_id}.", job_id=job_id)
        return Job(
            as_address(client),
            optional_address(provider),
            as_address(evaluator),
            as_int(budget),
            as_int(expires),
            JobStatus(as_int(status)),
            as_bytes(work),
            str(words),
        )

    async def credit(self, token: Address, account: Address) -> int:
        """What the token refused to pay to an account, atomic units."""
        return await self._view_int("credits", parse_address(token), parse_address(account))

    def create_job(
        self,
        evaluator: Address,
        expired_at: int,
        description: str,
        provider: Address | None = None,
    ) -> Call:
        """Create a job of the sender; its id is in the receipt (`created_job`).

        Args:
            evaluator: who says whether the work is done; the client itself, if nobody else.
            expired_at: from when anyone may have the client refunded, unix seconds.
            description: what is to be done, or where that is said.
            provider: who does it; named later when None.
        """
        return self._build(
            "create a job",
            "createJob",
            parse_address(provider) if provider else ZERO_ADDRESS,
            parse_address(evaluator),
            require_uint("expired_at", expired_at, 256),
            description,
            ZERO_ADDRESS,
        )

    def set_provider(self, job_id: int, provider: Address) -> Call:
        """Name the provider of a job that has none, as its client."""
        return self._step("setProvider", job_id, parse_address(provider), words="name a provider")

    def set_budget(self, job_id: int, amount: int) -> Call:
        """Propose a price, as client or provider."""
        amount = require_uint("amount", amount, 256)
        return self._step("setBudget", job_id, amount, words=f"propose {amount}")

    def fund(self, job_id: int, expected_budget: int) -> Call:
        """Pay in, as the client, if the price is the one expected; the allowance comes first."""
        expected = require_uint("expected_budget", expected_budget, 256)
        return self._step("fund", job_id, expected, words=f"pay in {expected}")

    def submit(self, job_id: int, deliverable: bytes) -> Call:
        """Hand in the work, as the provider: keccak256 of the result, or another reference."""
        return self._step(
            "submit", job_id, require_bytes32("deliverable", deliverable), words="submit work"
        )

    def complete(self, job_id: int, reason: bytes = bytes(32)) -> Call:
        """Accept the work, as the evaluator."""
        return self._step("complete", job_id, require_bytes32("reason", reason), words="accept")

    def reject(self, job_id: int, reason: bytes = bytes(32)) -> Call:
        """End without payment: as the client while it is open, later as the evaluator."""
        return self._step("reject", job_id, require_bytes32("reason", reason), words="reject")

    def claim_refund(self, job_id: int) -> Call:
        """Have the client refunded once the job has expired; anyone may."""
        return self._build(
            f"refund job {job_id}", "claimRefund", require_uint("job_id", job_id, 256)
        )

    def withdraw(self, token: Address) -> Call:
        """Take out what the token had refused to pay to the sender."""
        return self._build("withdraw credits", "withdraw", parse_address(token))

    def created_job(self, receipt: Receipt) -> int:
        """The job that a transaction created.

        Raises:
            InvalidInputError: it created none.
        """
        return self._only(receipt, JobCreated).job_id

    def _step(self, function: str, job_id: int, argument: object, *, words: str) -> Call:
        return self._build(
            f"{words} in job {job_id}",
            function,
            require_uint("job_id", job_id, 256),
            argument,
            b"",
        )
