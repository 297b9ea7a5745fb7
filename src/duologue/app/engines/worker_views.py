"""Workers as the web tells them: whose they are, and how each is."""

from __future__ import annotations

from duologue.app.models import WorkerView
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.precedence import WorkGate
from duologue.speech.layer import SpeechLayer
from duologue.supervision import WorkerPhase, WorkerState
from duologue.workers import Supervised


def workers_of(engine: object) -> tuple[Supervised, ...]:
    """The child processes of an engine: what it shows as ``worker`` or ``workers``; none for most engines."""
    if isinstance(engine, SpeechLayer):
        return workers_of(engine.engine)
    found = getattr(engine, "workers", None) or (getattr(engine, "worker", None),)
    return tuple(each for each in found if isinstance(each, Supervised))


def worker_view(state: WorkerState, clock: Clock, gate: WorkGate) -> WorkerView:
    """As the web tells it; ``gate`` is where its work waits."""
    counts = [count for (worker, _), count in gate.counts.items() if worker == state.name]
    epoch, due = clock.wall() - clock.now(), state.phase is WorkerPhase.RESTARTING and state.due > clock.now()
    return WorkerView(
        name=state.name, purpose=state.purpose, state=state.phase.value, since=(epoch + state.since) / MILLISECOND,
        pid=state.pid, restarts=state.restarts, failures=state.failures, last_failure=state.last_failure,
        next_try=(epoch + state.due) / MILLISECOND if due else None,
        waited_s=round(sum(count.waited for count in counts) / SECOND, 1),
        gave_way=sum(count.gave_way for count in counts), queued=gate.queued(state.name),
    )  # fmt: skip
