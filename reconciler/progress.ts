/**
 * Signs of life of a turn: each call that ends, well or not, is one. A slow cluster makes turns long; it does not make them stuck.
 *
 * @module
 */
import type { Reader, Writer } from "../kube/types.ts";
import type { MirrorContext } from "./mirror_context.ts";

/** The context of one turn: `progress` is called whenever one of its calls ends. */
export function withProgress(context: MirrorContext, progress: () => void): MirrorContext {
  const { source, target } = context;
  return {
    ...context,
    source: readsOf(source, progress),
    target: { ...readsOf(target, progress), ...writesOf(target, progress) },
  };
}

function readsOf(reader: Reader, progress: () => void): Reader {
  return {
    get: (...call) => reader.get(...call).finally(progress),
    list: (...call) => reader.list(...call).finally(progress),
  };
}

function writesOf(writer: Writer, progress: () => void): Writer {
  return {
    create: (...call) => writer.create(...call).finally(progress),
    replace: (...call) => writer.replace(...call).finally(progress),
    apply: (...call) => writer.apply(...call).finally(progress),
    patch: (...call) => writer.patch(...call).finally(progress),
    delete: (...call) => writer.delete(...call).finally(progress),
  };
}
