"""`duologue talk`: what is read, what is shown, and the command as a person would type it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from duologue.app.show.clips import read_clip
from duologue.audio.pcm import RATE, silence, to_int16
from duologue.audio.resample import resample
from duologue.audio.wav import WavWriter
from duologue.cli.main import build
from duologue.cli.talk_shown import TranscriptPrinter, waits
from duologue.cli.talk_text import MAX_LINE, ChatPage, lines
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.turns.vocabulary import Annotate, Commit, Sounds, Think
from duologue.errors import InputError
from duologue.language.structured import ReplyChunk
from duologue.places import refuse_same
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import ConversationRecord, EffectRecord, HeaderRecord, MachineRecord, TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


async def read(stream: AsyncGenerator[str, None]) -> list[str]:
    return [line async for line in stream]


async def test_lines_of_a_pipe_come_as_they_are_written() -> None:
    reading, writing = os.pipe()
    stream = lines(reading)
    os.write(writing, b"one\ntw")
    assert await anext(stream) == "one"
    os.write(writing, "o, café\r\n\nthree".encode())
    assert [await anext(stream), await anext(stream)] == ["two, café", ""]
    os.close(writing)
    assert await read(stream) == ["three"]
    os.close(reading)


async def test_nothing_is_read_ahead_of_who_asks_and_waiting_can_be_cancelled() -> None:
    reading, writing = os.pipe()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(anext(lines(reading)))
        await asyncio.sleep(0)
        waiting.cancel()
    os.write(writing, b"still there\n")
    assert await anext(lines(reading)) == "still there"
    os.close(writing)
    os.close(reading)


async def test_lines_of_a_plain_file_and_one_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a\n" + b"x" * (MAX_LINE + 5000) + b"\n\xff\n")
    with path.open("rb") as file:
        found = await read(lines(file.fileno()))
    assert found[0] == "a" and found[-1] == "�"
    assert sum(map(len, found[1:-1])) == MAX_LINE + 5000


def said(page: ChatPage, *sentences: str, interrupted: bool = False) -> None:
    page.take(Think("r1", "hello", False), 0)
    for number, text in enumerate(sentences):
        page.take(Sounds("r1", Utterance(f"u{number}", "ada", text, silence(1)), 0), 0)
    page.take(Commit("hello", " ".join(sentences), "r1", interrupted), 0)


def test_an_answer_is_one_line_that_grows(capsys: pytest.CaptureFixture[str]) -> None:
    page = ChatPage("Ada", live=False)
    said(page, "One.", "Two.")
    said(page, "Three.")
    assert capsys.readouterr().out == "Ada: One. Two.\nAda: Three.\n"


def test_notes_stand_under_the_answer_they_go_with(capsys: pytest.CaptureFixture[str]) -> None:
    page = ChatPage("Ada", live=False)
    page.take(Annotate("r1", ReplyChunk(0, "One.", correction="I went, not I goed.", hint="Say it again.")), 0)
    page.take(Annotate("r1", ReplyChunk(1, "Two.")), 0)
    said(page, "One.", "Two.")
    said(page, "Three.")
    shown = capsys.readouterr().out
    assert shown == "Ada: One. Two.\n  (correction: I went, not I goed. · hint: Say it again.)\nAda: Three.\n"


def test_a_terminal_sees_that_somebody_thinks_and_when_it_is_its_turn(capsys: pytest.CaptureFixture[str]) -> None:
    page = ChatPage("Ada", live=True)
    said(page, "One.", interrupted=True)
    shown = capsys.readouterr().out
    assert "thinking…" in shown
    assert shown.index("\x1b[K") > shown.index("thinking…")
    assert shown.endswith("Ada: One. –\n› ")


def test_what_a_first_word_waited_for_is_listed_and_summed() -> None:
    record = TurnRecord("t/r1", "t", 1, "ada", "answer", why="question")
    assert waits(record) == ""
    base = 1_000 * MILLISECOND
    record.spoken_to, record.decided, record.understood = base, base + 300 * MILLISECOND, base + 340 * MILLISECOND
    record.asked = record.first_token = record.first_sentence = record.understood
    record.first_audio, record.on_air = base + 360 * MILLISECOND, base + 370 * MILLISECOND
    assert waits(record) == (
        "last word to first sound (question): end of turn 300 + transcript 40 + voice 20 + playout 10 = 370 ms"
    )


def test_times_count_from_where_the_conversation_begins_and_not_from_the_start_of_the_program() -> None:
    written: list[str] = []
    shown = TranscriptPrinter("friend", "Chad", written.append)
    shown.begin(20 * SECOND)  # so long the engines were loaded
    shown.take(Think("r1", "why tea", False), 22_750 * MILLISECOND)
    assert written == ["   2.75 s friend why tea"]


def run(*arguments: str, text: str = "", timeout: float = 90) -> subprocess.CompletedProcess[str]:
    code = "from duologue.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "talk", *arguments],
        input=text, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def test_a_chat_in_a_pipe_until_it_is_left() -> None:
    done = run(
        "--text", "--as", "phone", "--seed", "1", text="Why do people drink tea?\n\nI like it.\n/quit\nNever read.\n"
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == 2
    assert all(answer.startswith("Robin: ") for answer in answers)
    assert not done.stderr


@pytest.mark.slow
def test_notes_that_an_engine_does_not_write_are_told_of_once() -> None:
    done = run("--text", "--notes", "hint", "--llm", "improv", text="Hello.\nWhy?\n")
    assert done.returncode == 0
    assert done.stderr == "no notes: the engine that thinks answers in plain text\n"


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_chat_without_a_fuss() -> None:
    command = [sys.executable, "-c", "from duologue.cli.main import main; main()", "talk", "--text"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as chat:
        assert chat.stdin is not None and chat.stdout is not None and chat.stderr is not None
        chat.stdout.close()
        chat.stdin.write("Hello.\nWhy?\n")
        chat.stdin.close()
        assert chat.stderr.read() == ""
    assert chat.returncode == 141


@pytest.mark.slow
def test_a_chat_that_is_voiced_into_a_file(tmp_path: Path) -> None:
    done = run("--text", "--greet", "--topic", "tea", "--out", str(tmp_path / "voice.wav"), text="I like coffee.")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    with wave.open(str(tmp_path / "voice.wav")) as file:
        seconds = file.getnframes() / file.getframerate()
    assert seconds > len(done.stdout.split()) * 0.1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--text", "--wav", "a.wav"), "two ways to talk"),
        (("--text", "--record", "a.wav"), "one voice only"),
        (("--text", "--as", "chat"), "Did you mean 'chad'"),
        (("--wav", "nowhere.wav"), "cannot be read"),
        (("--wav", __file__), f"no sound that can be read: invalid data found when processing input ({__file__})"),
        (("--text", "--notes", "hint,rhyme"), "there is no note 'rhyme'"),
        (("--device", "jack"), "there is no device 'jack'"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(build(("talk",)), ["talk", *arguments])
    assert isinstance(result.exception, InputError)
    assert words in str(result.exception)


@pytest.mark.parametrize("option", ["--out", "--record", "--ledger"])
@pytest.mark.parametrize("link", ["same", "dots", "hard", "soft"])
def test_the_question_is_not_written_over(tmp_path: Path, option: str, link: str) -> None:
    question, other = tmp_path / "q.wav", tmp_path / "b.wav"
    question.write_bytes(b"the question")
    match link:
        case "hard":
            other.hardlink_to(question)
        case "soft":
            other.symlink_to(question)
        case "dots":
            (tmp_path / "inside").mkdir()
            other = tmp_path / "inside" / ".." / "q.wav"
        case _:
            other = question
    result = CliRunner().invoke(build(("talk",)), ["talk", "--wav", str(question), option, str(other)])
    assert isinstance(result.exception, InputError)
    assert f"--wav and {option} are the same file" in str(result.exception)
    assert question.read_bytes() == b"the question"


def test_two_files_that_are_not_there_yet_may_not_be_one(tmp_path: Path) -> None:
    words = ["talk", "--out", str(tmp_path / "a.wav"), "--record", str(tmp_path / "." / "a.wav")]
    result = CliRunner().invoke(build(("talk",)), words)
    assert isinstance(result.exception, InputError)
    assert "--out and --record" in str(result.exception)
    refuse_same({"--out": Path("/dev/null"), "--record": Path("/dev/null"), "--ledger": None})


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("flite") is None:
        pytest.skip("needs the Debian package flite")
    path = tmp_path_factory.mktemp("question") / "question.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", "what do you think of it", "-o", str(path)], check=True, timeout=20)
    return path


@pytest.mark.slow
@pytest.mark.realtime
def test_a_question_in_a_file_is_answered_into_a_file(question: Path, tmp_path: Path) -> None:
    done = run("--wav", str(question), "--out", str(tmp_path / "a.wav"), "--record", str(tmp_path / "b.wav"))
    assert done.returncode == 0, done.stderr
    assert "Chad" in done.stdout and "last word to first sound" in done.stdout
    with wave.open(str(tmp_path / "a.wav")) as answer, wave.open(str(tmp_path / "b.wav")) as both:
        assert (answer.getframerate(), answer.getnchannels(), both.getnchannels()) == (RATE, 1, 2)
        assert RATE / 2 < answer.getnframes() < both.getnframes()
        sound = np.frombuffer(both.readframes(both.getnframes()), np.int16).reshape(-1, 2)
    person, character = (np.flatnonzero(np.abs(sound[:, side]) > 500) for side in (0, 1))
    assert len(person) and person[-1] < character[0], "the answer begins after the question"


@pytest.mark.slow
@pytest.mark.realtime
def test_a_file_without_a_voice_is_told_of(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "hum.wav") as file:
        file.write(0.01 * np.sin(2 * np.pi * 100 / RATE * np.arange(RATE)).astype(np.float32))
    done = run("--wav", str(tmp_path / "hum.wav"), "--out", str(tmp_path / "answer.wav"))
    assert done.returncode == 1
    assert "no speech was found" in done.stderr
    assert not (tmp_path / "answer.wav").exists()


RECORDS = """#!/bin/sh
exec {python} -c '
import sys, time
sound = open("{sound}", "rb").read()
sound = bytes(32000) + sound + bytes(32000 * 60)
began = time.monotonic()
for number in range(len(sound) // 640):
    time.sleep(max(0.0, began + 0.02 * (number + 1) - time.monotonic()))
    sys.stdout.buffer.write(sound[number * 640 : number * 640 + 640])
    sys.stdout.buffer.flush()
'
"""


def _sounds(file: Path) -> bool:
    played = file.read_bytes() if file.exists() else b""
    return bool(np.frombuffer(played[: len(played) // 2 * 2], np.int16).any())


@pytest.mark.slow
@pytest.mark.realtime
def test_a_talk_with_microphone_and_loudspeaker_until_ctrl_c(question: Path, tmp_path: Path) -> None:
    sound = resample(read_clip(question), RATE, EAR_RATE)
    (tmp_path / "sound").write_bytes(to_int16(sound).tobytes())
    (tmp_path / "parec").write_text(RECORDS.format(python=sys.executable, sound=tmp_path / "sound"))
    (tmp_path / "pacat").write_text(f"#!/bin/sh\nexec cat > {tmp_path}/played\n")
    for name in ("parec", "pacat"):
        (tmp_path / name).chmod(0o755)
    command = [sys.executable, "-c", "from duologue.cli.main import main; main()", "talk"]
    command += ["--out", str(tmp_path / "a.wav"), "--ledger", str(tmp_path / "ledger.jsonl")]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as talk:
        assert talk.stdout is not None and talk.stderr is not None
        shown: list[str] = []
        for line in talk.stdout:
            shown.append(line)
            if " Chad " in line:
                for _ in range(400):  # the line is shown when the reply begins to sound
                    if _sounds(tmp_path / "played"):
                        break
                    time.sleep(0.05)
                talk.send_signal(signal.SIGINT)
                break
        shown += talk.stdout
        told = talk.stderr.read()
    assert talk.returncode == 0, told
    assert "Ctrl-C hangs up" in told and "Traceback" not in told
    assert any(" friend " in line for line in shown)
    assert _sounds(tmp_path / "played")
    header, conversation, *told = [entry.record for entry in LedgerReader(tmp_path / "ledger.jsonl")]
    assert isinstance(header, HeaderRecord) and isinstance(conversation, ConversationRecord)
    assert any(isinstance(record, EffectRecord) and record.name == "Commit" for record in told)
    measured = [record for record in told if isinstance(record, MachineRecord)]
    assert measured and all("main" in record.cpu_percent for record in measured), "a report can say who had the cores"
    answers = [record for record in told if isinstance(record, TurnRecord) and record.kind == "answer"]
    assert answers and all(answer.id.startswith(f"{conversation.conversation}/") for answer in answers)
