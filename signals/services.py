"""Storing signals: once, numbered per symbol without holes."""

from collections import Counter
from typing import NamedTuple

from engine.rules import Decision, Rules, Scored, decide
from engine.version import scoring_version
from market.among import Among
from market.models import Instrument, Market
from presets.models import PresetVersion
from signals.models import Signal, Stream, signal_id
from signals.outcomes.calibrating import set_probabilities
from signals.outcomes.opening import open_outcomes
from signals.planning import Account, plan_json
from signals.scoring import SymbolResult, record


class Decided(NamedTuple):
    """A symbol's score and what the rules made of it; no decision where there is no score."""

    result: SymbolResult
    decision: Decision | None


class Stored(NamedTuple):
    """What a scan left behind. held: how many decisions were held back, by reason. scored: what was news."""

    signals: list[Signal]
    held: Counter[str]
    scored: list[SymbolResult]


# What the rules and ``is_news`` read of a stream: the rest is text by the kilobyte.
STANDING = (
    "scored_as_of",
    "scored_preset",
    *(f"last_signal__{name}" for name in ("score", "direction", "advice", "as_of")),
)


def streams_of(instruments: list[Instrument]) -> dict[int, Stream]:
    """Return where each instrument stands, by its id; one that has not begun stands at 0."""
    wanted = (
        Stream.objects.filter(Among("instrument_id", (one.pk for one in instruments)))
        .select_related("last_signal")
        .only(*STANDING)
    )
    known = {stream.pk: stream for stream in wanted}
    return {i.pk: known.get(i.pk) or Stream(instrument=i) for i in instruments}


def is_news(stream: Stream, as_of: int, preset: PresetVersion) -> bool:
    """Whether a symbol has not been scored at this close with this preset version."""
    return stream.scored_as_of < as_of or (stream.scored_as_of == as_of and stream.scored_preset_id != preset.pk)


def decide_all(results: list[SymbolResult], streams: dict[int, Stream], rules: Rules) -> list[Decided]:
    """Apply the rules to each result against its symbol's last stored signal."""
    decided = []
    for result in results:
        decision = None
        if result.score is not None:
            last = streams[result.instrument.pk].last_signal
            current = Scored(result.score.score, result.score.direction, result.score.advice, result.as_of)
            decision = decide(last.scored() if last else None, current, rules)
        decided.append(Decided(result, decision))
    return decided


def store(
    market: Market,
    decided: list[Decided],
    preset: PresetVersion,
    min_confidence: float,
    run_id: int,
    account: Account,
) -> Stored:
    """Store the emitted decisions and every symbol's last decision; return the signals and what was held back.

    account: what the signals' plans are sized by.
    Must run in a transaction. A symbol that someone else has meanwhile scored up to this close is left alone.
    """
    signals: list[Signal] = []
    moved: list[Stream] = []
    scored: list[SymbolResult] = []
    held: Counter[str] = Counter()
    streams = _locked([d.result.instrument for d in decided])
    for result, decision in sorted(decided, key=lambda d: d.result.symbol):
        stream = streams[result.instrument.pk]
        if not is_news(stream, result.as_of, preset):
            continue
        stream.scored_as_of, stream.scored_preset = result.as_of, preset
        stream.decision = _told(result, decision, preset)
        moved.append(stream)
        if decision is not None:
            scored.append(result)
        if decision is None or not decision.emit:
            held[decision.because if decision else "no_score"] += 1
            continue
        stream.last_seq += 1
        signal = _signal(market, result, decision, stream.last_seq, account)
        signal.preset_version, signal.min_confidence, signal.run_id = preset, min_confidence, run_id
        stream.last_signal = signal
        signals.append(signal)
    set_probabilities(signals, market.pk)
    Signal.objects.bulk_create(signals)
    open_outcomes(signals)
    changed = ["last_seq", "last_signal", "scored_as_of", "scored_preset", "decision"]
    Stream.objects.bulk_create(moved, update_conflicts=True, unique_fields=["instrument"], update_fields=changed)
    return Stored(signals, held, scored)


def _locked(instruments: list[Instrument]) -> dict[int, Stream]:
    """Return the streams with their rows locked, in one order for all workers."""
    rows = (
        Stream.objects.filter(Among("instrument_id", (one.pk for one in instruments)))
        .order_by("instrument_id")
        .defer("decision")
        .select_for_update()
    )
    known = {stream.pk: stream for stream in rows}
    return {i.pk: known.get(i.pk) or Stream(instrument=i) for i in instruments}


def _signal(market: Market, result: SymbolResult, decision: Decision, seq: int, account: Account) -> Signal:
    score = result.score
    assert score is not None  # only scored results are emitted
    return Signal(
        id=signal_id(market.epoch, result.symbol, seq),
        instrument=result.instrument,
        seq=seq,
        as_of=result.as_of,
        score=score.score,
        confidence=score.confidence,
        consensus=score.consensus,
        direction=score.direction,
        advice=score.advice,
        risk_level=score.risk_level,
        price=result.price,
        atr=score.atr,
        atr_rank=score.atr_rank,
        stop_distance=score.stop_distance,
        disagreement=score.disagreement,
        plan=plan_json(score, account.trading(result.instrument.step, result.instrument.min_notional)),
        because=decision.because,
        scoring_version=scoring_version(),
        configured=[*score.timeframes, *score.missing],
        timeframes=record(result),
    )


NO_SCORE = dict.fromkeys(("score", "direction", "advice", "confidence", "consensus", "risk_level"))


def _told(result: SymbolResult, decision: Decision | None, preset: PresetVersion) -> dict[str, object]:
    score = result.score
    return {
        "as_of": result.as_of,
        "price": result.price if result.series else None,
        **({name: getattr(score, name) for name in NO_SCORE} if score else NO_SCORE),
        "timeframes": {t: one.score.score for t, one in result.series.items()},
        "emitted": bool(decision and decision.emit),
        "because": decision.because if decision else "no_score",
        "skipped": [
            {"timeframe": t, "reason": none.reason, "detail": none.detail} for t, none in result.skipped.items()
        ],
        "preset": preset.preset.name,
        "preset_version": preset.version,
    }
