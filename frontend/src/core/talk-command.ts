/** The command that starts a conversation as it was chosen. */

export type Way = "aloud" | "headphones" | "writing" | "file";

interface WayWords {
  readonly way: Way;
  readonly label: string;
  readonly what: string;
  readonly flags: string;
}

export const WAYS: readonly WayWords[] = [
  {
    way: "aloud",
    label: "Loudspeaker",
    what: "By this machine's microphone and loudspeaker. While the character speaks it does not listen, because it would hear itself. Ctrl-C hangs up.",
    flags: "",
  },
  {
    way: "headphones",
    label: "Headphones",
    what: "With headphones it listens while it speaks, so that you can interrupt. Ctrl-C hangs up.",
    flags: " --full-duplex",
  },
  {
    way: "writing",
    label: "In writing",
    what: "You type, and the answer grows sentence by sentence. What you write into it interrupts it. /quit ends.",
    flags: " --text",
  },
  {
    way: "file",
    label: "A recording",
    what: "It hears a file of sound at its own pace and answers into another; under each answer stands what its first word waited for.",
    flags: " --wav question.wav --out answer.wav",
  },
];

export interface Choice {
  /** The character's name; empty: whoever the command takes. */
  readonly as: string;
  readonly topic: string;
  readonly greets: boolean;
}

/** As a POSIX shell reads it. */
export function commandOf(way: Way, { as, topic, greets }: Choice): string {
  const flags = WAYS.find((one) => one.way === way)?.flags ?? "";
  const about = topic.trim() ? ` --topic ${quoted(topic.trim())}` : "";
  return `duologue talk${as ? ` --as ${quoted(as)}` : ""}${about}${greets ? " --greet" : ""}${flags}`;
}

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
