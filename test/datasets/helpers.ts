/** What the tests of the data sets share. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataBatch } from '../../lib/datasets';
import { CascError } from '../../lib/errors';

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'casc-data-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The CascError that `action` ends with. */
export async function caught(action: () => unknown): Promise<CascError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof CascError) return error;
    throw error;
  }
  throw new Error('no error was thrown');
}

/** All batches of a data set. */
export async function collect(batches: AsyncIterable<DataBatch>): Promise<DataBatch[]> {
  const all: DataBatch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

/** Bytes that look random and are the same everywhere. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >> 16;
  });
}
