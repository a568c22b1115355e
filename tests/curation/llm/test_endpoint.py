import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from curation.errors import BadValue, EndpointFailed
from curation.llm.endpoint import AnswerLost, Endpoint, retry_after_s
from tests.fake_endpoint import running
from tests.patience import PATIENCE_S

ASK = {"model": "fake", "messages": [{"role": "user", "content": "May an interrupt handler sleep?"}], "temperature": 0.2}


def test_an_answer_comes_with_its_tokens():
    with running() as server, Endpoint(server.base_url, "fake") as endpoint:
        answer = endpoint.chat(ASK)
        assert "interrupt context" in answer.text and answer.finish_reason == "stop"
        assert answer.prompt_tokens == 7 and (answer.completion_tokens or 0) > 5
        assert server.requests == [ASK]
        assert endpoint.models() == ["fake"]


def test_a_busy_endpoint_is_asked_again_after_the_time_it_says():
    waits = []
    with running("busy") as server, Endpoint(server.base_url, "fake", sleep=waits.append) as endpoint:
        assert endpoint.chat(ASK).text
        assert len(server.requests) == 3 and waits == [0.0, 0.0]


def test_a_failing_endpoint_is_given_up_after_growing_waits_and_says_what_it_said():
    waits = []
    with running("error") as server, Endpoint(server.base_url, "fake", sleep=waits.append) as endpoint:
        with pytest.raises(EndpointFailed, match="answered 500: the model fell over"):
            endpoint.chat(ASK)
        assert len(server.requests) == 5
        assert all(later > earlier for earlier, later in zip(waits, waits[1:], strict=False))


def test_an_endpoint_that_nobody_serves_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Endpoint(f"http://127.0.0.1:{port}/v1", "fake", sleep=lambda s: None) as endpoint:
        with pytest.raises(EndpointFailed, match=f"{port}/v1 failed: it cannot be reached"):
            endpoint.chat(ASK)


def test_a_request_that_timed_out_is_not_sent_again_because_it_may_be_paid():
    with running("slow", delay_s=PATIENCE_S) as server, Endpoint(server.base_url, "fake", timeout_s=1) as endpoint:
        with pytest.raises(AnswerLost, match="no answer within 1 s"):
            endpoint.chat(ASK)
        assert len(server.requests) == 1


def test_a_page_instead_of_json_is_an_error_that_shows_its_beginning():
    with running("html") as server, Endpoint(server.base_url, "fake") as endpoint:
        with pytest.raises(EndpointFailed, match="no JSON: <html>Sign in"):
            endpoint.chat(ASK)


def test_the_key_comes_from_the_environment_and_is_in_no_error(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.setenv("FLOWSIGHT_LLM_KEY", "sk-very-secret")
    with running("unauthorized") as server, Endpoint(server.base_url, "fake") as endpoint:
        with pytest.raises(EndpointFailed) as caught:
            endpoint.chat(ASK)
        assert server.keys == ["Bearer sk-very-secret"]  # refused once, not asked again
    assert "401" in str(caught.value) and "secret" not in str(caught.value) + repr(caught.value.params)


@pytest.mark.parametrize("address", ["ftp://host/v1", "host:8000", "", "file:///etc/passwd", "http://", "http://[::1/v1"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(BadValue, match="base_url"):
        Endpoint(address, "m")


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(BadValue) as caught:
        Endpoint("https://me:hunter2@host/v1", "m")
    assert "hunter2" not in str(caught.value)


def test_retry_after_is_read_as_seconds_or_as_a_date():
    assert retry_after_s("7") == 7.0 and retry_after_s("soon") is None and retry_after_s(None) is None
    assert 50 < (retry_after_s(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)) or 0) <= 60
    assert retry_after_s(format_datetime(datetime.now(UTC) - timedelta(seconds=60), usegmt=True)) == 0.0


def test_an_answer_that_drips_for_ever_ends_with_the_time_of_the_whole_call():
    with running("drip") as server, Endpoint(server.base_url, "fake", timeout_s=1) as endpoint:
        with pytest.raises(AnswerLost, match="no answer within 1 s"):
            endpoint.chat(ASK)
        assert len(server.requests) == 1
