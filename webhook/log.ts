/** Fields of a structured log line; never a part of an object. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where the admission server reports; `main.ts` binds it to LogTape. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
