/**
 * Memory of a long evaluation: `casc evaluate` with a journal over a folder of images that is repeated so many times, its resident
 * size sampled. Links stand for the repeated images, so that nothing is copied.
 *
 *     npm run bench:evaluation -- <q.onnx> <folder of class folders> [--repeat 10] [--ann fp32.onnx] [evaluate's options …]
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import { table } from './table';

const SAMPLES = 12;
const EVERY_MS = 500;

function repeated(from: string, times: number, to: string): number {
  let images = 0;
  for (const wnid of readdirSync(from).filter((name) => /^n\d{8}$/.test(name))) {
    mkdirSync(join(to, wnid));
    for (const name of readdirSync(join(from, wnid))) {
      for (let i = 0; i < times; i++) {
        symlinkSync(join(from, wnid, name), join(to, wnid, `${basename(name, extname(name))}-${i}${extname(name)}`));
        images++;
      }
    }
  }
  return images;
}

/** Resident bytes of a process now, and at most; undefined once it has ended. */
function memoryOf(pid: number): { now: number; most: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytes = (field: string) => 1024 * Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)![1]);
    return { now: bytes('VmRSS'), most: bytes('VmHWM') };
  } catch {
    return undefined;
  }
}

async function main([net, images, ...options]: string[]): Promise<void> {
  if (!net || !images)
    throw new Error('usage: bench:evaluation -- <q.onnx> <folder> [--repeat n] [options of evaluate]');
  const at = options.indexOf('--repeat');
  const [, times = '10'] = at < 0 ? [] : options.splice(at, 2);
  const folder = mkdtempSync(join(tmpdir(), 'casc-evaluation-'));
  try {
    const val = join(folder, 'val');
    mkdirSync(val);
    symlinkSync(resolve(images, '..', 'synsets.txt'), join(folder, 'synsets.txt'));
    const total = repeated(resolve(images), Number(times), val);
    const journal = join(folder, 'run.jsonl');
    const main = join(__dirname, '../dist/cli/main.js');
    const args = [main, 'evaluate', net, '--data', `imagenet:${val}`, '--journal', journal, ...options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    const samples: { done: number; now: number; most: number }[] = [];
    const timer = setInterval(() => {
      const memory = memoryOf(child.pid!);
      if (memory) samples.push({ done: lines(journal), ...memory });
    }, EVERY_MS);
    const code = await new Promise<number | null>((done) => child.on('close', done));
    clearInterval(timer);
    const shown = samples.filter((_, i) => i % Math.ceil(samples.length / SAMPLES) === 0 || i === samples.length - 1);
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    console.log(
      table(
        `Memory over ${total} images, MB (10^6 bytes); exit code ${code}`,
        ['images', 'resident', 'at most so far'],
        shown.map(({ done, now, most }) => [done, megabytes(now), megabytes(most)]),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Records of a journal. */
function lines(journal: string): number {
  try {
    return Math.max(
      0,
      readFileSync(journal).reduce((count, byte) => count + Number(byte === 10), -1),
    );
  } catch {
    return 0;
  }
}

void main(process.argv.slice(2));
