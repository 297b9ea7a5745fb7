// What a benchmark sees of a page: put into it before its own scripts (benchmarks/page/browser.py). Nothing of the page is
// changed but that sockets, sounds, keys and texts are noted with their time, ms of performance.now().
(() => {
  const now = () => performance.now();
  const noted = { wire: [], told: [], blocks: [], clocks: [], texts: [], keys: [], sounds: [] };
  window.noted = noted;

  const Native = WebSocket;
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => noted.wire.push([now(), data]));
    }
    send(data) {
      if (typeof data === "string") noted.told.push([now(), data]);
      else noted.blocks.push([now(), data]);
      super.send(data);
    }
  };

  addEventListener("keydown", ({ timeStamp, key }) => noted.keys.push([timeStamp, key]), true);

  // A text that came to be seen: when the document had it, and when it was about to be painted.
  const known = new Set();
  const look = () => {
    for (const { textContent: text } of document.querySelectorAll(".talk-chunk > p")) {
      if (known.has(text)) continue;
      known.add(text);
      const entry = [now(), 0, text];
      noted.texts.push(entry);
      requestAnimationFrame(() => (entry[1] = now()));
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });

  // The sound, sample by sample, in the thread in which it is made.
  const worklet = `registerProcessor("benchmark-tap", class extends AudioWorkletProcessor {
    #block = new Int16Array(38 * 128); #count = 0; #from = currentFrame;
    process(inputs) {
      const heard = inputs[0]?.[0];
      if (this.#count === 0) this.#from = currentFrame;
      for (let index = 0; index < 128; index += 1) {
        const sample = heard ? heard[index] : 0;
        this.#block[this.#count++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
      }
      if (this.#count === this.#block.length) {
        this.port.postMessage([this.#from, this.#block], [this.#block.buffer]);
        this.#block = new Int16Array(38 * 128);
        this.#count = 0;
      }
      return true;
    }
  });`;
  const tapped = new WeakSet();
  const contexts = [];
  const tap = async (node) => {
    const { context } = node;
    if (tapped.has(context)) return;
    tapped.add(context);
    contexts.push(context);
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
    const taker = new AudioWorkletNode(context, "benchmark-tap", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    taker.port.onmessage = ({ data }) => noted.sounds.push(data);
    connect.call(node, taker);
  };
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...given) {
    const made = connect.call(this, to, ...given);
    if (to instanceof AudioDestinationNode) void tap(this);
    return made;
  };
  setInterval(() => {
    for (const context of contexts) {
      if (context.state !== "running") continue;
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      noted.clocks.push([contextTime, performanceTime, context.currentTime, now(), context.outputLatency, context.sampleRate]);
    }
  }, 20);

  // What is given to the benchmark.
  const coded = (bytes) => {
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(text);
  };
  const MOST = 40;
  window.giveSound = () => {
    const blocks = noted.sounds.splice(0, MOST);
    return { from: blocks.map(([from]) => from), pcm: coded(new Uint8Array(joined(blocks.map(([, block]) => block)).buffer)) };
  };
  const joined = (blocks) => {
    const whole = new Int16Array(blocks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const block of blocks) {
      whole.set(block, at);
      at += block.length;
    }
    return whole;
  };
  window.giveWire = () =>
    noted.wire.splice(0, MOST).map(([at, data]) => (typeof data === "string" ? [at, data, ""] : [at, "", coded(new Uint8Array(data))]));
  window.giveBlocks = () => noted.blocks.splice(0, 20 * MOST).map(([at, data]) => [at, coded(new Uint8Array(data))]);
  // How often, and for how long (s), the device had nothing to play because the thread of the sound was late.
  const dry = () =>
    contexts
      .filter(({ playbackStats }) => playbackStats)
      .map(({ playbackStats: { underrunEvents, underrunDuration } }) => [underrunEvents, underrunDuration]);
  window.giveNoted = () => ({ told: noted.told, clocks: noted.clocks, texts: noted.texts, keys: noted.keys, dry: dry() });
})();
