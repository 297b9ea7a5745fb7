/** Colours that stay legible: a character's own colour, lightened just enough for the dark page (WCAG 2.2, 1.4.3). */

type Rgb = readonly [number, number, number];

/** What most of the page is written on. */
export const PAPER = "#17191c";

function parse(colour: string): Rgb | null {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  return match ? [parseInt(match[1] ?? "", 16), parseInt(match[2] ?? "", 16), parseInt(match[3] ?? "", 16)] : null;
}

/** Relative luminance, 0…1. */
function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast ratio of two `#rrggbb` colours, 1…21. */
export function contrast(one: string, other: string): number {
  const [first, second] = [parse(one), parse(other)];
  if (!first || !second) return 1;
  const [light, dark] = [luminance(first), luminance(second)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** `colour`, mixed with white in steps until it has `ratio` against `background`. What is no colour becomes light grey. */
export function legible(colour: string, background: string, ratio = 5): string {
  const own = parse(colour);
  if (!own) return "#d0d4d8";
  for (let white = 0; white <= 1; white += 0.05) {
    const mixed = own.map((channel) => Math.round(channel + (255 - channel) * white));
    const text = `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
    if (contrast(text, background) >= ratio) return text;
  }
  return "#ffffff";
}
