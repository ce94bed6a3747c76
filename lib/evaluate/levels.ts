/** What studies over several numbers of levels share: the fp32 net is quantised at each of them. */
import type { Dataset } from '../datasets';
import { argumentError, CascError } from '../errors';
import { importModel, type Network } from '../graph';
import type { PlanFormat } from '../native';
import { type QuantizeOptions, type QuantizeStage, quantize } from '../quantize';
import { checkShape } from '../quantize/calibrate';
import { SpikingNetwork } from '../simulate';

export interface LevelsOptions
  extends Pick<
    QuantizeOptions,
    'shift' | 'method' | 'clips' | 'percentile' | 'iterations' | 'split' | 'scaling' | 'threads' | 'signal'
  > {
  /** Numbers of levels to try, 1 to 255: each is also the number of awake steps T. */
  levels: readonly number[];
  /** Images that the net is quantised on. */
  calibration: Dataset;
  /** Images that it is judged on: others. */
  data: Dataset;
  /** Default int8. */
  format?: PlanFormat;
  onProgress?: (progress: LevelsProgress) => void;
}

export interface LevelsProgress {
  /** The number of levels at work, its place in the list from 0, and how many there are. */
  levels: number;
  at: number;
  of: number;
  stage: QuantizeStage | 'simulating';
  done: number;
  total: number;
}

export type LevelsPlace = Pick<LevelsProgress, 'levels' | 'at' | 'of'>;

/** Images simulated at a time. */
export const BATCH = 32;

/** The numbers of levels in increasing order, each with its place. Throws ERR_CASC_ARGUMENT. */
export function placesOf({ levels, calibration, data }: LevelsOptions): LevelsPlace[] {
  const fits = (n: unknown) => Number.isInteger(n) && (n as number) >= 1 && (n as number) <= 255;
  if (!Array.isArray(levels) || levels.length === 0 || !levels.every(fits)) {
    throw argumentError('levels', 'a list of whole numbers from 1 to 255', String(levels));
  }
  if (!calibration) throw argumentError('calibration', 'a data set', calibration);
  if (!data) throw argumentError('data', 'a data set', data);
  const list = [...new Set(levels)].sort((a, b) => a - b);
  return list.map((n, at) => ({ levels: n, at, of: list.length }));
}

/** Throws ERR_CASC_ARGUMENT for a net that is quantised already, ERR_CASC_SHAPE where the images do not fit it. */
export async function importOriginal(file: string, data: Dataset): Promise<Network> {
  const ann = await importModel(file);
  if (!ann.nodes.some((node) => node.op === 'relu' && !node.tail)) {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${file} has no plain activation: it is quantised already. Give the fp32 net that it was made from`,
      { file },
    );
  }
  checkShape(ann, data);
  return ann;
}

/** The net in `file`, quantised at the place's levels; dispose of it. */
export async function spikingAt(file: string, options: LevelsOptions, place: LevelsPlace): Promise<SpikingNetwork> {
  const { format = 'int8', onProgress } = options;
  const { model } = await quantize(file, {
    ...options,
    format,
    levels: place.levels,
    onProgress: (done, total, stage) => onProgress?.({ ...place, stage, done, total }),
  });
  return SpikingNetwork.from(await importModel(model));
}
