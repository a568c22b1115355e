"""How do seeds and code become rows to review? A campaign asks for instruction pairs, or for two answers to one prompt.

A campaign is a name. Starting it again goes on where it stopped: answers that are paid for are used, what surely failed is asked again,
then come the next ordinals. Every draw (seeds, code, subject, side on the screen) follows from the campaign's seed and the ordinal.

>>> options = GenerateOptions(campaign="first", task="function_pointer", count=50, lang="zh", base_url="http://127.0.0.1:8000/v1",
...                           model="qwen2.5-coder")
>>> run(store, settings, actor, options)
Counts(answered=13, rows=50, flagged=4, prompt_tokens=15210, completion_tokens=21874, ...)
"""
from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import Field

from curation import jobs
from curation.errors import BadValue, EndpointFailed, Reason, UserError, reason_in, record, remade
from curation.filters import Context, flag_items, row_text
from curation.jobs import JobStatus
from curation.llm.answers import UnreadableAnswer, read_pairs
from curation.llm.endpoint import Answer, AnswerLost, AnswerUnread, Endpoint, checked_url
from curation.llm.prompts import VARIETIES, Ask, answer_body, pairs_body
from curation.model import Actor, Item, Lang, Model, PreferencePrompt, canonical_json, stable_id
from curation.pairs import seeds as seed_files
from curation.pairs.seeds import Seed
from curation.people.access import require
from curation.settings import Settings
from curation.sourcing import sources
from curation.store import Store, items, ledger
from curation.store.ledger import Counts

MOST_FAILURES = 3  # calls in a row without an answer after which a campaign stops
GRACE_S = 1.2  # seconds that calls under way have after a stop
MOST_UNREAD = 5  # answers in a row that hold nothing usable after which it stops: they cost money
CODE_LINES = (6, 60)  # length of a function of imported code that is put before the model
LOW, HIGH = 0.2, 1.0  # temperatures of answers a and b of a preference pair
JOB = "generate"  # the kind of its jobs
Stop = Callable[[], bool]
Half = tuple[str, str]  # request hash, text


