/** Lines of a file with the places where they end, so that what was cut off can be cut away. */
import { createReadStream } from 'node:fs';

export interface Line {
  /** Without its end; null where the file ends before the line does. */
  readonly text: string | null;
  /** From 1. */
  readonly number: number;
  /** Bytes of the file before this line, and up to and with its end. */
  readonly start: number;
  readonly end: number;
}

const NEWLINE = 0x0a;

/** Errors are those of the file system. */
export async function* linesOf(file: string): AsyncGenerator<Line, void, undefined> {
  let rest = Buffer.alloc(0);
  let start = 0;
  let number = 1;
  for await (const piece of createReadStream(file)) {
    rest = Buffer.concat([rest, piece as Buffer]);
    let from = 0;
    for (let at = rest.indexOf(NEWLINE); at >= 0; at = rest.indexOf(NEWLINE, from)) {
      const end = start + at + 1 - from;
      yield { text: rest.toString('utf8', from, at), number, start, end };
      number++;
      start = end;
      from = at + 1;
    }
    rest = rest.subarray(from);
  }
  if (rest.length > 0) yield { text: null, number, start, end: start + rest.length };
}
