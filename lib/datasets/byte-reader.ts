/** Sequential reading of a file of records, plain or gzipped, in bounded memory. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CascError, messageOf } from '../errors';
import { fileError } from './file-error';

const chunkBytes = 1 << 18;

/** Reads a file from its beginning; a name in `.gz` is decompressed on the way. Close it when done. */
export class ByteReader {
  readonly #file: string;
  readonly #streams: readonly Readable[];
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: string) {
    this.#file = file;
    const raw = createReadStream(file, { highWaterMark: chunkBytes });
    let stream: Readable = raw;
    if (isGzip(file)) {
      const gunzip = createGunzip({ chunkSize: chunkBytes });
      raw.on('error', (error) => gunzip.destroy(error));
      stream = raw.pipe(gunzip);
    }
    this.#streams = [raw, stream];
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /**
   * The next `count` bytes, or fewer at the end of the file. The buffer stays valid; the reader never writes to it again.
   *
   * @throws CascError ERR_CASC_FILE where the file cannot be read, ERR_CASC_DATA where it cannot be decompressed.
   */
  async read(count: number): Promise<Buffer> {
    const parts = [this.#rest];
    let length = this.#rest.length;
    while (length < count) {
      const next = await this.#next();
      if (next === undefined) break;
      parts.push(next);
      length += next.length;
    }
    const bytes = parts.length === 1 ? this.#rest : Buffer.concat(parts, length);
    this.#rest = bytes.subarray(count);
    return bytes.subarray(0, count);
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
    for (const stream of this.#streams) stream.destroy();
  }

  async #next(): Promise<Buffer | undefined> {
    try {
      const { value, done } = await this.#chunks.next();
      return done ? undefined : value;
    } catch (error) {
      if (!/^Z_/.test(String((error as NodeJS.ErrnoException).code))) throw fileError(this.#file, error);
      throw new CascError(
        'ERR_CASC_DATA',
        `${this.#file} cannot be decompressed: ${messageOf(error)}; the file is truncated or corrupt, fetch it again`,
        { file: this.#file },
        { cause: error },
      );
    }
  }
}

export function isGzip(file: string): boolean {
  return file.endsWith('.gz');
}
