/** The few pictograms of the page, drawn on a 16-unit grid in the colour of the text beside them. */
import type { JSX } from "preact";

const SHAPES = {
  sound: "M2 6h3l4-3v10L5 10H2zM11 5.5a3.5 3.5 0 0 1 0 5M12.8 3.5a6.3 6.3 0 0 1 0 9",
  silent: "M2 6h3l4-3v10L5 10H2zM11.5 6l3 4M14.5 6l-3 4",
  play: "M5 3l8 5-8 5z",
  stop: "M4 4h8v8H4z",
  swap: "M3 6h9M9.5 3.5L12 6 9.5 8.5M13 11H4M6.5 8.5L4 11l2.5 2.5",
  send: "M3 8h9M8.5 4.5L12 8l-3.5 3.5",
  down: "M8 3v9M4.5 8.5L8 12l3.5-3.5",
  unfold: "M4 6l4 4 4-4",
  full: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  close: "M4 4l8 8M12 4l-8 8",
  day: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  evening: "M1.5 12h13M4 12a4 4 0 0 1 8 0M8 3v2.2M3 6.2l1.4 1.2M13 6.2l-1.4 1.2",
  night: "M12.8 9.6A5.3 5.3 0 0 1 6.4 3.2a5.3 5.3 0 1 0 6.4 6.4z",
  dice: "M3.5 2.5h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1zM5.6 5.6h.01M10.4 5.6h.01M8 8h.01M5.6 10.4h.01M10.4 10.4h.01",
  show: "M2 3.5h12v7.5H2zM5.5 13.5h5M8 11v2.5",
  talk: "M3 2.8h10a1 1 0 0 1 1 1v5.4a1 1 0 0 1-1 1H8l-3.4 3v-3H3a1 1 0 0 1-1-1V3.8a1 1 0 0 1 1-1z",
  phone: "M4.2 2.5l2 3-1.3 1.4c.8 1.8 2.4 3.4 4.2 4.2L10.5 9.800l3 2-.4 1.700c-.2.7-.9 1-1.600.9C6.500 13.600 2.400 9.500 1.600 4.500c-.1-.7.2-1.400.9-1.600z",
  evidence: "M2 3.5h5M4 6.5h6M8 9.5h4M10 12.5h4",
  services: "M3 2.8h10v4H3zM3 9.2h10v4H3zM5.2 4.8h.01M5.2 11.2h.01",
  settings: "M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7M10.8 2.8a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4zM5.2 9.8a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4z",
  copy: "M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.2v2.6h-2.6",
  lamp: "M5.5 2.5h5l2 5h-9zM8 7.5v5M5.5 13.5h5",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }): JSX.Element {
  const solid = name === "play" || name === "stop";
  return (
    <svg class={solid ? "icon solid" : "icon"} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
