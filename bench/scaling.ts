/** What a second thread brings: 2 threads beside 1, in turns; onnxruntime's shows what the machine has to give. */
import type { SpikingNetwork } from 'casc-snn';
import { watchOthers } from './machine';
import { Peer } from './onnxruntime';
import type { Prepared } from './prepared';
import { inTurns, means, median, type Ratio, ratio } from './side-by-side';
import { answer, type Mode, modeName } from './simulation';
import { table } from './table';

export interface ScalingRow {
  name: string;
  isa: string;
  side: string;
  batch: number;
  /** Mean of a turn, round by round, with 1 and 2 threads. */
  secondsPerBatch: { one: number[]; two: number[] };
  imagesPerSecond: { one: number; two: number };
  /** 2 threads over 1. */
  ratio: Ratio;
  /** As in throughput.ts, of all sides together. */
  otherLoad: number;
}

export async function scaling(
  net: Prepared,
  snn: SpikingNetwork,
  modes: readonly Mode[],
  rounds: number,
): Promise<ScalingRow[]> {
  const { images, one } = net;
  const { name, batch } = one;
  const peers = [await Peer.open(net.fp32, 1), await Peer.open(net.fp32, 2)];
  const runs: [side: string, run: (threads: number) => Promise<unknown>][] = [
    ...modes.map((mode): (typeof runs)[number] => [
      `SNN ${modeName(mode)}`,
      (threads) => answer(snn, images.pixels, batch, mode, threads),
    ]),
    ['fp32', (threads) => peers[threads - 1]!.run(images)],
  ];
  try {
    const sides = runs.flatMap(([side, run]) => [1, 2].map((threads) => [`${side} ${threads}`, () => run(threads)]));
    const others = watchOthers();
    const turns = await inTurns<string>(Object.fromEntries(sides), rounds);
    const otherLoad = others();
    return runs.map(([side]) => {
      const [single, both] = [means(turns[`${side} 1`]!), means(turns[`${side} 2`]!)];
      return {
        name,
        isa: snn.isa,
        side,
        batch,
        secondsPerBatch: { one: single, two: both },
        imagesPerSecond: { one: batch / median(single), two: batch / median(both) },
        ratio: ratio(both, single),
        otherLoad,
      };
    });
  } finally {
    for (const peer of peers) await peer.close();
  }
}

export function scalingTable(rows: readonly ScalingRow[]): string {
  return table(
    'Images a second with 2 threads beside 1',
    ['net', 'batch', 'isa', 'side', '1 thread', '2 threads', 'ratio', 'min..max', 'other load'],
    rows.map(({ name, batch, isa, side, imagesPerSecond, ratio, otherLoad }) => [
      name,
      batch,
      side.startsWith('SNN') ? isa : '',
      side,
      imagesPerSecond.one.toFixed(1),
      imagesPerSecond.two.toFixed(1),
      ratio.median.toFixed(3),
      `${ratio.min.toFixed(3)}..${ratio.max.toFixed(3)}`,
      otherLoad.toFixed(2),
    ]),
  );
}
