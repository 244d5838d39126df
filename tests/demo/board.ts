/**
 * The table of arrivals: on a terminal it changes in place, elsewhere each arrival is one plain line.
 *
 * @module
 */
import { stripVTControlCharacters, styleText } from "node:util";
import type { Arrival } from "./arrivals.ts";

/** Where text goes; `Deno.stdout` fits. */
export interface TextSink {
  writeSync(bytes: Uint8Array): number;
}

/** How to show things. */
export interface Look {
  /** Lines may be changed after they were written. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** Size of the terminal, asked for when needed. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

const widths = { what: 36, action: 27, lag: 11 };

/** Milliseconds for people: `8.4 ms`, `2,013 ms`. */
export function formatMs(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString("en")} ms`;
}

/** Writes text and tables. */
export class Board {
  /** Rows of the table that may still change, by position of their change; 0 is the first. */
  readonly #rows = new Map<number, number>();
  /** The last line gives way to the next. */
  #isPassing = false;

  constructor(readonly sink: TextSink, readonly look: Look) {}

  /** A line of text; tables above it are final. */
  tell(line = ""): void {
    this.#rows.clear();
    this.#write(`${line}\n`);
  }

  /** A line that the next one takes the place of; where lines cannot be changed it stays. */
  replace(line: string): void {
    if (!this.look.isTerminal) return this.tell(line);
    this.tell(this.#clip(line));
    this.#isPassing = true;
  }

  /** A headline with the columns of a table. */
  head(title: string): void {
    this.tell();
    this.tell(this.bold(title));
    const columns = `  ${"OBJECT".padEnd(widths.what)}${"CHANGE".padEnd(widths.action)}`;
    this.tell(this.dim(`${columns}${"IN DR AFTER".padStart(widths.lag)}  THERE`));
  }

  /** Shows how far a change is. */
  show(position: number, arrival: Arrival): void {
    if (!this.look.isTerminal) return arrival.state === "arrived" ? this.tell(this.#format(arrival)) : undefined;
    const line = this.#clip(this.#format(arrival));
    const row = this.#rows.get(position);
    if (row === undefined) {
      this.#rows.set(position, this.#rows.size);
      return this.#write(`${line}\n`);
    }
    const up = this.#rows.size - row;
    // What has left the screen cannot be changed any more; the summary tells.
    if (up < this.look.size().rows) this.#write(`\x1b[${up}A\r\x1b[2K${line}\x1b[${up}B\r`);
  }

  bold(text: string): string {
    return this.#style("bold", text);
  }

  dim(text: string): string {
    return this.#style("dim", text);
  }

  good(text: string): string {
    return this.#style("green", text);
  }

  bad(text: string): string {
    return this.#style("red", text);
  }

  #format(arrival: Arrival): string {
    const { change } = arrival;
    const start = `${`${change.kind} ${change.name}`.padEnd(widths.what)}${change.action.padEnd(widths.action)}`;
    if (arrival.state === "pending") return `  ${start}${this.dim("…".padStart(widths.lag))}`;
    return `  ${start}${this.good(formatMs(arrival.lagMs).padStart(widths.lag))}  ${arrival.note}`.trimEnd();
  }

  /** A line that wraps would be two, and every jump upwards wrong. */
  #clip(line: string): string {
    const { columns } = this.look.size();
    const plain = stripVTControlCharacters(line);
    return plain.length < columns ? line : `${plain.slice(0, columns - 2)}…`;
  }

  #style(style: "bold" | "dim" | "green" | "red", text: string): string {
    return this.look.colour ? styleText(style, text, { validateStream: false }) : text;
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(this.#isPassing ? `\x1b[1A\x1b[2K${text}` : text);
    this.#isPassing = false;
    for (let done = 0; done < bytes.length;) done += this.sink.writeSync(bytes.subarray(done));
  }
}
