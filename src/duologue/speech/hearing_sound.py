"""What every ear does with the sound it is given."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np

from duologue.audio.pcm import Samples
from duologue.errors import InputError


def clean(samples: Samples) -> Samples:
    """Sound that no engine stumbles over: -1…1, silence for what is no number, float32.

    Raises :class:`InputError` for stereo: somebody forgot to mix it, and half-speed speech is understood as nonsense.
    """
    if samples.ndim != 1:
        raise InputError(f"sound of the shape {samples.shape} came", where="sound", remedy="Ears take mono, (n,).")
    return np.clip(np.nan_to_num(samples.astype(np.float32)), -1.0, 1.0)


async def pieces(sound: AsyncIterator[Samples], size: int) -> AsyncGenerator[Samples, None]:
    """The same sound in pieces of ``size`` samples; the last one is what is left, and never empty."""
    held: list[Samples] = []
    count = 0
    async for block in sound:
        held.append(block)
        count += len(block)
        if count < size:
            continue
        joined = np.concatenate(held)
        whole = count - count % size
        for at in range(0, whole, size):
            yield joined[at : at + size]
        held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)
