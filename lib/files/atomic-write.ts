/** Output files: written whole or not at all. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CascError, messageOf } from '../errors';

/** Throws ERR_CASC_FILE where `path` cannot become a file: said before long work, not after it. */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  try {
    await access(folder, constants.W_OK);
    const existing = await stat(path).catch(() => undefined);
    if (existing?.isDirectory()) throw new Error('it is a folder');
    if (existing) await access(path, constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Writes to a temporary file beside `path`, flushes it, and renames it. Throws ERR_CASC_FILE; leaves nothing half-written. */
export async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw unwritable(path, error);
  }
}

function unwritable(path: string, cause: unknown): CascError {
  return new CascError(
    'ERR_CASC_FILE',
    `${path} cannot be written: ${messageOf(cause)}. Choose another place, or check its folder, rights and free space`,
    { file: path },
    { cause },
  );
}
