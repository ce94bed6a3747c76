/** The figures of an evaluation, from its header and its records alone, whoever computed them, when and in which order. */
import { CascError } from '../errors';
import { Certification } from './certification';
import type { DetectionEvaluation, RestDetectionEvaluation } from './detection-evaluation';
import { COUNTED, ENERGY, type EnergyPrices } from './energy';
import type { Evaluation, EvaluationFrame, RestEvaluation } from './evaluation';
import { imagesOf, type JournalHeader } from './header';
import { FirstRaster } from './raster';
import { type FailedRecord, type ImageRecord, isFailed } from './record';
import type { Collector, Running } from './task';
import { taskOf } from './tasks';
import { TransientCollector } from './transient-figures';

export interface FiguresOptions {
  /** Energy of an operation. Default: 45 nm CMOS at 32 bits. */
  energy?: EnergyPrices;
  signal?: AbortSignal;
}

/** Of any task and mode: `task` and `mode` tell them apart. */
export type AnyEvaluation = Evaluation | RestEvaluation | DetectionEvaluation | RestDetectionEvaluation;

export class Figures {
  private readonly task: Collector<unknown, object>;
  private readonly transient: TransientCollector;
  private readonly certification = new Certification();
  private readonly raster = new FirstRaster();
  private readonly skipped: FailedRecord[] = [];
  private readonly energy: EnergyPrices;
  private evaluated = 0;
  private seconds = 0;

  /** Throws ERR_CASC_JOURNAL for a task that is not known. */
  constructor(
    private readonly header: JournalHeader,
    options: Pick<FiguresOptions, 'energy'> = {},
  ) {
    this.task = taskOf(header).collector(header);
    this.transient = new TransientCollector({ ...header, wake: header.settings.schedule.wake });
    this.energy = options.energy ?? ENERGY;
  }

  /** Each image once, in any order. */
  add(record: ImageRecord): void {
    if (isFailed(record)) {
      this.skipped.push(record);
      return;
    }
    this.evaluated++;
    this.seconds += record.seconds;
    this.task.add(record);
    this.certification.add(record);
    this.raster.add(record);
    if (record.run) this.transient.add(record.at, record.run);
  }

  /** Records so far, those of images that could not be read, and the task's running figure. */
  progress(): { done: number; skipped: number; running: Running } {
    const skipped = this.skipped.length;
    return { done: this.evaluated + skipped, skipped, running: this.task.running() };
  }

  /** Throws ERR_CASC_DATA where no image was evaluated. */
  evaluation(): AnyEvaluation {
    const { header, transient, energy } = this;
    if (this.evaluated === 0) throw this.nothing();
    const { total, firstLayer } = header.macs;
    // What a task adds is checked where its collector is written; here it is one of several.
    const shared = { mode: header.mode, ...this.task.figures(), ...this.frame() } as unknown as Evaluation;
    if (header.mode === 'full') {
      return { ...shared, ...transient.figures(energy), raster: this.raster.raster() };
    }
    return {
      ...(shared as unknown as RestEvaluation),
      steps: null,
      spikes: null,
      layers: null,
      operations: { synaptic: null, wake: null, sleep: null, denseMacs: total, firstLayerMacs: firstLayer },
      energy: { snn: null, ann: total * energy.multiplyAdd, prices: energy, counted: COUNTED },
      raster: null,
    };
  }

  private frame(): EvaluationFrame {
    const { header, skipped } = this;
    return {
      version: header.version,
      model: header.model,
      data: header.data.name,
      images: this.evaluated,
      selected: imagesOf(header),
      skipped: skipped.sort((a, b) => a.at - b.at).map(({ id, error }) => ({ id, ...error })),
      ...(header.shard ? { shard: header.shard } : {}),
      exact: this.certification.exact(header),
      schedule: header.settings.schedule as EvaluationFrame['schedule'],
      scaling: header.settings.scaling,
      machine: header.machine,
      throughput: { imagesPerSecond: this.evaluated / this.seconds },
      notes: header.notes,
    };
  }

  private nothing(): CascError {
    const { name } = this.header.data;
    const [first] = this.skipped;
    if (!first) return new CascError('ERR_CASC_DATA', `${name} holds no images`);
    return new CascError(
      'ERR_CASC_DATA',
      `${name}: none of its ${this.skipped.length} images could be read; the first: ${first.error.message}`,
      { image: first.id },
    );
  }
}

/**
 * The evaluation that header and records of a journal amount to.
 * Throws ERR_CASC_DATA where no image was evaluated, ERR_CASC_JOURNAL for a task that is not known; rejects with the signal's reason.
 *
 * @example
 * const { header, records } = await readJournal('run.jsonl');
 * const { snn, steps } = await figuresOf(header, records);
 */
export async function figuresOf(
  header: JournalHeader,
  records: Iterable<ImageRecord> | AsyncIterable<ImageRecord>,
  options: FiguresOptions = {},
): Promise<AnyEvaluation> {
  const figures = new Figures(header, options);
  for await (const record of records) {
    options.signal?.throwIfAborted();
    figures.add(record);
  }
  return figures.evaluation();
}
