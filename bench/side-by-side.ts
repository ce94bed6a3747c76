/** Several ways of doing the same work, timed in turns, so that a slow moment of the machine meets all of them. */
import { setTimeout as pause } from 'node:timers/promises';

type Work = () => Promise<unknown>;

/** Seconds of every call of each side: [round][call]. */
export type Turns<Side extends string> = Record<Side, number[][]>;

/** How many times as fast as the peer: the peer's seconds over ours, of the same round. */
export interface Ratio {
  median: number;
  min: number;
  max: number;
}

/** A side works at least so long per round. */
const SECONDS_PER_TURN = 0.25;
/** Before each turn. onnxruntime's threads spin for some 30 ms after a run before they sleep; we would share the cores with them. */
const PAUSE_MS = 100;

export async function inTurns<Side extends string>(sides: Record<Side, Work>, rounds: number): Promise<Turns<Side>> {
  const names = Object.keys(sides) as Side[];
  const turns = Object.fromEntries(names.map((name) => [name, []])) as unknown as Turns<Side>;
  const calls = new Map<Side, number>();
  for (const name of names) calls.set(name, await warmUp(sides[name]));
  for (let round = 0; round < rounds; round++) {
    for (const name of order(names, round)) {
      await pause(PAUSE_MS);
      const seconds: number[] = [];
      for (let call = 0; call < calls.get(name)!; call++) seconds.push(await time(sides[name]));
      turns[name].push(seconds);
    }
  }
  return turns;
}

/** Mean seconds of a call, round by round. */
export function means(turns: readonly number[][]): number[] {
  return turns.map((seconds) => seconds.reduce((a, b) => a + b, 0) / seconds.length);
}

/** Of the seconds of two sides, round by round. */
export function ratio(ours: readonly number[], peer: readonly number[]): Ratio {
  const ratios = ours.map((seconds, round) => peer[round]! / seconds);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Nobody always goes first, or always after the same one. */
function order<Side>(names: readonly Side[], round: number): Side[] {
  const first = (round >> 1) % names.length;
  const turned = [...names.slice(first), ...names.slice(0, first)];
  return round % 2 === 0 ? turned : turned.reverse();
}

/** Two untimed runs; the second tells how many fill a turn. */
async function warmUp(work: Work): Promise<number> {
  await work();
  return Math.max(1, Math.ceil(SECONDS_PER_TURN / (await time(work))));
}

async function time(work: Work): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
