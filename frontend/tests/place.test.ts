import { describe, expect, it } from "vitest";
import { Place } from "../src/addresses";

describe("the place of a page", () => {
  it.each([
    ["http://here/", "http://here/"],
    ["http://here/talk", "http://here/"],
    ["http://here/shows/late-night/", "http://here/shows/late-night/"],
    ["http://here/shows/late-night/evidence?x=1", "http://here/shows/late-night/"],
  ])("of %s is %s", (address, root) => expect(Place.of(address).root.href).toBe(root));

  it("holds the API's addresses, with their values filled in", () => {
    const place = Place.of("http://here/shows/late-night/talk");
    expect(place.at("/api/stage")).toBe("http://here/shows/late-night/api/stage");
    expect(place.at("/api/conversations/{conversation_id}", { conversation_id: "a/b" })).toBe(
      "http://here/shows/late-night/api/conversations/a%2Fb",
    );
  });

  it("knows which of its pages an address is, and what is none", () => {
    const place = Place.of("http://here/shows/day/");
    const named = (address: string): string | null => place.nameOf(new URL(address));
    expect(named("http://here/shows/day/")).toBe("");
    expect(named("http://here/shows/day/index.html")).toBe("");
    expect(named("http://here/shows/day/talk?topic=tea")).toBe("talk");
    expect(named("http://here/shows/day/stream/index.m3u8")).toBeNull();
    expect(named("http://here/shows/late-night/talk")).toBeNull();
    expect(named("http://elsewhere/shows/day/talk")).toBeNull();
  });
});
