/** What engines were asked for, as people read it. */
import type { CapView, UsageRow } from "../models";

/** `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** Money: two digits behind the point, more where it is little. */
export function money(value: number, currency: string): string {
  const digits = value === 0 || value >= 0.1 ? 2 : 5;
  return `${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: digits })} ${currency}`.trim();
}

/** What a row cost; where nobody knows, that. */
export function costOf(row: UsageRow): string {
  if (row.cost === null || row.cost === undefined) return "not known: no price";
  return row.unpriced > 0 ? `${money(row.cost, row.currency)} and more` : money(row.cost, row.currency);
}

/** A cap and what of it is used: `12,000 of 20,000 characters`. */
export function capOf(cap: CapView, currency: string): string {
  if (cap.unit === "money") return `${money(cap.used, "")} of ${money(cap.limit, currency)}`;
  const figure = (value: number): string => (cap.unit === "minutes" ? value.toLocaleString("en", { maximumFractionDigits: 1 }) : count(value));
  return `${figure(cap.used)} of ${figure(cap.limit)} ${cap.unit}`;
}

/** What all rows cost together, in each currency; and whether something among them has no price. */
export function totals(rows: readonly UsageRow[]): { sums: readonly string[]; unknown: boolean } {
  const found = new Map<string, number>();
  for (const row of rows) {
    if (row.cost !== null && row.cost !== undefined) found.set(row.currency, (found.get(row.currency) ?? 0) + row.cost);
  }
  const sums = [...found].map(([currency, value]) => money(value, currency));
  return { sums, unknown: rows.some((row) => row.unpriced > 0) };
}

/** A part of the house as the ledger calls it, in words. */
export function runName(part: string): string {
  const [kind = "", name = ""] = part.split(":");
  const what: Readonly<Record<string, string>> = { show: "Show", talk: "Talk", line: "Call", api: "API", house: "House", render: "Render" };
  const called = kind === "show" ? name : name.slice(-8);
  const plural = kind === "talk" || kind === "line" ? "s" : "";
  return called ? `${what[kind] ?? kind} ${called}` : `${what[kind] ?? kind}${plural}`;
}
