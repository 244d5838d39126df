/**
 * A test run that is killed: starts agents on a mounted volume below the folder that it is given, says where, and waits for its end.
 *
 * @module
 */
import { shell } from "./folder.ts";
import { VolumeScene } from "./scene.ts";

const scene = await VolumeScene.prepare(Deno.args[0]);
await shell('mount -t tmpfs tmpfs "$1"', scene.sourcePath);
await scene.startAgents();
const processes = [...await scene.source.processes(), ...await scene.target.processes()];
await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify({ path: scene.folder.path, processes })}\n`));
await new Promise(() => setInterval(() => {}, 60_000));
