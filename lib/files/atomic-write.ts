/** Output files: written whole or not at all. */
import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CascError, messageOf } from '../errors';

/** Throws ERR_CASC_FILE where `path` cannot become a file: said before long work, not after it. */
export async function checkWritable(path: string): Promise<void> {
  try {
    const existing = await existingAt(path);
    if (existing?.isDirectory()) throw new Error('it is a folder');
    if (existing) await access(path, constants.W_OK);
    if (!existing || existing.isFile()) await access(dirname(await targetOf(path)), constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Writes to a temporary file beside `path`, flushes it, and renames it; a device or pipe is written to as it is, and a
 * symbolic link is followed. Throws ERR_CASC_FILE; leaves nothing half-written.
 *
 * @example
 * const { bytes } = await quantize('net.onnx', { levels: 8, calibration });
 * await writeWhole('q8.onnx', bytes);
 */
export async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  try {
    const existing = await existingAt(path);
    if (existing && !existing.isFile()) await writeFile(path, data);
    else await replace(await targetOf(path), data);
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function replace(path: string, data: Uint8Array | string): Promise<void> {
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
    throw error;
  }
}

/** Whether both paths lead to one existing file. */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)));
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
}

/** What is at `path`, links followed; undefined where nothing is. */
async function existingAt(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** The file that `path` means: where a link leads, else the path itself. */
async function targetOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

function unwritable(path: string, cause: unknown): CascError {
  return new CascError(
    'ERR_CASC_FILE',
    `${path} cannot be written: ${messageOf(cause)}. Choose another place, or check its folder, rights and free space`,
    { file: path },
    { cause },
  );
}
