/** A journal as it lies on disk: its header, and its records up to where it was cut off. */
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { CascError, messageOf } from '../errors';
import { headerSchema, imagesOf, inShard, JOURNAL_FORMAT, type JournalHeader } from './header';
import { type Line, linesOf } from './journal-lines';
import { failedRecordSchema, type ImageRecord, imageRecordOf } from './record';
import { taskOf } from './tasks';

/** How every journal begins. */
const BEGINNING = '{"journal":"casc-snn evaluation"';

export interface JournalFile {
  readonly header: JournalHeader;
  /**
   * Read once. Throws ERR_CASC_JOURNAL, naming the line, where one is damaged or an image has two. A last line that is not whole is
   * left out: its image has no record.
   */
  readonly records: AsyncGenerator<ImageRecord, void, undefined>;
  /** Whether an image has a record, of those read so far. */
  has(at: number): boolean;
  /** Bytes up to the end of the last whole line; known when the records are read. */
  readonly length: number;
}

/**
 * Reads a journal. Throws ERR_CASC_FILE; ERR_CASC_JOURNAL for another file than a journal, one of a newer form, or one that was
 * cut off within its header.
 *
 * @example
 * const { header, records } = await readJournal('run.jsonl');
 * const { snn } = await figuresOf(header, records);
 */
export async function readJournal(file: string): Promise<JournalFile> {
  const opened = await openJournal(file);
  if (opened) return opened;
  throw new CascError(
    'ERR_CASC_JOURNAL',
    `${file} has no whole header: it was cut off before its first image. Run the evaluation again`,
    { file },
  );
}

/** Null for an empty file, or one that was cut off within its header. */
export async function openJournal(file: string): Promise<JournalFile | null> {
  const lines = linesOf(file);
  const first = await next(file, lines);
  if (!first) return null;
  if (first.text === null) {
    await lines.return();
    // Nobody else's file is taken for a cut-off header, and overwritten.
    if (await isCutHeader(file, first)) return null;
    throw noJournal(file);
  }
  const header = parseHeader(file, first.text);
  return new Reader(file, header, lines, first.end);
}

async function isCutHeader(file: string, { end }: Line): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(BEGINNING.length), 0, BEGINNING.length, 0);
    return BEGINNING.startsWith(buffer.toString('utf8', 0, Math.min(bytesRead, end)));
  } finally {
    await handle.close();
  }
}

function parseHeader(file: string, text: string): JournalHeader {
  const value = parse(text) as { format?: unknown } | undefined;
  if (!text.startsWith(BEGINNING) || value === undefined) throw noJournal(file);
  if (value.format !== JOURNAL_FORMAT) {
    throw new CascError(
      'ERR_CASC_JOURNAL',
      `${file} is a journal of form ${value.format}, this version reads form ${JOURNAL_FORMAT}; read it with the version that wrote it`,
      { file },
    );
  }
  const parsed = headerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CascError(
    'ERR_CASC_JOURNAL',
    `${file}: its header is damaged: ${issuesOf(parsed.error)}. Start a new journal`,
    { file },
  );
}

class Reader implements JournalFile {
  readonly records: AsyncGenerator<ImageRecord, void, undefined>;
  private readonly seen = new Set<number>();

  constructor(
    private readonly file: string,
    readonly header: JournalHeader,
    lines: AsyncGenerator<Line, void, undefined>,
    public length: number,
  ) {
    this.records = this.read(lines);
  }

  has(at: number): boolean {
    return this.seen.has(at);
  }

  private async *read(lines: AsyncGenerator<Line, void, undefined>): AsyncGenerator<ImageRecord, void, undefined> {
    const { file, header, seen } = this;
    const evaluated = imageRecordOf(taskOf(header).answers);
    let broken: number | undefined;
    for (let line = await next(file, lines); line; line = await next(file, lines)) {
      // After a power failure the last line may be whole and still not what was written.
      if (broken !== undefined) throw damaged(file, broken, 'it is no JSON');
      const value = line.text === null ? undefined : parse(line.text);
      if (value === undefined) {
        broken = line.number;
        continue;
      }
      const failed = typeof value === 'object' && value !== null && 'error' in value;
      const parsed = (failed ? failedRecordSchema : evaluated).safeParse(value);
      if (!parsed.success) throw damaged(file, line.number, issuesOf(parsed.error));
      const record = parsed.data as ImageRecord;
      if (record.at >= header.data.images || !inShard(record.at, header.shard)) {
        throw damaged(
          file,
          line.number,
          `image ${record.id} does not belong to this journal's ${imagesOf(header)} images`,
        );
      }
      if (seen.has(record.at)) throw damaged(file, line.number, `image ${record.id} has a record already`);
      seen.add(record.at);
      this.length = line.end;
      yield record;
    }
  }
}

async function next(file: string, lines: AsyncGenerator<Line, void, undefined>): Promise<Line | undefined> {
  try {
    return (await lines.next()).value ?? undefined;
  } catch (error) {
    throw new CascError('ERR_CASC_FILE', `${file} cannot be read: ${messageOf(error)}`, { file }, { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const issuesOf = (error: z.ZodError): string => z.prettifyError(error).replaceAll('\n', ' ');

function noJournal(file: string): CascError {
  return new CascError(
    'ERR_CASC_JOURNAL',
    `${file} is no journal of an evaluation, and is left as it is; name another file`,
    {
      file,
    },
  );
}

function damaged(file: string, line: number, problem: string): CascError {
  return new CascError(
    'ERR_CASC_JOURNAL',
    `${file}: line ${line} is damaged: ${problem}. Take the line out to have its image evaluated again, or start a new journal`,
    { file },
  );
}
