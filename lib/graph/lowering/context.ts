/** What the lowering of one ONNX node sees: its inputs as constants or draft nodes, and where its outputs go. */
import { CascError } from '../../errors';
import { type Draft, draft, type Operation } from '../draft';
import { GraphError, Refusal } from '../graph-error';
import type { NDArray } from '../ndarray';
import type { OnnxNode } from '../onnx-node';

export type Value =
  | { readonly kind: 'constant'; readonly array: NDArray }
  | { readonly kind: 'node'; readonly node: Draft }
  /** Depends on a refused node, or is an output that casc does not compute. */
  | { readonly kind: 'refused'; readonly by: OnnxNode };

export class LoweringContext {
  readonly outputs: (Draft | undefined)[] = [];

  constructor(
    readonly node: OnnxNode,
    readonly values: readonly (Value | undefined)[],
  ) {}

  /** An input that comes from the image. */
  draft(at: number, what = 'its input'): Draft {
    const value = this.values[at];
    if (!value) throw new GraphError(`${what} is missing`);
    if (value.kind !== 'node') throw new Refusal(`${what} is a constant; expected a value computed from the input`);
    return value.node;
  }

  /** An optional constant input. */
  constant(at: number, what: string): NDArray | undefined {
    const value = this.values[at];
    if (!value) return undefined;
    if (value.kind !== 'constant') {
      throw new Refusal(`its ${what} is computed from the input; expected a constant. Export with constants folded.`);
    }
    return value.array;
  }

  /** A constant input that must be there and hold finite numbers. Throws ERR_CASC_MODEL naming the tensor if not. */
  weights(at: number, what: string): NDArray {
    const array = this.constant(at, what);
    if (!array) throw new GraphError(`its ${what} is missing`);
    return this.finite(array, at);
  }

  finite(array: NDArray, at: number): NDArray {
    const { data } = array;
    for (let i = 0; i < data.length; ++i) {
      const x = data[i]!;
      // Of the numbers, only NaN and the infinities do not give 0; this is far faster than Number.isFinite.
      if (x - x === 0) continue;
      const { node } = this;
      const tensor = node.inputs[at] ?? node.name;
      throw new CascError(
        'ERR_CASC_MODEL',
        `${node.file}: tensor "${tensor}" of node ${node.name} (${node.opType}) holds ${x} at place ${i}; ` +
          'expected finite numbers. The net may have diverged in training.',
        { file: node.file, node: node.name, opType: node.opType, tensor },
      );
    }
    return array;
  }

  /** A draft node of this ONNX node. `tensor` is empty for a step in between. */
  emit(operation: Operation, inputs: Draft[], dims: readonly number[], tensor = ''): Draft {
    return draft(operation, this.node, inputs, dims, tensor);
  }

  /** Sets an output; a draft node that this ONNX node emitted takes its tensor name. */
  set(at: number, value: Draft): void {
    if (value.origin === this.node) value.tensor = this.node.outputs[at] ?? '';
    this.outputs[at] = value;
  }
}

export type Lowering = (context: LoweringContext) => void;

/** Dims of an image node (rank 3 or 4) whose batch axis is in place. */
export function imageRank(context: LoweringContext, x: Draft): 1 | 2 {
  const rank = x.dims.length;
  if (rank !== 3 && rank !== 4) {
    throw new Refusal(`its input has dims [${x.dims}]; expected 1-D or 2-D images ([1, C, L] or [1, C, H, W])`);
  }
  if (x.dims[0] !== 1) {
    throw new Refusal(`its input has dims [${x.dims}]: ${context.node.opType} over a batch axis that has been moved`);
  }
  return rank === 3 ? 1 : 2;
}
