"""The chat dialect is read leniently and counted strictly."""

import pytest
from pydantic import ValidationError

from headwater_models.chat import (
    DEFAULT_MAX_TOKENS,
    MESSAGE_OVERHEAD_TOKENS,
    ChatMessage,
    ChatRequest,
    Usage,
    count_prompt_tokens,
)


def test_unknown_fields_are_kept_for_the_upstream() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi", "x_cache": True}],
        "logit_bias": {"1": 2},
    }
    kept = ChatRequest.model_validate(body).model_dump(exclude_unset=True)
    assert kept == body


def test_content_parts_are_read_as_text_and_pictures_skipped() -> None:
    message = ChatMessage.model_validate(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "one"},
                {"type": "image_url", "image_url": {"url": "data:,"}},
                {"type": "text", "text": "two"},
            ],
        }
    )
    assert message.text == "one\ntwo"


def test_the_smaller_of_two_caps_binds() -> None:
    request = ChatRequest(
        model="m",
        messages=[ChatMessage(role="user", content="q")],
        max_tokens=9,
        max_completion_tokens=5,
    )
    assert request.completion_limit == 5
    assert request.model_copy(
        update={"max_tokens": None, "max_completion_tokens": None}
    ).completion_limit == (DEFAULT_MAX_TOKENS)


def test_the_question_is_the_last_thing_a_user_said() -> None:
    said = [("user", "first"), ("assistant", "answer"), ("user", "second"), ("system", "rules")]
    messages = [ChatMessage(role=role, content=text) for role, text in said]
    assert ChatRequest(model="m", messages=messages).question == "second"


def test_every_message_costs_its_framing() -> None:
    messages = [
        ChatMessage(role="user", content="two words"),
        ChatMessage(role="assistant", content=None),
    ]
    assert count_prompt_tokens(messages) == 2 + 2 * MESSAGE_OVERHEAD_TOKENS


@pytest.mark.parametrize(
    "wrong", [{"messages": []}, {"max_tokens": 0}, {"temperature": -1}, {"model": ""}]
)
def test_a_request_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
    ChatRequest.model_validate(body)
    with pytest.raises(ValidationError):
        ChatRequest.model_validate(body | wrong)


def test_missing_token_counts_are_zero_and_the_total_adds_up() -> None:
    assert Usage.model_validate({"prompt_tokens": None}).prompt_tokens == 0
    assert Usage.of(3, 4).total_tokens == 7
