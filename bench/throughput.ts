/** Images a second: the SNN beside onnxruntime fp32 and int8; same images, batch and threads. */
import type { SpikingNetwork } from 'casc-snn';
import { watchOthers } from './machine';
import { type Images, Peer } from './onnxruntime';
import type { Prepared } from './prepared';
import { inTurns, means, median, type Ratio, ratio } from './side-by-side';
import { answer, type Facts, type Mode, modeName } from './simulation';
import { table } from './table';

export interface ThroughputRow extends Omit<Facts, 'outputs'> {
  name: string;
  isa: string;
  threads: number;
  mode: string;
  levels: number;
  format: string;
  batch: number;
  /** Images on which the first class is that of the fp32 net: what quantisation costs. */
  sameTop1: { snn: number; int8: number };
  /** Mean of a turn, round by round. */
  secondsPerBatch: { snn: number[]; fp32: number[]; int8: number[] };
  imagesPerSecond: { snn: number; fp32: number; int8: number };
  ratio: { fp32: Ratio; int8: Ratio };
  /** Synaptic additions, of all threads together; null in mode rest. */
  additionsPerSecond: number | null;
  /** Cores that other processes kept busy meanwhile: near 0 on a quiet machine. */
  otherLoad: number;
}

export async function throughput(
  net: Prepared,
  snn: SpikingNetwork,
  facts: Facts,
  { threads, mode }: { threads: number; mode: Mode },
  rounds: number,
): Promise<ThroughputRow> {
  const { images } = net;
  const { name, batch, levels, format } = net.one;
  const fp32 = await Peer.open(net.fp32, threads);
  const int8 = await Peer.open(net.int8, threads);
  try {
    const [reference, theirs] = [await topClasses(fp32, images), await topClasses(int8, images)];
    const ours = rowMaxima(facts.outputs, batch);
    const same = (classes: number[]) => classes.filter((top, i) => top === reference[i]).length;

    const others = watchOthers();
    const turns = await inTurns(
      {
        snn: () => answer(snn, images.pixels, batch, mode, threads),
        fp32: () => fp32.run(images),
        int8: () => int8.run(images),
      },
      rounds,
    );
    const otherLoad = others();
    const seconds = { snn: means(turns.snn), fp32: means(turns.fp32), int8: means(turns.int8) };
    const { certificate, simulation } = facts;
    return {
      name,
      isa: snn.isa,
      threads,
      mode: modeName(mode),
      levels,
      format,
      batch,
      certificate,
      simulation,
      sameTop1: { snn: same(ours), int8: same(theirs) },
      secondsPerBatch: seconds,
      imagesPerSecond: {
        snn: batch / median(seconds.snn),
        fp32: batch / median(seconds.fp32),
        int8: batch / median(seconds.int8),
      },
      ratio: { fp32: ratio(seconds.snn, seconds.fp32), int8: ratio(seconds.snn, seconds.int8) },
      additionsPerSecond: simulation && simulation.synapticOperations / median(seconds.snn),
      otherLoad,
    };
  } finally {
    await fp32.close();
    await int8.close();
  }
}

async function topClasses(peer: Peer, images: Images): Promise<number[]> {
  const [logits] = await peer.run(images);
  return rowMaxima(logits!, images.dims[0]!);
}

function rowMaxima(outputs: Float32Array, rows: number): number[] {
  const width = outputs.length / rows;
  return Array.from({ length: rows }, (_, i) => {
    const row = outputs.subarray(i * width, (i + 1) * width);
    return row.indexOf(Math.max(...row));
  });
}

const key = ({ name, batch, threads, isa, mode }: ThroughputRow) => [name, batch, threads, isa, mode];
const spread = ({ min, max }: Ratio) => `${min.toFixed(3)}..${max.toFixed(3)}`;

export function speedTable(rows: readonly ThroughputRow[]): string {
  return table(
    'Images a second',
    [
      'net',
      'batch',
      'threads',
      'isa',
      'mode',
      'SNN',
      'fp32',
      'int8',
      '/ fp32',
      'min..max',
      '/ int8',
      'min..max',
      'other load',
    ],
    rows.map((row) => [
      ...key(row),
      ...[row.imagesPerSecond.snn, row.imagesPerSecond.fp32, row.imagesPerSecond.int8].map((rate) => rate.toFixed(1)),
      row.ratio.fp32.median.toFixed(3),
      spread(row.ratio.fp32),
      row.ratio.int8.median.toFixed(3),
      spread(row.ratio.int8),
      row.otherLoad.toFixed(2),
    ]),
  );
}

export function workTable(rows: readonly ThroughputRow[]): string {
  return table(
    'Work and answers (spikes per neuron and wake step)',
    [
      'net',
      'batch',
      'threads',
      'isa',
      'mode',
      'steps',
      '+',
      '-',
      'adds / MAC',
      'G adds / s',
      'certified',
      'same top-1',
      'int8 same',
    ],
    rows.map((row) => {
      const { certificate, simulation: run, additionsPerSecond, sameTop1, batch } = row;
      return [
        ...key(row),
        run ? `${run.steps.wake} + ${run.steps.sleep.mean.toFixed(1)}` : '',
        run?.rate.positive.toFixed(3) ?? '',
        run?.rate.negative.toFixed(3) ?? '',
        run?.additionsPerMac.toFixed(2) ?? '',
        additionsPerSecond === null ? '' : (additionsPerSecond / 1e9).toFixed(1),
        certificate.certified
          ? `${certificate.checked.toLocaleString('en-US')} ${run ? 'neurons' : 'outputs'}`
          : `FAILED at ${certificate.mismatches}`,
        `${sameTop1.snn}/${batch}`,
        `${sameTop1.int8}/${batch}`,
      ];
    }),
  );
}
