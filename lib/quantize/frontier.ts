/**
 * Where the walk through the net has got to: the values that later nodes read, for all images, in memory as long as they fit
 * a budget. Where they do not, they are computed again from the last ones that did, at worst from the images.
 */
import type { Dataset } from '../datasets';
import { type Network, numel } from '../graph/network';
import { abortable } from '../native';
import { openNodes } from './calibrate';
import { gridOf, roundInput } from './input-grid';
import type { Key, Twins } from './twins';

/** Bytes of float32 values that are kept. Results do not depend on it. */
const BUDGET = 768 * 2 ** 20;
/** Images in a batch: as many as have about so many values at the input. */
const BATCH_VALUES = 2 ** 21;

export interface StreamedBatch {
  /** One array for each of the frontier's keys, [count × numel]. */
  inputs: Float32Array[];
  count: number;
  /** Number of the batch's first image. */
  first: number;
}

export interface FrontierOptions {
  threads: number;
  signal?: AbortSignal;
}

export class Frontier {
  keys: readonly Key[];
  private kept: StreamedBatch[] | undefined;

  constructor(
    private readonly twins: Twins,
    private readonly network: Network,
    private readonly dataset: Dataset,
    private readonly options: FrontierOptions,
  ) {
    this.keys = [twins.floatKey(network.input), twins.quantizedKey(network.input)];
  }

  /** Moves to node `id` if the values there fit the budget. */
  async advance(id: number): Promise<void> {
    const keys = this.twins.live(id);
    const perImage = keys.reduce((sum, key) => sum + numel(this.twins.shape(key)), 0);
    if (4 * perImage * this.dataset.size > BUDGET || (this.kept && sameKeys(keys, this.keys))) return;
    const { nodes, at } = this.twins.part(this.keys, keys);
    const plan = openNodes(nodes, keys.map(at));
    const next: StreamedBatch[] = [];
    try {
      for await (const batch of this.batches(true)) {
        const { outputs } = await abortable(this.options.signal, (abort) =>
          plan.run(batch.inputs, batch.count, { threads: this.options.threads, abort }),
        );
        next.push({ ...batch, inputs: outputs });
      }
    } finally {
      plan.dispose();
    }
    this.keys = keys;
    this.kept = next;
  }

  /** All images. With `last` the values that are kept go as they are read. */
  async *batches(last = false): AsyncGenerator<StreamedBatch> {
    if (this.kept) {
      const kept = this.kept;
      for (let i = 0; i < kept.length; i++) {
        const batch = kept[i]!;
        if (last) kept[i] = undefined as never;
        yield batch;
      }
      return;
    }
    const values = numel(this.twins.shape(this.keys[0]!));
    const size = Math.max(1, Math.min(64, Math.floor(BATCH_VALUES / values)));
    for await (const { images, count, start } of this.dataset.batches(size)) {
      yield { inputs: [images, roundInput(images, gridOf(this.network))], count, first: start };
    }
  }
}

function sameKeys(a: readonly Key[], b: readonly Key[]): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i]);
}
