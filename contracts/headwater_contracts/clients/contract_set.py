"""What a planned deployment has created so far; `deployments.plan` builds its transactions."""

from headwater_contracts.clients.base import ContractClient
from headwater_contracts.events.deployments import CONTRACT_SET_EVENTS, PartCreated


class ContractSetClient(ContractClient[PartCreated]):
    """Reads which parts a deployment created, and in which transactions."""

    contract = "ContractSet"
    event_kinds = CONTRACT_SET_EVENTS
