from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.broadcast.boxes import runs
from duologue.broadcast.fmp4 import AUDIO_TRACK, VIDEO_TRACK, Segment, init_segment, segment_bytes
from duologue.broadcast.hls import PLAYLIST, PLAYLIST_TYPE, HlsStore
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.errors import InputError, InternalError
from duologue.prover.playlist import Playlist, parse_playlist, playlist_faults, variant
from programme import EPOCH_MS, Programme, stored, wall, whole

FORMAT = StreamFormat(640, 360, 30, b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x11\x90")
SMALLER = StreamFormat(320, 180, 30, b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x11\x90")


def push(store: HlsStore, start: int, duration: float = 1.0) -> None:
    store.push(Segment(0, start, duration, media(start, round(30 * duration)), 30), wall(start))


def media(start: int, count: int) -> bytes:
    """A segment of ``count`` frames from ``start`` on, and their sound."""
    pictures = [
        Packet(Track.VIDEO, number, 1, number == start, b"\0\0\0\1\x65") for number in range(start, start + count)
    ]
    begin, end = (-(-number * 1600 // 1024) for number in (start, start + count))  # access units from sample 0 on
    sounds = [Packet(Track.AUDIO, 1024 * unit, 1024, True, b"sound") for unit in range(begin, end)]
    return segment_bytes(FORMAT, start, [*pictures, *sounds])


def begun(window: int = 3) -> HlsStore:
    store = HlsStore(window)
    store.begin(FORMAT, b"init")
    return store


def test_a_playlist_is_what_the_standard_says() -> None:
    store = begun()
    push(store, 0, 20 / 30)
    push(store, 20)
    lines = store.playlist().splitlines()
    assert lines[:6] == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:1",
        f"#EXT-X-MEDIA-SEQUENCE:{EPOCH_MS // 1000}",
        "#EXT-X-DISCONTINUITY-SEQUENCE:0",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    assert lines[6].startswith('#EXT-X-MAP:URI="init-640x360-')
    assert lines[7:9] == ["#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z", "#EXTINF:0.66667,"]
    assert lines[10] == "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.666Z"
    assert "#EXT-X-ENDLIST" not in lines


def test_the_list_slides_and_a_segment_outlives_its_entry() -> None:
    store = begun(window=3)
    names: list[str] = []
    for second in range(20):
        push(store, second * 30)
        names.append(parse_playlist(store.playlist()).entries[-1].uri)
    listed = parse_playlist(store.playlist())
    assert [entry.sequence for entry in listed.entries] == [EPOCH_MS // 1000 + n for n in (17, 18, 19)]
    kept = [name for name in names if store.get(name)]
    assert kept == names[-8:]  # RFC 8216, 6.2.2: as long again as the list, and two segments more
    assert len(set(names)) == 20


def test_what_is_served_has_its_type_and_its_time_to_live() -> None:
    store = begun()
    push(store, 0)
    entry = parse_playlist(store.playlist()).entries[0]
    playlist, segment, init = store.get(PLAYLIST), store.get(entry.uri), store.get(entry.map)
    assert playlist is not None and segment is not None and init is not None
    assert (playlist.content_type, playlist.cache_control) == (PLAYLIST_TYPE, "no-cache")
    assert (segment.content_type, segment.cache_control) == ("video/mp4", "public, max-age=3600, immutable")
    assert (segment.data, init.data) == (media(0, 30), b"init")
    assert store.get("../../etc/passwd") is None


def test_a_second_beginning_is_a_discontinuity_and_its_number_survives_the_window() -> None:
    store = begun(window=3)
    for second in range(2):
        push(store, second * 30)
    store.begin(SMALLER, b"another init")
    before = None
    for second in range(2, 15):
        push(store, second * 30)
        if second == 8:
            store.begin(FORMAT, b"init")
        listed = parse_playlist(store.playlist())
        assert playlist_faults(before, listed) == []
        for entry in listed.entries:
            assert store.get(entry.map) is not None
            number = (entry.sequence - EPOCH_MS // 1000) * 30
            assert entry.map.startswith("init-320x180" if 60 <= number <= 240 else "init-640x360")
        before = listed
    assert before is not None and before.discontinuity_sequence == 2
    assert store.playlist().count("#EXT-X-DISCONTINUITY\n") == 0
    assert store.playlist().count("#EXT-X-MAP") == 1


def test_a_stage_that_comes_back_with_the_same_format_keeps_the_initialisation_in_force() -> None:
    store = begun()
    push(store, 0)
    store.begin(FORMAT, b"init")
    push(store, 30)
    assert store.playlist().count("#EXT-X-MAP") == 1
    assert [entry.discontinuity for entry in parse_playlist(store.playlist()).entries] == [False, True]


def test_beginning_again_before_anything_was_shown_is_no_discontinuity() -> None:
    store = begun()
    store.begin(SMALLER, b"another init")
    push(store, 0)
    assert "#EXT-X-DISCONTINUITY\n" not in store.playlist()
    assert parse_playlist(store.playlist()).entries[0].map.startswith("init-320x180")


def test_names_of_an_earlier_show_are_never_used_again() -> None:
    first, second = (stored([Programme().encode(whole(31, first=at))]) for at in (0, 90))
    names = [parse_playlist(store.playlist()).entries[0].uri for store in (first, second)]
    assert names[0] != names[1]
    sequences = [parse_playlist(store.playlist()).sequence for store in (first, second)]
    assert sequences[1] > sequences[0]


def follow(before: Playlist | None, store: HlsStore) -> Playlist:
    """Load the list as a strict client does that has seen ``before``."""
    now = parse_playlist(store.playlist())
    assert playlist_faults(before, now) == []
    if before is not None:
        known = {entry.sequence: entry.uri for entry in before.entries}
        assert not {entry.uri for entry in now.entries if entry.sequence not in known} & set(known.values())
    return now


def placed(store: HlsStore, name: str) -> dict[int, tuple[int, int]]:
    """When each track of a segment begins and ends, in its ticks."""
    found = store.get(name)
    assert found is not None
    return {run.track: (run.time, run.time + run.duration) for run in runs(found.data)}


@given(st.lists(st.sampled_from(["push", "short", "stage", "program", "killed"]), max_size=60), st.booleans())
def test_a_program_that_is_started_again_is_a_discontinuity_and_nothing_steps_back(
    steps: list[str], set_back: bool
) -> None:
    """Whatever ends, and whatever the machine's clock says then: no number and no time goes back, or is used twice."""
    clock, number, ends = EPOCH_MS * 1_000_000, 0, {VIDEO_TRACK: 0, AUDIO_TRACK: 0}
    store, seen, names, again = begun(), None, set[str](), False
    for step in [*steps, "push"]:
        if step in ("stage", "program", "killed"):
            if step == "killed":
                store.begin(SMALLER, b"another init")  # a stage that began and showed nothing
            if step != "stage":
                clock -= 3_600_000_000_000 if set_back else 0
                store, number = HlsStore(3, store.position), 0
                again = seen is not None
            store.begin(FORMAT, b"init")
            continue
        length = 10 if step == "short" else 30
        store.push(Segment(0, number, length / 30, media(number, length), length), clock)
        clock, number = clock + length * 1_000_000_000 // 30, number + length
        before, seen = seen, follow(seen, store)
        newest = seen.entries[-1]
        assert newest.uri not in names
        times = placed(store, newest.uri)
        assert all(begin >= ends[track] for track, (begin, _) in times.items())
        ends = {track: end for track, (_, end) in times.items()}
        names.add(newest.uri)
        if again:
            assert before is not None and newest.discontinuity
            assert newest.sequence == before.entries[-1].sequence + 1
            again = False


def test_times_go_on_where_the_program_before_ended_in_sync_and_within_a_millisecond() -> None:
    store = begun()
    push(store, 300)
    later = HlsStore(3, store.position)
    later.begin(FORMAT, b"init")
    push(later, 0)
    push(later, 30)
    first, second = (placed(later, entry.uri) for entry in parse_playlist(later.playlist()).entries)
    sound_end = -(-(330 * 1600) // 1024) * 1024 / 48  # ms: 11 s and less than an access unit
    assert 0 <= first[VIDEO_TRACK][0] / 90 - sound_end < 1
    assert first[VIDEO_TRACK][0] / 90 == first[AUDIO_TRACK][0] / 48
    assert second[VIDEO_TRACK][0] == first[VIDEO_TRACK][1]


def test_a_program_that_ended_before_it_showed_anything_changes_nothing() -> None:
    store = begun()
    assert store.position is None
    push(store, 0)
    later = HlsStore(3, HlsStore(3, store.position).position)
    later.begin(FORMAT, b"init")
    push(later, 30)
    follow(parse_playlist(store.playlist()), later)


def test_our_own_mistakes_are_not_published() -> None:
    with pytest.raises(InternalError, match="before the programme"):
        push(HlsStore(), 0)
    with pytest.raises(InternalError, match="target"):
        push(begun(), 0, 1.6)


def test_a_playlist_is_read_back_as_it_was_meant() -> None:
    programme = Programme().encode(whole(65))
    listed = parse_playlist(stored([programme]).playlist())
    assert [entry.duration for entry in listed.entries] == pytest.approx([1, 1, 5 / 30], abs=1e-4)
    assert [entry.wall_ns for entry in listed.entries] == [wall(0), wall(30), wall(60)]
    store = stored([programme])
    assert store.get(listed.entries[0].map) is not None
    found = store.get(listed.entries[0].map)
    assert found is not None and found.data == init_segment(programme.format)


@pytest.mark.parametrize(
    "text", ["", "<html>", "#EXTM3U\nsegment.ts", "#EXTM3U\n#EXTINF:x,\na", "#EXTM3U\n#EXT-X-MAP:a=b"]
)
def test_what_is_no_playlist_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_playlist(text)


WORDS = """#EXTM3U #EXTINF: 1 nan inf 1e400 -1 , #EXT-X-MAP: URI= seg.m4s #EXT-X- TARGETDURATION: MEDIA-SEQUENCE:
DISCONTINUITY PROGRAM-DATE-TIME: 0001-01-01 9999-12-31T23:59:59Z"""
PIECES = st.sampled_from(["\n", *WORDS.split()])


@given(st.lists(PIECES | st.text(max_size=5), max_size=30))
def test_any_text_is_a_playlist_or_the_readers_error(pieces: list[str]) -> None:
    try:
        playlist_faults(None, parse_playlist("#EXTM3U\n" + "".join(pieces)))
    except InputError:
        pass


def test_a_multivariant_playlist_leads_to_its_first_variant() -> None:
    assert (
        variant("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh.m3u8\n")
        == "low.m3u8"
    )
    assert variant("#EXTM3U\n#EXTINF:1,\na.m4s\n") is None


def listing(sequence: int, durations: list[float], target: int = 1, gone: int = 0, name: str = "s") -> str:
    head = f"#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{sequence}\n"
    head += f"#EXT-X-DISCONTINUITY-SEQUENCE:{gone}\n"
    return head + "".join(f"#EXTINF:{d},\n{name}{sequence + i}\n" for i, d in enumerate(durations))


@pytest.mark.parametrize(
    ("after", "word"),
    [
        (listing(6, [1, 1.6]), "exceeds the target"),
        (listing(6, [1, 1], target=2), "target duration changed"),
        (listing(4, [1, 1]), "stepped back"),
        (listing(6, [1, 1], gone=1), "discontinuity sequence"),
        (listing(6, [1, 1], name="other"), "became other6"),
    ],
)
def test_each_fault_of_a_playlist_is_named(after: str, word: str) -> None:
    before = parse_playlist(listing(5, [1, 1]))
    assert any(word in fault for fault in playlist_faults(before, parse_playlist(after)))
