/** One evaluation at work: its header, what the journal has of it, and the records that are still to come. */
import type { DataBatch, Dataset } from '../datasets';
import { argumentError, CascError } from '../errors';
import { importModel, type Network } from '../graph';
import { numel } from '../graph/network';
import { abortable, addon, type NativeDensePlan } from '../native';
import { checkShape, openPlan } from '../quantize/calibrate';
import type { Schedule, SpikingNetwork } from '../simulate';
import { isRest } from '../simulate/rest';
import type { DetectionOptions } from './detection-evaluation';
import type { EvaluateOptions, RestEvaluateOptions } from './evaluation';
import { FullRunner } from './full';
import { inShard, type JournalHeader, type Shard } from './header';
import { Journal } from './journal';
import { headerOf } from './new-header';
import { type ImageRecord, isFailed } from './record';
import { RestRunner } from './rest';
import { failedRecords, type Runner } from './runner';
import type { Judge } from './task';
import { judgeOf } from './tasks';

type Options = (EvaluateOptions | RestEvaluateOptions) & { detection?: DetectionOptions };

/** Bytes that a batch's images, and its readouts after every step, may take where that still gives every thread work. */
const BATCH_BYTES = 16e6;
/** Multiply-adds of a batch in all its awake steps: a kill loses a batch, and Ctrl-C waits for one. Some seconds of two threads. */
const BATCH_WORK = 2e11;
const MOST_IMAGES = 32;

export class Session {
  /** Position of the first image that has been evaluated: its record has the raster. */
  private first = Number.POSITIVE_INFINITY;

  private constructor(
    readonly header: JournalHeader,
    private readonly dataset: Dataset,
    private readonly runner: Runner,
    private readonly judge: Judge<unknown>,
    private readonly ann: NativeDensePlan | null,
    private readonly journal: Journal | null,
    private readonly batchSize: number,
    private readonly options: Options,
  ) {}

  /** Checks everything that can be checked before an image is read. Close it. */
  static async open(snn: SpikingNetwork, dataset: Dataset, options: Options): Promise<Session> {
    const { network } = snn.converted;
    const { batchSize, journal, shard, energy } = options;
    if (batchSize !== undefined && !(Number.isInteger(batchSize) && batchSize >= 1)) {
      throw argumentError('batchSize', 'a whole number, at least 1', batchSize);
    }
    if (energy && !(energy.multiplyAdd >= 0 && energy.addition >= 0)) {
      throw argumentError('energy', 'joules of a multiply-add and of an addition, 0 or more', energy);
    }
    checkShard(shard, dataset.size);
    checkShape(network, dataset);
    const judge = judgeOf(snn.converted, dataset, options);
    const schedule = snn.schedule(options);
    const rest = isRest(options);
    if (journal !== undefined && !rest && (options as EvaluateOptions).profile) {
      throw new CascError(
        'ERR_CASC_ARGUMENT',
        'profile does not go with a journal: it measures one run from its beginning to its end',
        { option: 'profile' },
      );
    }
    const runner = rest
      ? new RestRunner(snn, judge, dataset.size, options as RestEvaluateOptions, schedule)
      : new FullRunner(snn, judge, options as EvaluateOptions, schedule);
    const original = options.ann === undefined ? null : await openOriginal(options.ann, dataset, network);
    const shared = await headerOf(snn, dataset, options, schedule);
    const header = {
      ...shared,
      notes: [...shared.notes, ...judge.notes],
      task: judge.settings,
      ann: original && { file: original.file, hash: original.hash },
    };
    const plan = original && openPlan(original);
    try {
      const opened = journal === undefined ? null : await Journal.open(journal, header);
      const size = batchSize ?? defaultBatch(snn, judge, schedule, header.machine.threads);
      return new Session(header, dataset, runner, judge, plan, opened, size, options);
    } catch (error) {
      plan?.dispose();
      throw error;
    }
  }

  get profile() {
    return this.runner instanceof FullRunner ? this.runner.profile : undefined;
  }

  /** Records that the journal has from before; to be read to their end before the new ones. */
  async *before(): AsyncGenerator<ImageRecord, void, undefined> {
    if (!this.journal) return;
    const known = new Map<number, Pick<ImageRecord, 'id' | 'fileBytes'>>();
    for await (const record of this.journal.records()) {
      this.options.signal?.throwIfAborted();
      const { at, id, fileBytes } = record;
      if (!isFailed(record)) this.first = Math.min(this.first, at);
      if (fileBytes !== null || isFailed(record)) known.set(at, { id, fileBytes });
      yield record;
    }
    await this.checkFiles(known);
  }

