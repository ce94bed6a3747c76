/** Evaluations with a journal in processes of their own, killed at random moments. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { main } from './casc';
import { Random } from './random';

/** Records of a journal; −1 where its header is not whole. */
export const records = (file: string): number =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 2 : -1;

/** Starts `casc` and waits until the journal has so many records. */
export async function started(args: readonly string[], journal: string, until: number) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (text) => (texts.out += text));
  child.stderr.on('data', (text) => (texts.err += text));
  const ended = once(child, 'close');
  while (child.exitCode === null && records(journal) < until) await wait(5);
  return { child, texts, ended };
}

/**
 * Starts the evaluation of so many images so many times, and kills it each time (SIGKILL) at a random moment: spread over the first
 * three quarters of the images, then up to a tenth of a second later, in the midst of a batch or of writing it; while it starts
 * and reads its journal where that has as many already. The seed is Jest's, which is part of what it throws: `jest --seed <n>`
 * draws the same moments again. Returns the records that were there after each kill.
 */
export async function killAtRandom(args: readonly string[], journal: string, images: number, kills: number) {
  const seed = jest.getSeed();
  const random = new Random(seed);
  const moments = Array.from({ length: kills }, () => random.int(0, Math.floor(0.75 * images))).sort((a, b) => a - b);
  const left: number[] = [];
  for (const moment of moments) {
    const reached = records(journal) >= moment;
    const { child, texts, ended } = await started(args, journal, moment);
    await wait(random.int(0, reached ? 400 : 100));
    child.kill('SIGKILL');
    const [, signal] = await ended;
    left.push(records(journal));
    if (signal === 'SIGKILL' && left.at(-1)! < images) continue;
    const kill = `kill ${left.length} of ${kills}, at record ${moment} (moments ${moments.join(', ')})`;
    throw new Error(`${kill} came too late: ${left.at(-1)} of ${images} records; --seed ${seed}. ${texts.err}`);
  }
  return left;
}

/** What a failure of a test with random kills is to be reproduced with. */
export const seeded = `--seed ${jest.getSeed()}`;
