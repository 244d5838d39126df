/**
 * What may happen to a world and to the process that mirrors in it.
 *
 * @module
 */
import { type Resource, RESOURCES } from "./clusters.ts";
import type { Meddling } from "./hands.ts";
import type { LeaseFields, Lists, World } from "./world.ts";

/** One thing that happens. */
export type Happening =
  | { readonly do: "create" | "remove" | "create anew"; readonly of: Resource; readonly name: string }
  | { readonly do: "ignore"; readonly of: Resource; readonly name: string; readonly is: boolean }
  | { readonly do: "meddle"; readonly of: Resource; readonly name: string; readonly how: Meddling }
  | { readonly do: "lists"; readonly of: Resource; readonly how: Lists }
  | { readonly do: "namespace"; readonly becomes: "Terminating" | "Gone" | "Created" | "Created anew" }
  | { readonly do: "watches"; readonly become: "Broken" | "Open" | "Opened anew" }
  | { readonly do: "lease"; readonly is: LeaseFields }
  | { readonly do: "lead" | "identity" | "reads" | "persist"; readonly is: boolean }
  | { readonly do: "stop" | "heal" };

/** What happens to the process itself. */
export interface ProcessPorts {
  /** It ends, whatever it was at. */
  stop(): void;
  watches(become: "Broken" | "Open" | "Opened anew"): Promise<void>;
}

/** It happens, seen through to its end. */
export async function happen(what: Happening, world: World, process: ProcessPorts): Promise<void> {
  world.truth.tell(JSON.stringify(what));
  switch (what.do) {
    case "create":
      return await world.create(what.of, what.name);
    case "remove":
      return await world.remove(what.of, what.name);
    case "create anew":
      await world.remove(what.of, what.name);
      return await world.create(what.of, what.name);
    case "ignore":
      return await world.ignore(what.of, what.name, what.is);
    case "meddle":
      return await world.meddle(what.of, what.name, what.how);
    case "lists":
      return void world.lists.set(what.of, what.how);
    case "namespace":
      if (what.becomes === "Created anew") await world.namespace("Gone");
      return await world.namespace(what.becomes === "Created anew" ? "Created" : what.becomes);
    case "watches":
      return await process.watches(what.become);
    case "lease":
      return await world.lease(what.is);
    case "lead":
      return await world.lead(what.is);
    case "identity":
      return world.elsewhere(!what.is);
    case "reads":
      world.readsFail = !what.is;
      return;
    case "persist":
      return world.persistFails(!what.is);
    case "stop":
      return process.stop();
    case "heal":
      return await heal(world, process);
  }
}

/** Only what is not well is touched. */
async function heal(world: World, process: ProcessPorts): Promise<void> {
  const { truth } = world;
  for (const resource of RESOURCES) world.lists.set(resource, "whole");
  world.readsFail = false;
  world.persistFails(false);
  world.elsewhere(false);
  world.leads = true;
  if (!truth.fence.now) await world.lease({});
  if (truth.namespace.now === undefined) {
    await world.namespace("Gone");
    await world.namespace("Created");
  }
  await process.watches("Open");
}
