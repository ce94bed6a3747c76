/** The raster of an evaluation: of its first image that could be read, when some neurons of each layer fired. */
import type { LayerRaster, RasterOptions } from '../simulate';
import type { EvaluationRaster } from './evaluation';
import type { EvaluatedRecord, RunRaster } from './record';

/** Neurons of a layer, and of all layers together where that leaves one of each. */
const MOST_OF_LAYER = 8;
const MOST_OF_ALL = 96;
/** Long runs are drawn from their beginning. */
const MOST_STEPS = 500;

export function rasterOptions(layers: number): RasterOptions {
  const neurons = Math.max(1, Math.min(MOST_OF_LAYER, Math.floor(MOST_OF_ALL / layers)));
  return { neurons, steps: MOST_STEPS };
}

/** Of a run of so many steps. Names of layers are the header's. */
export function runRaster(layers: readonly LayerRaster[], steps: number): RunRaster {
  return {
    steps: Math.min(steps, MOST_STEPS),
    layers: layers.map(({ fired, neurons, trains }) => ({ fired, neurons, trains })),
  };
}

/** Of records in any order, that of the first image: each shard has one of its own. */
export class FirstRaster {
  private first: { at: number; raster: EvaluationRaster } | undefined;

  add({ at, id, run }: EvaluatedRecord<unknown>): void {
    if (!run?.raster || (this.first && this.first.at < at)) return;
    this.first = { at, raster: { image: id, sleep: run.sleep, ...run.raster } };
  }

  /** Null where no record has one. */
  raster(): EvaluationRaster | null {
    return this.first?.raster ?? null;
  }
}
