import assert from "node:assert/strict";
import { replicationId } from "./replication_id.ts";

const ends = {
  sourceClusterId: "6b7a3f8e-0f0e-4f6e-8a4e-2d8b6f0c1a11",
  sourceNamespace: "shop",
  destinationClusterId: "c1f2c6a0-5b0d-4b52-9a57-7f1d3c9e2b22",
  destinationNamespace: "shop-dr",
};

Deno.test("the id is the beginning of a digest and never changes: copies in DR carry it", () => {
  assert.equal(replicationId(ends), "171e0baa9af9");
});

Deno.test("each end counts, and so does the direction", () => {
  const ids = [
    ends,
    { ...ends, sourceClusterId: "other" },
    { ...ends, sourceNamespace: "shop-dr", destinationNamespace: "shop" },
    { ...ends, sourceClusterId: ends.destinationClusterId, destinationClusterId: ends.sourceClusterId },
    { ...ends, destinationNamespace: "shop" },
  ].map(replicationId);
  assert.equal(new Set(ids).size, ids.length);
});
