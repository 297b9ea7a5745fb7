import { describe, expect, it } from "vitest";
import { placeToFollow } from "../src/core/following";

describe("a list that is followed", () => {
  it("shows its end while what is heard is in sight there", () => {
    expect(placeToFollow(400, 1000, { top: 700, bottom: 760 })).toBe(600);
    expect(placeToFollow(400, 1000, null)).toBe(600);
    expect(placeToFollow(400, 300, { top: 20, bottom: 60 })).toBe(0);
  });
  it("does not run away from what is heard, however much is planned behind it", () => {
    expect(placeToFollow(400, 3000, { top: 700, bottom: 760 })).toBe(688);
    expect(placeToFollow(400, 3000, { top: 4, bottom: 60 })).toBe(0);
  });
  it("keeps the lit word of a turn that is longer than the view in sight", () => {
    expect(placeToFollow(200, 3000, { top: 700, bottom: 1100 })).toBe(912);
  });
});