class GenerateOptions(Model):
    """count: rows wanted in the campaign altogether. task: a seed file's name; "preference" makes preference pairs, all others make
    instruction pairs. per_request: pairs asked for at once. examples: seeds shown. source: imported source whose functions the questions
    are to be about; None: the model invents code. seed: None: made of the campaign's name. most_requests: calls in the campaign
    altogether, a bound on the cost; None: three times what `count` takes, and ten more."""

    campaign: str = Field(pattern=r"^[\w][\w.\-]{0,79}$")
    task: str
    count: int = Field(ge=1, le=1_000_000)
    lang: Lang = "en"
    base_url: str
    model: str
    per_request: int = Field(default=4, ge=1, le=20)
    examples: int = Field(default=3, ge=1, le=10)
    temperature: float = Field(default=0.9, ge=0, le=2)
    max_tokens: int = Field(default=4096, ge=64)
    source: str | None = None
    seed: int | None = None
    concurrency: int = Field(default=2, ge=1, le=16)
    timeout_s: float = Field(default=120.0, gt=0)
    most_requests: int | None = Field(default=None, ge=1)

    @property
    def calls_per_unit(self) -> int:
        return 2 if self.task == "preference" else 1

    @property
    def rows_per_unit(self) -> int:
        return 1 if self.task == "preference" else self.per_request

    @property
    def request_limit(self) -> int:
        return self.most_requests or (3 * -(-self.count // self.rows_per_unit) + 10) * self.calls_per_unit

    def drawn(self, *what: object) -> int:
        """A number below 2**31 that follows from the campaign's seed and `what` alone."""
        start = self.campaign if self.seed is None else self.seed
        return int.from_bytes(hashlib.sha256(canonical_json([start, *what]).encode()).digest()[:4], "big") >> 1


def status(store: Store, campaign: str) -> Counts:
    """What the ledger and the items say of a campaign, running or not. `sent` calls of a campaign that does not run are lost."""
    return ledger.counts(store, campaign)


def campaigns(store: Store) -> list[str]:
    """Their names."""
    return ledger.campaigns(store)


def start(settings: Settings, actor: Actor, options: GenerateOptions) -> str:
    """Runs the campaign as a job of its own (see curation/jobs.py) and returns the job's id. Raises NotAllowed, BadValue, JobRuns."""
    require(actor, "lead", action="generate pairs")
    checked_url(options.base_url)
    given = options.model_dump(exclude_none=True)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return jobs.start(settings, JOB, ["generate", f"--user={actor.name}", *flags])


def stop(settings: Settings, actor: Actor, job: str) -> None:
    """Asks the campaign's job to stop; calls under way are waited for. Raises NotAllowed, NotFound."""
    require(actor, "lead", action="stop a campaign")
    jobs.stop(settings, job)


def asked_of(job: JobStatus) -> dict[str, str]:
    """What a campaign's job was asked for: option name -> text."""
    pairs = (arg.removeprefix("--").partition("=") for arg in job.argv if arg.startswith("--"))
    return {name.replace("-", "_"): value for name, _, value in pairs}


@dataclass(frozen=True)
class EndpointCheck:
    """models: the names the endpoint lists, None when it has no list. said: its answer to a one-word request."""

    models: list[str] | None
    said: str


def check_endpoint(actor: Actor, base_url: str, model: str, timeout_s: float = 20.0) -> EndpointCheck:
    """Asks for the list of models and for one word, without retries; a few tokens, not in any ledger. Raises NotAllowed, BadValue,
    EndpointFailed."""
    require(actor, "lead", action="ask a model endpoint")
    with Endpoint(base_url, model, timeout_s, retries=0) as endpoint:
        try:
            models: list[str] | None = endpoint.models()
        except EndpointFailed:
            models = None  # not every endpoint has a list; the request below tells what is wrong
        answer = endpoint.chat({"model": model, "messages": [{"role": "user", "content": "Say ok."}], "max_tokens": 16})
    return EndpointCheck(models, answer.text.strip()[:200])


def problem_of(text: str | None) -> UserError | None:
    """A ledger's problem as the error it was, so that it can be shown in any language; None for None."""
    return None if text is None else remade(json.loads(text))


def run(
    store: Store,
    settings: Settings,
    actor: Actor,
    options: GenerateOptions,
    stop: Stop = lambda: False,
    report: Callable[[Counts], None] = lambda counts: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Counts:
    """Runs a campaign until it has its rows, `stop()` is true, or the request limit is reached; after a stop calls under way have GRACE_S
    to end, since they are paid for. report: called with the counts after every answer.

    Raises NotAllowed, NotFound (task or source), BadValue, and EndpointFailed or UnreadableAnswer when the endpoint keeps failing or
    talks of something else; all answers are kept then."""
    require(actor, "lead", action="generate pairs")
    campaign = _Campaign(store, settings, options)
    campaign.use_answers_already_there()
    with Endpoint(options.base_url, options.model, options.timeout_s, sleep) as endpoint:
        trouble = campaign.work(endpoint, stop, report)
    if trouble is not None:
        raise trouble
    return status(store, options.campaign)


def _call(store: Store, endpoint: Endpoint, claim: Claim) -> Answer:
    """Sends a claimed request and writes what came of it, in the worker thread: nothing paid for is lost whatever the caller does."""
    try:
        answer = endpoint.chat(claim.request["body"])
    except AnswerUnread as err:
        ledger.answered(store, claim.name, err.body, None, None)
        return Answer(err.body)
    except EndpointFailed as err:
        ledger.ended(store, claim.name, "lost" if isinstance(err, AnswerLost) else "failed", canonical_json(record(err)))
        raise
    ledger.answered(store, claim.name, answer.text, answer.prompt_tokens, answer.completion_tokens)
    return answer


def _in_a_thread(fn: Callable[..., Answer], *args: Any) -> Future[Answer]:
    """Runs it in a thread that does not keep the process alive: a stop need not wait for an endpoint that hangs."""
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(fn(*args))
        except BaseException as err:  # noqa: BLE001 - handed to whoever asks the future
            future.set_exception(err)

    threading.Thread(target=work, daemon=True, name="generate").start()
    return future


@dataclass(frozen=True)
class Claim:
    """A request this process may send: `body` of the request goes out, `about` says what it was made of. name: its hash in the ledger."""

    name: str
    ordinal: int
    request: dict[str, Any]


class _Campaign:
    """What a running campaign remembers: its seeds, the functions it asks about, the filters' context, halves of preference pairs."""

    def __init__(self, store: Store, settings: Settings, options: GenerateOptions) -> None:
        self.store, self.settings, self.options = store, settings, options
        self.seeds = _seeds(options)
        self.files = _files(store, options.source)
        self.context = Context(tokenizer=settings.tokenizer)
        task = "preference" if options.task == "preference" else "self_instruct"
        self.context.remember(items.find(store, tasks=[task]))
        if task == "self_instruct":
            for seed in self.seeds:
                self.context.near.add(f"seed/{seed.id}", row_text(seed.pair(options.lang)))
        self.next_ordinal = ledger.next_ordinal(store, options.campaign)
        self.halves: dict[tuple[int, str], Half] = {}  # (ordinal, prompt) -> an answer whose other half is not there yet

    def use_answers_already_there(self) -> None:
        """Makes the rows of answers that were paid for before the process ended; those that exist are left alone."""
        for call in ledger.calls(self.store, self.options.campaign, "answered"):
            self.take(call.request_hash, call.ordinal, call.request, call.response or "")

    def work(self, endpoint: Endpoint, stop: Stop, report: Callable[[Counts], None]) -> UserError | None:
        """Keeps `concurrency` calls under way until there is nothing more to do. Returns the trouble that ended it early, else None."""
        counts, claims = status(self.store, self.options.campaign), self._claims()
        under_way: dict[Future[Answer], Claim] = {}
        failures = unread = 0
        trouble: UserError | None = None
        stopped_at: float | None = None
        while True:
            while trouble is None and not stop() and self._more_wanted(counts, under_way.values()) and (claim := next(claims, None)):
                self.next_ordinal = claim.ordinal + 1
                under_way[_in_a_thread(_call, self.store, endpoint, claim)] = claim
            if not under_way:
                return trouble
            if stop() and stopped_at is None:
                stopped_at = time.monotonic()
            if stopped_at is not None and time.monotonic() - stopped_at > GRACE_S:
                return trouble  # what is still under way stays "sent" in the ledger: it may have been paid for, and is not asked again
            for future in wait(under_way, timeout=0.5, return_when=FIRST_COMPLETED).done:
                claim = under_way.pop(future)
                try:
                    answer = future.result()
                except EndpointFailed as err:
                    failures += 1
                    trouble = trouble or (err if failures >= MOST_FAILURES else None)
                else:
                    problem = self.take(claim.name, claim.ordinal, claim.request, answer.text)
                    failures, unread = 0, unread + 1 if problem else 0
                    trouble = trouble or (problem if unread >= MOST_UNREAD else None)
                counts = status(self.store, self.options.campaign)
                report(counts)

    def _more_wanted(self, counts: Counts, under_way: Collection[Claim]) -> bool:
        """Whether to send one more: the second half of a begun pair always, a new unit if those under way do not suffice."""
        step = self.options.calls_per_unit
        coming = len({claim.ordinal // step for claim in under_way}) * self.options.rows_per_unit
        half = self.next_ordinal % step != 0
        wanted = counts.rows < self.options.count and (half or counts.rows + coming < self.options.count)
        return wanted and len(under_way) < self.options.concurrency

    def _claims(self) -> Iterator[Claim]:
        """First the requests that failed before, then new ones, up to the limit."""
        name = self.options.campaign
        for call in list(ledger.calls(self.store, name, "failed")):
            request = {**call.request, "body": {**call.request["body"], "model": self.options.model}}
            if claimed := ledger.claim(self.store, name, call.ordinal, request):
                yield Claim(claimed, call.ordinal, request)
        for ordinal in range(ledger.next_ordinal(self.store, name), self.options.request_limit):
            request = self._request(ordinal)
            if claimed := ledger.claim(self.store, name, ordinal, request):
                yield Claim(claimed, ordinal, request)

    def take(self, name: str, ordinal: int, request: dict[str, Any], text: str) -> UserError | None:
        """Makes items of an answer and stores them. An answer without anything usable is marked in the ledger and returned as error."""
        about = request["about"]
        found: list[Item] = []
        try:
            if about["kind"] == "preference":
                found, why = self._preference(name, ordinal, request, text)
            else:
                found, why = _pairs(name, request, text), Reason("no_pair", "no instruction with an answer")
        except (ValueError, RecursionError, OverflowError, MemoryError) as err:  # one bad answer costs itself, never the campaign
            why = reason_in(err)
        if why and not found:
            problem = UnreadableAnswer(ordinal=ordinal, campaign=self.options.campaign, why=why, beginning=text.strip()[:80])
            ledger.unreadable(self.store, name, canonical_json(record(problem)))
            return problem
        unique = {item.id: item for item in found}
        known = {item.id for item in items.find(self.store, ids=list(unique))}
        fresh = [item for item in unique.values() if item.id not in known]
        if fresh:
            items.add(self.store, flag_items(fresh, self.context))
        return None

    def _request(self, ordinal: int) -> dict[str, Any]:
        """The request of an ordinal."""
        options = self.options
        unit = ordinal // options.calls_per_unit
        draw = random.Random(options.drawn("unit", unit))
        about: dict[str, Any] = {"kind": "pairs", "topic": options.task, "lang": options.lang, "campaign": options.campaign}
        if options.task == "preference":
            seed = self.seeds[unit % len(self.seeds)] if unit < len(self.seeds) else draw.choice(self.seeds)
            prompt, temperature = seed.prompt(options.lang), (LOW, HIGH)[ordinal % 2]
            about |= {"kind": "preference", "topic": seed.task, "seeds": [seed.id], "prompt": prompt}
            about["side_seed"] = options.drawn("side", unit)
            body = answer_body(options.model, options.lang, prompt, temperature, options.max_tokens, options.drawn("call", ordinal))
            return {"body": body, "about": about}
        chosen = draw.sample(self.seeds, min(options.examples, len(self.seeds)))
        code = self._code(draw)
        about["seeds"] = [seed.id for seed in chosen]
        if code:
            about |= {"source": options.source, "file": code[0], "line": code[1]}
        ask = Ask(
            model=options.model, lang=options.lang, topic=options.task, seeds=chosen, wanted=options.per_request,
            variety=draw.choice(VARIETIES[options.lang]), code=code[2] if code else None,
            temperature=options.temperature, max_tokens=options.max_tokens, seed=options.drawn("call", ordinal),
        )
        return {"body": pairs_body(ask), "about": about}

    def _code(self, draw: random.Random) -> tuple[str, int, str] | None:
        """(file, first line, text) of a drawn function of the imported source; None when no source is asked for."""
        from curation.csource import outline

        if not self.files:
            return None
        least, most = CODE_LINES
        for path in draw.sample(self.files, min(20, len(self.files))):
            text = sources.read_text(self.store, self.settings, cast(str, self.options.source), path).text
            fitting = [f for f in outline(text) if least <= f.end_line - f.start_line + 1 <= most]
            if fitting:
                function = draw.choice(fitting)
                lines = text.splitlines()[function.start_line - 1 : function.end_line]
                return path, function.start_line, "\n".join(lines)
        why = Reason("no_fitting_function", "has no function of {least} to {most} lines in the files looked at", least=least, most=most)
        raise BadValue(field="source", value=self.options.source, why=why, todo=Reason("other_source", "Name another source, or none."))

    def _preference(self, name: str, ordinal: int, request: dict[str, Any], text: str) -> tuple[list[Item], str]:
        """The pair once both answers are there, else []; and why this answer is of no use ("" when it is)."""
        if not text.strip():
            return [], Reason("empty_answer", "an empty answer")
        prompt, first = request["about"]["prompt"], ordinal - ordinal % 2
        self.halves[ordinal, prompt] = name, text.strip()
        a, b = self.halves.get((first, prompt)), self.halves.get((first + 1, prompt))
        if a is None or b is None:
            return [], ""
        if a[1] == b[1]:
            return [], Reason("same_answers", "both answers are the same")
        return [_preference_item(request, a, b)], ""


def _pairs(name: str, request: dict[str, Any], text: str) -> list[Item]:
    about = request["about"]
    group = f"{about['source']}/{about['file']}" if "file" in about else f"seed/{about['seeds'][0]}"
    return [
        Item(
            id=stable_id("generated", "self_instruct", about["lang"], pair.instruction, pair.input, pair.output),
            task="self_instruct", origin="generated", lang=about["lang"], payload=pair.model_dump(), group=group,
            source=about.get("source"), file=about.get("file"), line=about.get("line"),
            meta=_meta(request, [name]),
        )
        for pair in read_pairs(text)
    ]


def _preference_item(request: dict[str, Any], a: tuple[str, str], b: tuple[str, str]) -> Item:
    about = request["about"]
    side: Literal["a", "b"] = "a" if random.Random(about["side_seed"]).random() < 0.5 else "b"
    pair = PreferencePrompt(prompt=about["prompt"], a=a[1], b=b[1], shown_first=side, seed=about["side_seed"])
    return Item(
        id=stable_id("generated", "preference", about["lang"], pair.prompt, pair.a, pair.b),
        task="preference", origin="generated", lang=about["lang"], payload=pair.model_dump(), group=f"seed/{about['seeds'][0]}",
        meta={**_meta(request, [a[0], b[0]]), "temperatures": {"a": LOW, "b": HIGH}},
    )


def _meta(request: dict[str, Any], requests: list[str]) -> dict[str, Any]:
    about = request["about"]
    kept = {key: about[key] for key in ("campaign", "topic", "seeds")}
    return {**kept, "model": request["body"]["model"], "requests": requests}


def _seeds(options: GenerateOptions) -> list[Seed]:
    """The seeds to draw from: the task's own; for preference pairs the prompts of all tasks, its own first."""
    own = list(seed_files.load(options.task))
    if options.task != "preference":
        return own
    return own + [seed for topic in seed_files.topics() if topic != "preference" for seed in seed_files.load(topic)]


def _files(store: Store, source: str | None) -> list[str]:
    """Paths of the source's readable files; [] when no source is asked for. Raises NotFound."""
    if source is None:
        return []
    return [entry.path for entry in sources.tree(store, source) if entry.lines and entry.problem is None]
