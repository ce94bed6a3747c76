/** Conversion: a quantised network becomes a plan for the spiking engine. */
import { type InputScalingOptions, parseInputScaling } from '../datasets';
import { argumentError } from '../errors';
import type { Layer, LayeredNetwork } from '../graph/layered';
import { toLayers } from '../graph/layered';
import type { Network } from '../graph/network';
import type { PlanDescription, PlanFormat } from '../native';
import { toFixedPoint } from '../quantize/fixed-point';
import type { NetworkMetadata } from '../quantize/metadata';
import { inputRangeOf, keptReadouts, readMetadata } from '../quantize/metadata';
import { fixedPlan, floatPlan } from './plan';

export { checkOverflow, type Reach, reachOf } from './plan';

export interface ConvertOptions {
  /** Arithmetic. Default: what the file records, else float32. */
  format?: PlanFormat;
  /** How images become the net's input: gives the range of the input, which a fixed-point format needs. Default: what the file records. */
  scaling?: InputScalingOptions;
  /** That range itself, where the input is no image. */
  inputRange?: { min: number; max: number };
  /** Instruction set of the kernels, by name. Default: CASC_ISA, else the best one. */
  isa?: string;
}

export interface ConvertedNetwork {
  readonly network: Network;
  readonly metadata: NetworkMetadata;
  readonly layered: LayeredNetwork;
  readonly format: PlanFormat;
  readonly levels: number;
  readonly plan: PlanDescription;
  /** Neuron layers on the longest path. */
  readonly depth: number;
}

/**
 * Throws ERR_CASC_NOT_QUANTIZED, ERR_CASC_UNSUPPORTED or ERR_CASC_MODEL, naming the node; ERR_CASC_ARGUMENT where a
 * fixed-point format needs the range of the input.
 *
 * @example
 * const converted = convert(await importModel('q8.onnx'), { format: 'float32' });
 * console.log(converted.levels, converted.plan.layers.length);
 */
export function convert(network: Network, options: ConvertOptions = {}): ConvertedNetwork {
  const metadata = readMetadata(network);
  const format = options.format ?? metadata.format ?? 'float32';
  if (!['float32', 'int8', 'int16'].includes(format)) {
    throw argumentError('format', 'one of float32, int8, int16', format);
  }
  const scaling = options.scaling ?? metadata.input;
  const layered = toLayers(network);
  const plan =
    format === 'float32'
      ? floatPlan(layered)
      : fixedPlan(
          toFixedPoint(layered, {
            format,
            inputRange: options.inputRange ?? (scaling && inputRangeOf(parseInputScaling(scaling))),
            readoutUnits: keptReadouts(metadata, format),
          }),
        );
  return {
    network,
    metadata,
    layered,
    format,
    levels: layered.levels,
    plan: { ...plan, isa: options.isa },
    depth: depthOf(layered.layers),
  };
}

function depthOf(layers: readonly Layer[]): number {
  const depth: number[] = [];
  for (const layer of layers) {
    const sources = sourcesOf(layer);
    const before = Math.max(0, ...sources.map((source) => depth[source]!));
    depth.push(before + (layer.kind === 'neuron' ? 1 : 0));
  }
  return Math.max(...depth);
}

function sourcesOf(layer: Layer): readonly number[] {
  switch (layer.kind) {
    case 'input':
      return [];
    case 'maxpool':
      return [layer.source];
    case 'relay':
      return layer.sources;
    default:
      return layer.terms.map((term) => term.source);
  }
}
