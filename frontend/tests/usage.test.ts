import { describe, expect, it } from "vitest";
import { capOf, costOf, count, money, runName, totals } from "../src/core/usage";
import type { UsageRow } from "../src/models";

const ROW: UsageRow = {
  name: "openai",
  called: "",
  model: "small",
  service: "llm",
  requests: 3,
  estimated: 0,
  unpriced: 0,
  prompt_tokens: 900,
  cached_tokens: 0,
  completion_tokens: 80,
  characters: 0,
  minutes: 0,
  cost: 1.5,
  currency: "EUR",
};

describe("what engines were asked for", () => {
  it("is money with as many digits as it needs", () => {
    expect(money(1234.5, "EUR")).toBe("1,234.50 EUR");
    expect(money(0.00042, "EUR")).toBe("0.00042 EUR");
    expect(money(0, "EUR")).toBe("0.00 EUR");
    expect(count(918_332)).toBe("918,332");
  });

  it("is not known where there is no price, and more than that where some has none", () => {
    expect(costOf(ROW)).toBe("1.50 EUR");
    expect(costOf({ ...ROW, cost: null, currency: "" })).toBe("not known: no price");
    expect(costOf({ ...ROW, unpriced: 1 })).toBe("1.50 EUR and more");
  });

  it("adds up by currency, and says whether something has no price", () => {
    const rows = [ROW, { ...ROW, cost: 0.5 }, { ...ROW, currency: "USD" }];
    expect(totals(rows)).toEqual({ sums: ["2.00 EUR", "1.50 USD"], unknown: false });
    expect(totals([{ ...ROW, cost: null, unpriced: 3 }])).toEqual({ sums: [], unknown: true });
  });

  it("has caps in their units", () => {
    const cap = { engine: "openai", unit: "characters", limit: 20_000, used: 12_000, reached: false } as const;
    expect(capOf(cap, "EUR")).toBe("12,000 of 20,000 characters");
    expect(capOf({ ...cap, unit: "money", limit: 5, used: 2.94 }, "EUR")).toBe("2.94 of 5.00 EUR");
    expect(capOf({ ...cap, unit: "minutes", limit: 60, used: 1.25 }, "EUR")).toBe("1.3 of 60 minutes");
  });

  it("was asked in a part of the house", () => {
    expect(runName("show:main")).toBe("Show main");
    expect(runName("line:0199a3c1-7a2b-7c3d-8e4f-5a6b7c8d9e1f")).toBe("Call 7c8d9e1f");
    expect(runName("talk")).toBe("Talks");
    expect(runName("api")).toBe("API");
    expect(runName("show:main").length).toBeGreaterThan(0);
  });
});
