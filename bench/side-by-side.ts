/** Two ways of doing the same work, timed in turns, so that a slow moment of the machine meets both. */
import { setTimeout as pause } from 'node:timers/promises';

type Work = () => Promise<unknown>;

export interface SideBySide {
  /** Seconds for one piece of work, round by round. */
  ours: number[];
  peer: number[];
  /** How often we are faster: peer's seconds over ours, of the same round. */
  ratio: { median: number; min: number; max: number };
}

/** A side works at least so long per round. */
const SECONDS_PER_TURN = 0.25;
/** Before each turn. onnxruntime's threads spin for some 30 ms after a run before they sleep; we would share the cores with them. */
const PAUSE_MS = 100;

export async function sideBySide(ours: Work, peer: Work, rounds: number): Promise<SideBySide> {
  const sides = [
    { work: ours, times: [] as number[], repeat: await warmUp(ours) },
    { work: peer, times: [] as number[], repeat: await warmUp(peer) },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const { work, times, repeat } of round % 2 === 0 ? sides : [...sides].reverse()) {
      await pause(PAUSE_MS);
      times.push((await seconds(work, repeat)) / repeat);
    }
  }
  const [us, them] = sides.map(({ times }) => times) as [number[], number[]];
  const ratios = us.map((time, round) => them[round]! / time);
  return {
    ours: us,
    peer: them,
    ratio: { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Two untimed runs; the second tells how many fill a turn. */
async function warmUp(work: Work): Promise<number> {
  await work();
  return Math.max(1, Math.ceil(SECONDS_PER_TURN / (await seconds(work, 1))));
}

async function seconds(work: Work, repeat: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < repeat; i++) await work();
  return (performance.now() - start) / 1000;
}
