/**
 * Structured logs: JSON lines for machines, text for people; fields that may hold a secret are redacted by name.
 *
 * @module
 */
import { configure, dispose, getLogger, getTextFormatter, jsonLinesFormatter } from "@logtape/logtape";
import { redactByField } from "@logtape/redaction";
import type { Log } from "../kube/log.ts";
import { logStream } from "./log_stream.ts";

/** Levels, least first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Directs all logs to a stream. */
export async function setUpLogging(
  level: LogLevel,
  format: "json" | "text",
  stream: WritableStream<Uint8Array>,
): Promise<void> {
  const formatter = format === "json" ? jsonLinesFormatter : getTextFormatter();
  await configure({
    sinks: {
      stream: redactByField(logStream(stream, formatter), { fieldPatterns: [/token|secret|password|key$/i] }),
    },
    loggers: [
      { category: "dr-syncer", lowestLevel: level, sinks: ["stream"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stream"] },
    ],
  });
}

/** Writes what is buffered. */
export async function tearDownLogging(): Promise<void> {
  await dispose();
}

/** A log of one area, `audit` for example. */
export function logOf(area: string): Log {
  const logger = getLogger(["dr-syncer", area]);
  return {
    debug: (message, fields) => logger.debug(message, { ...fields }),
    info: (message, fields) => logger.info(message, { ...fields }),
    warn: (message, fields) => logger.warn(message, { ...fields }),
    error: (message, fields) => logger.error(message, { ...fields }),
  };
}
