"""A real language model by its name, `provider:model`, for the frameworks' research agents."""

import importlib
from importlib.util import find_spec

from langchain_core.language_models import BaseChatModel

from headwater_payments.errors import InvalidInputError


def chat_model(name: str) -> BaseChatModel:
    """A LangChain chat model by name; pydantic-ai takes such names itself.

    Raises:
        InvalidInputError: LangChain or the provider's package is not installed, the name is not
            known, or the provider finds no credentials.
    """
    if find_spec("langchain") is None:
        raise InvalidInputError(
            f"To run on {name}, install the package langchain and that of its provider.", model=name
        )
    module = importlib.import_module("langchain.chat_models")
    try:
        model: object = module.init_chat_model(name)
    except Exception as exc:
        # Each provider raises errors of its own; whichever it is, the name cannot be used here.
        raise InvalidInputError(f"{name} cannot be used: {exc}", model=name) from exc
    if not isinstance(model, BaseChatModel):
        raise InvalidInputError(f"{name} is no chat model.", model=name)
    return model
