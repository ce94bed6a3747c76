/** The file that an evaluation's records are appended to, so that no image has to be evaluated twice. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CascError, messageOf } from '../errors';
import type { JournalHeader } from './header';
import { checkSame } from './header-difference';
import { type JournalFile, openJournal } from './journal-reader';
import type { ImageRecord } from './record';

/** Records are with the operating system after every batch, and on the disk after so many milliseconds more. */
const SYNC_MS = 500;

export class Journal {
  private timer: NodeJS.Timeout | undefined;
  private syncing: Promise<void> = Promise.resolve();
  private failure: unknown;

  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    private readonly existing: JournalFile | null,
    /** Bytes of whole lines. */
    private length: number,
  ) {}

  /**
   * Begins a journal, or takes one up again. Throws ERR_CASC_JOURNAL for one of another evaluation, or another file; ERR_CASC_FILE
   * where it cannot be written.
   */
  static async open(file: string, header: JournalHeader): Promise<Journal> {
    const before = await stat(file).catch(() => null);
    if (before && !before.isFile()) {
      throw new CascError('ERR_CASC_FILE', `${file} is no regular file: a journal could not be taken up again`, {
        file,
      });
    }
    const handle = await onJournal(file, () => open(file, 'a'));
    try {
      const existing = await openJournal(file);
      if (existing) checkSame(file, existing.header, header);
      const journal = new Journal(file, handle, existing, 0);
      if (!existing) {
        await onJournal(file, () => handle.truncate(0));
        await journal.write(`${JSON.stringify(header)}\n`);
        await onJournal(file, () => handle.sync());
        if (!before) await syncFolder(dirname(file));
      }
      return journal;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Those that it had when it was opened; cuts off a last line that is not whole. To be read before `append`. */
  async *records(): AsyncGenerator<ImageRecord, void, undefined> {
    const { existing, file, handle } = this;
    if (!existing) return;
    yield* existing.records;
    this.length = existing.length;
    await onJournal(file, () => handle.truncate(existing.length));
  }

  /** Whether an image had a record when it was opened. */
  has(at: number): boolean {
    return this.existing?.has(at) ?? false;
  }

  /** Returns when the operating system has the records. Throws ERR_CASC_FILE; what was appended before stays whole. */
  async append(records: readonly ImageRecord[]): Promise<void> {
    if (this.failure) throw this.failure;
    if (records.length === 0) return;
    await this.write(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.syncing = this.handle.datasync().catch((error) => {
        this.failure ??= unwritable(this.file, error);
      });
    }, SYNC_MS);
  }

  /** Brings everything to the disk. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    await this.syncing;
    try {
      await onJournal(this.file, () => this.handle.sync());
    } finally {
      await this.handle.close();
    }
    if (this.failure) throw this.failure;
  }

  private async write(text: string): Promise<void> {
    const { file, handle } = this;
    const { size } = await onJournal(file, () => handle.stat());
    if (size !== this.length) {
      throw new CascError(
        'ERR_CASC_JOURNAL',
        `${file} was changed by someone else: it has ${size} bytes, ${this.length} of them from here. Two evaluations cannot share a journal; give each a --shard and a journal`,
        { file },
      );
    }
    try {
      await handle.appendFile(text);
      this.length += Buffer.byteLength(text);
    } catch (error) {
      // Half a line would be cut off the next time anyhow.
      await handle.truncate(this.length).catch(() => undefined);
      throw unwritable(file, error);
    }
  }
}

/** A new file's name is on the disk when its folder is; not every file system can say so. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function onJournal<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw unwritable(file, error);
  }
}

function unwritable(file: string, cause: unknown): CascError {
  return new CascError(
    'ERR_CASC_FILE',
    `the journal ${file} cannot be written: ${messageOf(cause)}. The records before are safe: make room, or correct its folder's rights, and run the same command again`,
    { file },
    { cause },
  );
}
