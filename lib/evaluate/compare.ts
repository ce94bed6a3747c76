/** The methods of the literature beside each other: one net, one engine, several numbers of levels. */
import { CascError } from '../errors';
import { classesOf } from '../graph';
import { abortable, addon, type NativeDensePlan, type PlanFormat } from '../native';
import type { QuantizeMethod } from '../quantize';
import { openPlan } from '../quantize/calibrate';
import { Counter } from './accuracy';
import { classificationJudge } from './classification';
import type { Accuracy } from './evaluation';
import { BATCH, importOriginal, type LevelsOptions, type LevelsPlace, placesOf, spikingAt } from './levels';
import { type ComparedMethod, METHODS, MethodCollector, type MethodFigures, NAMES } from './methods';
import { firstClasses } from './ranking';
import { rowOf } from './runner';
import type { Judge } from './task';

export type CompareOptions = LevelsOptions;

export interface MethodsRow {
  /** Q, and awake steps T of every method. */
  levels: number;
  /** The fp32 net. */
  ann: Accuracy;
  /** The quantised ANN, from the integer oracle. */
  quantized: Accuracy;
  methods: Record<ComparedMethod, MethodFigures>;
}

export interface MethodsComparison {
  file: string;
  format: PlanFormat;
  /** Of quantisation. */
  method: QuantizeMethod;
  calibration: { data: string; images: number };
  data: string;
  images: number;
  /** In increasing order of levels. */
  rows: MethodsRow[];
}

/**
 * Quantises the fp32 classifier in `file` at each number of levels and simulates it in as many awake steps by every method:
 * IF, IF that starts at half the threshold (QCFS), signed IF, burst, CIF without sleep, CIF with sleep until rest.
 * Throws CascError as quantize does, ERR_CASC_ARGUMENT for a net that is quantised already, ERR_CASC_UNSUPPORTED for one that is no
 * classifier, ERR_CASC_DATA for labels that are missing or do not fit; rejects with the signal's reason when aborted.
 *
 * @example
 * const scaling = { mean: [0.286], std: [0.353] };
 * const calibration = await openDataset('mnist:examples/fashion-mnist', { scaling, limit: 64, spread: true });
 * const data = await openDataset('mnist:examples/fashion-mnist', { scaling, limit: 100 });
 * const net = 'examples/fashion-mnist/fashion-mnist-relu.onnx';
 * const { rows } = await compare(net, { levels: [4, 8], calibration, data });
 * for (const { levels, methods } of rows) console.log(levels, methods.if.agreement, methods['cif-sleep'].exact);
 */
export async function compare(file: string, options: CompareOptions): Promise<MethodsComparison> {
  const { calibration, data, format = 'int8', method = 'mse' } = options;
  const places = placesOf(options);
  const ann = await importOriginal(file, data);
  const judge = classificationJudge(classesOf(ann), ann.file);
  const original = openPlan(ann);
  try {
    const rows: MethodsRow[] = [];
    for (const place of places) rows.push(await compareAt(file, judge, original, options, place));
    return {
      file,
      format,
      method,
      calibration: { data: calibration.name, images: calibration.size },
      data: data.name,
      images: data.size,
      rows,
    };
  } finally {
    original.dispose();
  }
}

async function compareAt(
  file: string,
  judge: Judge<unknown>,
  original: NativeDensePlan,
  options: CompareOptions,
  place: LevelsPlace,
): Promise<MethodsRow> {
  const { data, signal, onProgress } = options;
  const { levels } = place;
  const snn = await spikingAt(file, options, place);
  try {
    const [fp32, quantized] = [new Counter(), new Counter()];
    const collectors = NAMES.map((name) => new MethodCollector(name, snn, levels));
    const threads = options.threads ?? addon().info().threads;
    let done = 0;
    for await (const batch of data.batches(BATCH)) {
      judge.check(batch);
      const { images, labels, count } = batch;
      const exact = await abortable(signal, (abort) => original.run([images], count, { threads, abort }));
      // First the one that brings the quantised ANN along: with a shift of its own a method's oracle is another ANN.
      const asleep = await snn.simulate(images, count, {
        ...METHODS['cif-sleep'],
        ...{ threads, signal, oracle: true, certify: true },
      });
      const oracle = asleep.oracle!;
      labels.forEach((label, i) => {
        fp32.add(firstClasses(rowOf(exact.outputs, i, count)[0]!, 5), label);
        quantized.add(firstClasses(rowOf(oracle, i, count)[0]!, 5), label);
      });
      for (const collector of collectors) {
        const own = METHODS[collector.name];
        const run =
          collector.name === 'cif-sleep' ? asleep : await snn.simulate(images, count, { ...own, threads, signal });
        collector.add(run, oracle, labels, done);
      }
      done += count;
      onProgress?.({ ...place, stage: 'simulating', done, total: data.size });
    }
    if (done === 0) throw new CascError('ERR_CASC_DATA', `${data.name} holds no images`);
    const methods = Object.fromEntries(collectors.map((collector) => [collector.name, collector.figures()]));
    return {
      levels,
      ann: fp32.accuracy(),
      quantized: quantized.accuracy(),
      methods: methods as MethodsRow['methods'],
    };
  } finally {
    snn.dispose();
  }
}
