/** Small models for tests, in few words. */
import {
  type AttributeValue,
  makeModel,
  makeNode,
  makeTensor,
  type OnnxModel,
  type TensorType,
  valueInfo,
} from '../../lib/onnx';
import { noisy } from './runtime';

type Tensor = { dims: readonly number[]; values: readonly number[] | Float32Array; type?: TensorType };
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** A float32 constant with noise in it. */
export function weights(dims: readonly number[], seed = 3, scale = 1): Tensor {
  return {
    dims,
    values: noisy(
      dims.reduce((a, b) => a * b, 1),
      seed,
      scale,
    ),
  };
}

export function floats(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return { dims, values };
}

export function scalar(value: number, type: TensorType = 'float32'): Tensor {
  return { dims: [], values: [value], type };
}

export function ints(
  values: readonly number[],
  type: TensorType = 'int64',
  dims: readonly number[] = [values.length],
): Tensor {
  return { dims, values, type };
}

/**
 * A chain of nodes built by name: input "x", tensors named as they are added, the last node's result the output unless
 * outputs are named.
 */
export class Net {
  private readonly nodes: ReturnType<typeof makeNode>[] = [];
  private readonly initializers: ReturnType<typeof makeTensor>[] = [];
  private count = 0;

  constructor(
    readonly dims: readonly (number | string)[],
    readonly opset = 13,
  ) {}

  constant(tensor: Tensor, name = `c${this.count++}`): string {
    this.initializers.push(makeTensor(name, tensor.dims, Array.from(tensor.values), tensor.type ?? 'float32'));
    return name;
  }

  /** Adds a node; inputs are tensor names or constants. Returns the first output's name. */
  add(
    opType: string,
    inputs: readonly (string | Tensor)[],
    attributes: Attributes = {},
    outputs?: readonly string[],
  ): string {
    const names = inputs.map((input) => (typeof input === 'string' ? input : this.constant(input)));
    const made = outputs ?? [`t${this.count++}`];
    this.nodes.push(makeNode(opType, names, made, attributes, `${opType}_${this.nodes.length}`));
    return made[0]!;
  }

  conv(x: string, outputs: number, inputs: number, kernel = 3, attributes: Attributes = {}): string {
    const seed = this.count + 17;
    const pads = [1, 1, 1, 1].map((p) => p * Math.floor(kernel / 2));
    return this.add(
      'Conv',
      [x, weights([outputs, inputs, kernel, kernel], seed, 0.5), weights([outputs], seed + 1, 0.2)],
      {
        pads,
        ...attributes,
      },
    );
  }

  model(outputs?: readonly string[]): OnnxModel {
    const last = this.nodes[this.nodes.length - 1]?.output?.[0] ?? 'x';
    return makeModel({
      nodes: this.nodes,
      inputs: [valueInfo('x', this.dims)],
      // No shapes: runtimes infer them.
      outputs: (outputs ?? [last]).map((name) => ({ name, type: { tensorType: { elemType: 1 } } })),
      initializers: this.initializers,
      opset: this.opset,
    });
  }
}
