/**
 * What plays, to the sample: sounds one after another, with the silence that was written between them. It runs in the
 * thread of the sound, and knows nothing of it.
 */

/** A sound, or the next piece of one: as the frames of the server have it. */
export interface Piece {
  readonly id: string;
  /** Its first sample, counted in the sound. */
  readonly start: number;
  readonly samples: Float32Array;
  readonly first: boolean;
  readonly more: boolean;
  /** Samples of silence after the end of the sound before. */
  readonly gap: number;
}

/** So many samples of a sound were played. */
export interface Place {
  readonly id: string;
  readonly samples: number;
}

interface Sound {
  readonly id: string;
  readonly gap: number;
  readonly pieces: Float32Array[];
  more: boolean;
  begun: boolean;
  /** Played, counted in the sound. */
  at: number;
  /** Of the first piece. */
  offset: number;
}

/** Samples of a fade: nothing clicks where it stops or goes on. */
const FADE = 240;

export class Playout {
  #queue: Sound[] = [];
  #paused = false;
  #silence = Number.MAX_SAFE_INTEGER;
  #tail: Float32Array = new Float32Array(0);
  #rise = FADE;
  #last: Place | null = null;
  /** Sounds that ended of themselves, and where. */
  #ended: Place[] = [];

  take(piece: Piece): void {
    if (piece.first) {
      const pieces = piece.samples.length > 0 ? [piece.samples] : [];
      this.#queue.push({ id: piece.id, gap: piece.gap, pieces, more: piece.more, begun: false, at: piece.start, offset: 0 });
      return;
    }
    const known = this.#queue.find(({ id }) => id === piece.id);
    if (!known) return;
    if (piece.samples.length > 0) known.pieces.push(piece.samples);
    known.more = piece.more;
  }

  pause(): void {
    if (this.#paused) return;
    this.#tail = this.#fading();
    this.#paused = true;
    this.#rise = 0;
  }

  goOn(): void {
    this.#paused = false;
  }

  /** Silence, and all is forgotten; where it stopped, or null: nothing was playing. */
  clear(): Place | null {
    if (!this.#paused) this.#tail = this.#fading();
    const first = this.#queue[0];
    this.#queue = [];
    this.#paused = false;
    this.#rise = FADE;
    this.#silence = 0;
    if (!first?.begun) return null;
    this.#last = { id: first.id, samples: first.at };
    return this.#last;
  }

  withdraw(id: string): void {
    this.#queue = this.#queue.filter((sound) => sound.id !== id || sound.begun);
  }

  /** Where it is, or the end of what was played last. */
  get place(): Place | null {
    const first = this.#queue[0];
    return first?.begun ? { id: first.id, samples: first.at } : this.#last;
  }

  /** Something sounds now. */
  get sounding(): boolean {
    const first = this.#queue[0];
    return !this.#paused && first !== undefined && first.begun && first.pieces.length > 0;
  }

  takeEnded(): Place[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** The next samples of what is heard. */
  render(out: Float32Array): void {
    out.fill(0);
    let at = 0;
    while (!this.#paused && at < out.length) {
      const sound = this.#queue[0];
      if (!sound) break;
      const rest = sound.begun ? 0 : sound.gap - this.#silence;
      if (rest > 0) {
        const waited = Math.min(rest, out.length - at);
        at += waited;
        this.#silence += waited;
        continue;
      }
      const piece = sound.pieces[0];
      if (!piece) {
        if (sound.more) break;
        this.#end(sound);
        continue;
      }
      sound.begun = true;
      const count = Math.min(piece.length - sound.offset, out.length - at);
      this.#copy(piece, sound.offset, out, at, count);
      sound.offset += count;
      sound.at += count;
      at += count;
      if (sound.offset === piece.length) {
        sound.pieces.shift();
        sound.offset = 0;
        if (sound.pieces.length === 0 && !sound.more) this.#end(sound);
      }
    }
    if (!this.#queue[0]?.begun) this.#silence += out.length - at;
    this.#fade(out);
  }

  #copy(piece: Float32Array, from: number, out: Float32Array, at: number, count: number): void {
    for (let index = 0; index < count; index += 1) {
      const gain = this.#rise < FADE ? this.#rise++ / FADE : 1;
      out[at + index] = (piece[from + index] ?? 0) * gain;
    }
  }

  #end(sound: Sound): void {
    this.#queue.shift();
    this.#last = { id: sound.id, samples: sound.at };
    this.#ended.push(this.#last);
    this.#silence = 0;
  }

  /** What would sound now, on its way to silence. */
  #fading(): Float32Array {
    const first = this.#queue[0];
    const piece = first?.begun ? first.pieces[0] : undefined;
    if (!first || !piece) return new Float32Array(0);
    return piece.slice(first.offset, first.offset + FADE).map((sample, index) => sample * (1 - (index + 1) / FADE));
  }

  #fade(out: Float32Array): void {
    if (this.#tail.length === 0) return;
    const count = Math.min(this.#tail.length, out.length);
    for (let index = 0; index < count; index += 1) out[index] = (out[index] ?? 0) + (this.#tail[index] ?? 0);
    this.#tail = this.#tail.slice(count);
  }
}
