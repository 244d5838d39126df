/**
 * Lists of ConfigMaps as a process of its own, so that its memory is that of the controller: for each line that comes in, one list;
 * a line goes out when it is ready, and with the number of objects after each list.
 *
 * Argument: path of a kubeconfig.
 *
 * @module
 */
import { listAll } from "../../kube/list_all.ts";
import { CONFIG_MAPS, connect } from "../e2e/webhook_scene.ts";
import { TextLineStream } from "../line_stream.ts";

async function tell(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const client = connect(await Deno.readTextFile(Deno.args[0] ?? ""));
  await tell("ready");
  for await (const _ of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    let listed = 0;
    for await (const { items } of listAll(client, CONFIG_MAPS, { namespace: "default" })) listed += items.length;
    await tell(String(listed));
  }
  client.close();
}
