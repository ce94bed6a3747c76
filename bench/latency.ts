/** Milliseconds for a single image, one after the other, with 1 and 2 threads: the SNN beside onnxruntime. */
import type { SpikingNetwork } from 'casc-snn';
import { watchOthers } from './machine';
import { type Images, Peer } from './onnxruntime';
import type { Prepared } from './prepared';
import { inTurns, median } from './side-by-side';
import { answer, type Mode, modeName } from './simulation';
import { table } from './table';

export interface LatencyRow {
  name: string;
  isa: string;
  /** 'SNN stagger 0', 'SNN rest', 'fp32' or 'int8'. */
  side: string;
  threads: number;
  calls: number;
  milliseconds: { median: number; p95: number; medianPerRound: number[] };
  /** As in throughput.ts, of all sides together. */
  otherLoad: number;
}

const THREADS = [1, 2];

export async function latency(
  net: Prepared,
  snn: SpikingNetwork,
  modes: readonly Mode[],
  rounds: number,
): Promise<LatencyRow[]> {
  const singles = oneByOne(net.images);
  const peers: Peer[] = [];
  const sides: Record<string, () => Promise<unknown>> = {};
  const rows: { side: string; threads: number; key: string }[] = [];
  const add = (side: string, threads: number, run: (image: Images) => Promise<unknown>) => {
    const key = `${side} ${threads}`;
    let next = 0;
    sides[key] = () => run(singles[next++ % singles.length]!);
    rows.push({ side, threads, key });
  };
  try {
    for (const mode of modes) {
      for (const threads of THREADS) {
        add(`SNN ${modeName(mode)}`, threads, ({ pixels }) => answer(snn, pixels, 1, mode, threads));
      }
    }
    for (const side of ['fp32', 'int8'] as const) {
      for (const threads of THREADS) {
        const peer = await Peer.open(net[side], threads);
        peers.push(peer);
        add(side, threads, (image) => peer.run(image));
      }
    }
    const others = watchOthers();
    const turns = await inTurns(sides, rounds);
    const otherLoad = others();
    return rows.map(({ side, threads, key }) => {
      const calls = turns[key]!.map((round) => round.map((seconds) => 1000 * seconds));
      const all = calls.flat().sort((a, b) => a - b);
      const p95 = all[Math.ceil(0.95 * all.length) - 1]!;
      const milliseconds = { median: median(all), p95, medianPerRound: calls.map(median) };
      return { name: net.one.name, isa: snn.isa, side, threads, calls: all.length, milliseconds, otherLoad };
    });
  } finally {
    for (const peer of peers) await peer.close();
  }
}

/** Images differ in their spikes, so each side sees all of them in the same order. */
function oneByOne({ pixels, dims }: Images): Images[] {
  const [count, ...rest] = dims as [number, ...number[]];
  const size = pixels.length / count;
  return Array.from({ length: count }, (_, i) => ({
    pixels: pixels.slice(i * size, (i + 1) * size),
    dims: [1, ...rest],
  }));
}

export function latencyTable(rows: readonly LatencyRow[]): string {
  return table(
    'Latency of a single image',
    ['net', 'isa', 'side', 'threads', 'median ms', 'p95 ms', 'calls', 'other load'],
    rows.map(({ name, isa, side, threads, calls, milliseconds: { median, p95 }, otherLoad }) => [
      name,
      side.startsWith('SNN') ? isa : '',
      side,
      threads,
      median.toFixed(3),
      p95.toFixed(3),
      calls,
      otherLoad.toFixed(2),
    ]),
  );
}
