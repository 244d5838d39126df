import assert from "node:assert/strict";
import { waitFor } from "../tests/wait.ts";
import { Memory } from "./memory.ts";
import { OmissionReview } from "./omission_review.ts";

const KEY = "widgets.example.com/wheel";

function scene() {
  const memory = new Memory();
  const rung: string[] = [];
  const review = new OmissionReview(memory, { add: (key) => void rung.push(key) }, 1);
  const omit = (unknownFields: readonly string[]) => {
    const remainder = { hash: "h", difference: "d", path: "spec.a", schema: "s", unknownFields };
    memory.ensure(KEY).remainder = remainder;
  };
  return { memory, rung, review, omit };
}

Deno.test("a copy without a field that DR did not know is tried once more, as by another schema", async () => {
  const { memory, rung, review, omit } = scene();
  omit([".spec.a"]);
  review.written(KEY);
  await waitFor("the review", () => rung.length > 0, { deadlineMs: 5_000, pollMs: 1 });
  assert.deepEqual([rung, memory.get(KEY)?.remainder?.schema], [[KEY], "none"]);
  // Refused again: that is how it is, until either side changes.
  omit([".spec.a"]);
  review.written(KEY);
  review.written("configmaps/other");
  omit([".spec.a", ".spec.b"]);
  review.written(KEY);
  await waitFor("the review of the next write", () => rung.length > 1, { deadlineMs: 5_000, pollMs: 1 });
  assert.equal(rung.length, 2);
});

Deno.test("a copy that is whole, or that DR changed in another way, is left alone", () => {
  const { rung, review, omit } = scene();
  review.written(KEY);
  omit([]);
  review.written(KEY);
  // A timer would be a leak here.
  assert.deepEqual(rung, []);
});

Deno.test("nothing is reviewed after the end", () => {
  const { review, omit } = scene();
  omit([".spec.a"]);
  review.written(KEY);
  review.stop();
});
