"""Paying and selling from pydantic-ai, LangGraph and plain functions.

What needs no framework is here; `pydantic_wallet`, `pydantic_researcher`, `langgraph_wallet`,
`langgraph_researcher` and `langchain_model` are imported by name, with the extra `agents`.
"""

from headwater_agents.answers import Message, Purchase
from headwater_agents.buyer import Buyer
from headwater_agents.charges import Charge
from headwater_agents.experience import Experience
from headwater_agents.keys import payment_key
from headwater_agents.market import Catalogue, FixedCatalogue, FixedListing, Listing, Purse
from headwater_agents.scripted import ResearchPolicy

__all__ = [
    "Buyer",
    "Catalogue",
    "Charge",
    "Experience",
    "FixedCatalogue",
    "FixedListing",
    "Listing",
    "Message",
    "Purchase",
    "Purse",
    "ResearchPolicy",
    "payment_key",
]
