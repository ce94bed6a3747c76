/** Peak memory of a whole process that does nothing but simulate: a fresh one, without onnxruntime. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Peaks, Task } from './memory-child';
import type { Prepared } from './prepared';
import { table } from './table';

export interface MemoryRow extends Peaks {
  name: string;
  batch: number;
  threads: number;
}

const BATCHES = 4;
const THREADS = 2;

export async function memory({ one, images, snn }: Prepared): Promise<MemoryRow> {
  const pixels = `${snn}.images`;
  await writeFile(pixels, images.pixels);
  const task: Task = { snn, pixels, batch: one.batch, batches: BATCHES, threads: THREADS };
  const script = join(__dirname, 'memory-child.js');
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(task)]);
  return { name: one.name, batch: one.batch, threads: THREADS, ...(JSON.parse(stdout) as Peaks) };
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

export function memoryTable(rows: readonly MemoryRow[]): string {
  return table(
    'Peak memory of the process, MB (10^6 bytes), after each stage',
    ['net', 'batch', 'threads', 'isa', 'node alone', 'library', 'net loaded', 'batches run'],
    rows.map(({ name, batch, threads, isa, peakBytes: { node, library, loaded, run } }) => [
      name,
      batch,
      threads,
      isa,
      ...[node, library, loaded, run].map(megabytes),
    ]),
  );
}
