/** A detector's maps to predictions: one for each cell. */
import type { ImageGeometry } from '../datasets';
import { CascError } from '../errors';
import type { Decoder, Head } from './decoder';

/** In pixels of the network's input. */
export interface Prediction {
  readonly label: number;
  readonly score: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

type Outputs = readonly Float32Array[];

const activations = {
  none: (x: number) => x,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  exp: Math.exp,
} as const;

/**
 * Predictions of all heads whose score is above the threshold, head by head, row by row.
 *
 * @throws CascError ERR_CASC_SHAPE where an output is missing or is no map of the channels it should have, ERR_CASC_MODEL for NaN.
 */
export function decode(outputs: Outputs, decoder: Decoder, { input }: ImageGeometry, threshold: number): Prediction[] {
  const found: Prediction[] = [];
  for (const head of decoder.heads) {
    const { rows, columns } = gridOf(head, input);
    const map = new HeadMaps(outputs, head, rows * columns);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const cell = row * columns + column;
        const { label, p } = map.likeliest(cell);
        const score = map.objectness(cell) ** decoder.score.objectness * p ** decoder.score.class;
        if (score <= threshold) continue;
        const { cx, cy, width, height } = boxOf(map, head, row, column, cell, input);
        const prediction = {
          label,
          score,
          left: cx - width / 2,
          top: cy - height / 2,
          right: cx + width / 2,
          bottom: cy + height / 2,
        };
        if (!Object.values(prediction).every(Number.isFinite)) throw notFinite(cell);
        found.push(prediction);
      }
    }
  }
  return found;
}

/** Cells along each axis. */
export function gridOf({ stride }: Head, input: ImageGeometry['input']): { rows: number; columns: number } {
  return { rows: Math.ceil(input.height / stride), columns: Math.ceil(input.width / stride) };
}

function boxOf(
  map: HeadMaps,
  { stride, box: { center, size } }: Head,
  row: number,
  column: number,
  cell: number,
  input: { width: number; height: number },
) {
  const position = (index: number, at: number) =>
    (index + center.scale * activations[center.activation](map.box(at, cell)) + center.offset) * stride;
  const extent = (at: number, whole: number) =>
    activations[size.activation](map.box(at, cell)) * { cell: stride, pixel: 1, input: whole }[size.unit];
  return {
    cx: position(column, 0),
    cy: position(row, 1),
    width: extent(2, input.width),
    height: extent(3, input.height),
  };
}

/** The channels of one head, looked up by cell. */
export class HeadMaps {
  readonly #cells: number;
  readonly #head: Head;
  readonly #objectness: Float32Array | null;
  readonly #box: Float32Array;
  readonly #classes: Float32Array;
  readonly classCount: number;

  constructor(outputs: Outputs, head: Head, cells: number) {
    this.#cells = cells;
    this.#head = head;
    const { objectness, box, classes } = head;
    this.#objectness = objectness && channelsOf(outputs, objectness, cells, 1);
    this.#box = channelsOf(outputs, box, cells, 4);
    this.#classes = channelsOf(outputs, classes, cells, classes.count);
    this.classCount = this.#classes.length / cells;
  }

  objectness(cell: number): number {
    if (!this.#objectness) return 1;
    return activations[this.#head.objectness!.activation](this.#objectness[cell]!);
  }

  box(at: number, cell: number): number {
    return this.#box[at * this.#cells + cell]!;
  }

  /** The likeliest class, of equal ones the first, and its p. */
  likeliest(cell: number): { label: number; p: number } {
    const values = this.#classes;
    const { activation } = this.#head.classes;
    let label = 0;
    let best = Number.NEGATIVE_INFINITY;
    for (let c = 0, i = cell; c < this.classCount; c++, i += this.#cells) {
      if (values[i]! > best) {
        best = values[i]!;
        label = c;
      }
    }
    if (activation !== 'softmax') return { label, p: activations[activation](best) };
    let sum = 0;
    for (let i = cell; i < values.length; i += this.#cells) sum += Math.exp(values[i]! - best);
    return { label, p: 1 / sum };
  }
}

/** Channels of an output; all from the first on where `count` is not given. */
function channelsOf(
  outputs: Outputs,
  { output, channel }: { output: number; channel: number },
  cells: number,
  count: number | undefined,
): Float32Array {
  const map = outputs[output];
  if (!map) {
    throw new CascError(
      'ERR_CASC_SHAPE',
      `the decoder reads output ${output} (from 0), but the net has ${outputs.length}; choose the net's decoder`,
    );
  }
  const channels = map.length / cells;
  const wanted = count ?? channels - channel;
  if (!Number.isInteger(channels) || wanted < 1 || channel + wanted > channels) {
    throw new CascError(
      'ERR_CASC_SHAPE',
      `output ${output} has ${map.length} values; the decoder reads channels ${channel} to ${channel + Math.max(wanted, 1) - 1} of maps of ${cells} cells. Choose the net's decoder and its size of input`,
    );
  }
  const read = map.subarray(channel * cells, (channel + wanted) * cells);
  const broken = read.findIndex(Number.isNaN);
  if (broken >= 0) throw notFinite(broken % cells);
  return read;
}

function notFinite(cell: number): CascError {
  return new CascError(
    'ERR_CASC_MODEL',
    `the net's output is NaN or infinite, or becomes so when it is decoded, in cell ${cell} of its map; check the net, and that the decoder is its own`,
  );
}
