"""What the Evidence page is told: frames and the machine second by second, what went wrong, and the runs that are kept.

Times are Unix ms, all else that is a time is ms.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from duologue.app.api_model import ApiModel


class FrameSecondView(ApiModel):
    """The frames of a show that were told in the second before `at`, from number `first` on."""

    at: float
    first: int
    costs: tuple[float, ...] = Field(description="What drawing and encoding each took.")
    lateness: tuple[float, ...] = Field(description="How long after its due time each was ready; below 0: ahead of it.")
    periods: tuple[int, ...] = Field(description="Frame periods that each stands for: 2 at half the picture rate.")
    late: int
    over_budget: int = Field(description="Dearer than their period: the lead hides them.")
    left_out: int
    p50: float
    p95: float
    most: float


class FrameHistory(ApiModel):
    """Seconds of a show, oldest first, in columns of one length."""

    at: tuple[float, ...]
    p50: tuple[float, ...]
    p95: tuple[float, ...]
    most: tuple[float, ...]
    late: tuple[int, ...]
    left_out: tuple[int, ...]


class IncidentView(ApiModel):
    """Something that viewers may have noticed: late frames in a row, or frames that were left out."""

    id: str
    kind: Literal["late", "left out"]
    at: float
    first: int
    last: int
    frames: int
    worst_ms: float
    cause: str = Field(description="As docs/evidence.md names them; `unknown` is one.")
    share: float = Field(description="How much of what was lost the cause explains (0…1).")
    lost_ms: float
    why: str
    meanwhile: tuple[str, ...] = Field(description="What else happened then.")


class ProcessView(ApiModel):
    """A process of ours in one second. `wait_ms`: how long its threads were ready and no core ran them."""

    name: str
    cpu: float = Field(description="Percent of a core.")
    rss_mb: float
    wait_ms: float


class MachineSecondView(ApiModel):
    """The machine in the second before `at`. Shares are percent of all cores."""

    at: float
    cores: int
    busy: float
    others: float = Field(description="What programs used that are none of ours.")
    steal: float = Field(description="What the hypervisor gave to other machines.")
    available_mb: float
    disk_wait_ms: float
    loop_lag_ms: float
    processes: tuple[ProcessView, ...]


class AnswerStage(ApiModel):
    """A stage of a silence."""

    name: str
    ms: float


class AnswerView(ApiModel):
    """The silence before an answer in a talk or a call, stage by stage; without what was said. `at`: the person's
    speech ended.
    """

    id: str
    of: Literal["talk", "call"]
    speaker: str
    at: float
    stages: tuple[AnswerStage, ...]


class GrowingAnswerView(ApiModel):
    """An answer in a talk or a call that nobody has heard yet: the stages of its silence that are over, and the `stage`
    that goes on `since` then.
    """

    id: str
    of: Literal["talk", "call"]
    speaker: str
    at: float = Field(description="The person's speech ended.")
    stages: tuple[AnswerStage, ...]
    stage: str
    since: float


class LiveShowView(ApiModel):
    """A show while it goes on. `run` is the run that is kept of it; empty: none is."""

    of: str
    run: str
    fps: float
    budget_ms: float
    began: float
    frames: int
    late: int
    over_budget: int
    left_out: int


class EvidenceStateEvent(ApiModel):
    """What a reader begins with, and gets again when it was too slow: the newest, of bounded size."""

    type: Literal["state"] = "state"
    show: LiveShowView | None
    seconds: tuple[FrameSecondView, ...] = Field(description="The newest minute, frame by frame.")
    history: FrameHistory = Field(description="The newest ten minutes.")
    incidents: tuple[IncidentView, ...] = Field(description="The newest hundred, oldest first.")
    machine: tuple[MachineSecondView, ...] = Field(description="The newest two minutes.")
    answers: tuple[AnswerView, ...] = Field(description="The newest sixty.")
    growing: tuple[GrowingAnswerView, ...] = Field(description="Those that are being made.")


class EvidenceSecondEvent(ApiModel):
    """What one more second added. An incident that is known is replaced."""

    type: Literal["second"] = "second"
    show: LiveShowView | None
    second: FrameSecondView | None
    incidents: tuple[IncidentView, ...]
    machine: MachineSecondView
    answers: tuple[AnswerView, ...]


class EvidenceAnswerEvent(ApiModel):
    """An answer that is being made has come a stage further, or is `over`: it is heard now, or never will be."""

    type: Literal["answer"] = "answer"
    answer: GrowingAnswerView
    over: bool


EvidenceEvent: TypeAlias = EvidenceStateEvent | EvidenceSecondEvent | EvidenceAnswerEvent


class RunView(ApiModel):
    """A run that is kept: what it is, and how long. Times are Unix ms."""

    id: str
    what: str = Field(description="`show`, `talk` or `call`.")
    of: str
    title: str
    state: str = Field(description="`live`, `over` or `cut off`.")
    began: float
    ended: float
    turns: int
    frames: int
    late: int
    left_out: int
    lost: int = Field(description="Lines that never reached the disk.")
    bytes: int
    sound: bool = Field(description="Its sound was kept, and can be heard.")
