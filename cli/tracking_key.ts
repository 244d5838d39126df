/**
 * Flag `--tracking-key`, of every verb that works out what a copy looks like.
 *
 * @module
 */
import { InvalidArgumentError, Option } from "commander";

/** A key of a label or annotation, or its prefix with the slash (apimachinery, `IsQualifiedName`). */
const PREFIX = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** The flag: repeatable, its values in order. */
export function trackingKeyOption(): Option {
  return new Option(
    "--tracking-key <key>",
    "label or annotation key of a GitOps tool that does not travel to copies, beside the known ones; " +
      "with / at its end: every key with that prefix; may be given several times",
  ).argParser((key: string, keys: readonly string[]) => [...keys, checked(key)]).default([], "none");
}

function checked(key: string): string {
  const slash = key.lastIndexOf("/");
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  const isPrefix = prefix !== undefined && name === "";
  const isValid = (prefix === undefined || PREFIX.test(prefix)) && (isPrefix || NAME.test(name));
  if (isValid) return key;
  throw new InvalidArgumentError("Give a key as labels have it (`example.com/name`), or a prefix (`example.com/`).");
}
