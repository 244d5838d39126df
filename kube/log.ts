/** Fields of a structured log line. Never object bodies: a Secret's values must not get near a log. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where log lines go; `main.ts` binds it to LogTape. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
