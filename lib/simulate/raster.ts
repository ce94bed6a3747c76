/** When some neurons of each layer fired, of one image: what a raster plot shows. */
import { argumentError } from '../errors';
import type { NativeLayerRaster } from '../native';

export interface RasterOptions {
  /** Of each layer at most so many neurons. */
  neurons: number;
  /** The first so many steps. */
  steps: number;
}

export interface LayerRaster {
  layer: string;
  /** Neurons of the layer that fired at all. */
  fired: number;
  /** Evenly chosen from these: positions in the layer's C×H×W values, ascending. */
  neurons: number[];
  /** The spikes of each: a negative size takes spikes back. */
  trains: RasterSpike[][];
}

/** Steps are the image's own, from 1: awake, then asleep, phase after phase. */
export type RasterSpike = [step: number, size: number];

/** What the engine takes (native/addon/raster_value.cc). */
const MOST = 1_000_000;

/** Throws ERR_CASC_ARGUMENT naming the option. */
export function checkRaster(raster: RasterOptions | undefined): void {
  if (raster === undefined) return;
  for (const name of ['neurons', 'steps'] as const) {
    const value = raster?.[name];
    if (!(Number.isInteger(value) && value >= 1 && value <= MOST)) {
      throw argumentError(`raster.${name}`, `a whole number from 1 to ${MOST}`, value);
    }
  }
}

export function rasterOf(raster: readonly NativeLayerRaster[], layers: readonly string[]): LayerRaster[] {
  return raster.map(({ fired, neurons, trains }, i) => ({
    layer: layers[i]!,
    fired,
    neurons: [...neurons],
    trains: trains.map((train) =>
      Array.from({ length: train.length / 2 }, (_, k) => [train[2 * k]!, train[2 * k + 1]!]),
    ),
  }));
}