  /**
   * New records, batch by batch; each batch is in the journal before it comes. Rejects with the reason of `signal` when it is
   * aborted, and ends after the batch in hand when `stop` is.
   */
  async *batches(): AsyncGenerator<ImageRecord[], void, undefined> {
    const { dataset, journal, judge, header, options } = this;
    const { signal, stop } = options;
    const positions = Array.from({ length: dataset.size }, (_, at) => at).filter(
      (at) => inShard(at, header.shard) && !journal?.has(at),
    );
    if (positions.length === 0 || stop?.aborted) return;
    try {
      for await (const batch of dataset.batches(this.batchSize, positions)) {
        signal?.throwIfAborted();
        judge.check(batch);
        const evaluated = batch.count === 0 ? [] : await this.evaluate(batch);
        const records = [...evaluated, ...failedRecords(batch)].sort((a, b) => a.at - b.at);
        await journal?.append(records);
        yield records;
        if (stop?.aborted) return;
      }
    } catch (error) {
      // Of a data set that was opened with the same signal: nothing was in hand.
      if (stop?.aborted && error === stop.reason) return;
      throw error;
    }
  }

  /** Brings the journal to the disk. */
  async close(): Promise<void> {
    this.ann?.dispose();
    await this.journal?.close();
  }

  /** Throws ERR_CASC_JOURNAL where an image that has a record is another one now. */
  private async checkFiles(known: ReadonlyMap<number, Pick<ImageRecord, 'id' | 'fileBytes'>>): Promise<void> {
    if (known.size === 0) return;
    const positions = [...known.keys()].sort((a, b) => a - b);
    const sizes = await this.dataset.fileSizes(positions);
    const changed = positions.findIndex((at, i) => known.get(at)!.fileBytes !== sizes[i]);
    if (changed < 0) return;
    const { id, fileBytes } = known.get(positions[changed]!)!;
    const bytes = (size: number | null) => (size === null ? 'missing' : `${size} bytes`);
    throw new CascError(
      'ERR_CASC_JOURNAL',
      `image ${id} has changed since the journal was written: it was ${bytes(fileBytes)}, now ${bytes(sizes[changed]!)}. Put it back, or take its line out of the journal to have it evaluated again`,
      { image: id, file: this.options.journal },
    );
  }

  private async evaluate(batch: DataBatch): Promise<ImageRecord[]> {
    const [at] = batch.positions as [number];
    const records = await this.runner.run(batch, await this.annOutputs(batch), at < this.first);
    this.first = Math.min(this.first, at);
    return records;
  }

  private async annOutputs({ images, count }: { images: Float32Array; count: number }): Promise<Float32Array[] | null> {
    const { ann } = this;
    if (!ann) return null;
    const { threads = addon().info().threads, signal } = this.options;
    return (await abortable(signal, (abort) => ann.run([images], count, { threads, abort }))).outputs;
  }
}

function checkShard(shard: Shard | undefined, images: number): void {
  if (!shard) return;
  const { index, of } = shard;
  if (!Number.isInteger(index) || !Number.isInteger(of) || index < 1 || index > of) {
    throw argumentError('shard', 'whole numbers i and n, 1 ≤ i ≤ n', `${index}/${of}`);
  }
  if (of > images) throw argumentError('shard', `at most as many shards as images, ${images}`, `${index}/${of}`);
}

/** As many images as fit in room and time, two for each thread at least. Sleep is taken to last as long as the net is deep. */
function defaultBatch(
  snn: SpikingNetwork,
  { everyStep }: Judge<unknown>,
  { wake, margin }: Schedule,
  threads: number,
): number {
  const steps = everyStep ? wake + Math.ceil(wake / margin) * snn.converted.depth : 1;
  const bytes = (snn.inputSize + steps * snn.readoutSize) * Float32Array.BYTES_PER_ELEMENT;
  const fitting = Math.floor(Math.min(BATCH_BYTES / bytes, BATCH_WORK / (snn.denseMacs.total * wake)));
  return Math.min(MOST_IMAGES, Math.max(2 * threads, fitting));
}

async function openOriginal(ann: string | Network, dataset: Dataset, quantized: Network): Promise<Network> {
  const network = typeof ann === 'string' ? await importModel(ann) : ann;
  checkShape(network, dataset);
  const [own, wanted] = [network, quantized].map(({ outputs, nodes }) =>
    outputs.map(({ node }) => numel(nodes[node]!.shape)).join(' and '),
  );
  if (own !== wanted) {
    throw new CascError(
      'ERR_CASC_SHAPE',
      `${network.file} has ${own} outputs, but the quantised net has ${wanted}; give the net that it was made from`,
      { file: network.file },
    );
  }
  return network;
}
