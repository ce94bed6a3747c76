/**
 * Static post-training quantisation of a float32 net to int8, as a QDQ file: the operators between QuantizeLinear and
 * DequantizeLinear, which onnxruntime fuses into its int8 kernels. Weights are int8, symmetric, per output channel; activations
 * uint8 per tensor, from the smallest and largest value that calibration saw; biases int32.
 */
import {
  decodeTensor,
  makeModel,
  makeNode,
  makeTensor,
  type NodeProto,
  type OnnxModel,
  type OnnxTensor,
  writeModel,
} from '../dist/onnx';
import type { Images } from './onnxruntime';
import { type Range, rangesOf } from './ranges';

/** They compute on dequantised inputs; their outputs are quantised. ReduceMean stays in float32 inside. */
const COMPUTING = new Set([
  'Conv',
  'Gemm',
  'MatMul',
  'Add',
  'AveragePool',
  'GlobalAveragePool',
  'ReduceMean',
  'Concat',
]);
/** They only move or compare values, so they take the integers themselves. */
const MOVING = new Set(['MaxPool', 'Slice', 'Pad', 'Reshape', 'Flatten', 'Transpose']);

/** Real value = (integer − zero) · scale. */
interface Grid {
  scale: number;
  zero: number;
}

/** `model` has its constants folded and opset 13 or later. Throws on an operator that it does not know. */
export async function quantizeToQdq(model: OnnxModel, batches: AsyncIterable<Images>): Promise<Uint8Array> {
  if (model.opset < 13) throw new Error(`${model.file}: opset ${model.opset}; per-channel QDQ needs 13`);
  const ranges = await rangesOf(model, gridded(model), batches);
  return writeModel(new Writer(model, ranges).write());
}

/** Tensors with a grid of their own: the inputs and what is computed. */
function gridded(model: OnnxModel): string[] {
  const { input = [], node = [] } = model.proto.graph;
  const computed = node
    .filter(({ opType }) => opType === 'Relu' || COMPUTING.has(opType!))
    .map((one) => one.output![0]!);
  return [...input.map(({ name }) => name!), ...computed.filter((tensor) => !onlyRectified(node, tensor))];
}

/** A Relu right after its producer is one kernel with it: nothing is quantised between the two. */
function onlyRectified(nodes: readonly NodeProto[], tensor: string): boolean {
  const readers = nodes.filter(({ input }) => input!.includes(tensor));
  return readers.length === 1 && readers[0]!.opType === 'Relu';
}

class Writer {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers = new Map<string, ReturnType<typeof makeTensor>>();
  private readonly constants: Map<string, OnnxTensor>;
  /** Of the tensors that exist as integers, named `…/q`. */
  private readonly grids = new Map<string, Grid>();

  constructor(
    private readonly model: OnnxModel,
    private readonly ranges: ReadonlyMap<string, Range>,
  ) {
    const { initializer = [] } = model.proto.graph;
    this.constants = new Map(initializer.map((tensor) => [tensor.name!, decodeTensor(tensor, model.file)]));
  }

  write(): OnnxModel {
    const { node = [], input = [], output = [] } = this.model.proto.graph;
    for (const { name } of input) this.quantize(name!, name!);
    for (const one of node) this.node(one);
    for (const { name } of output) this.dequantize(name!, name!);
    return makeModel({
      nodes: this.nodes,
      inputs: input,
      outputs: output,
      initializers: [...this.initializers.values()],
      opset: this.model.opset,
    });
  }

  private node(node: NodeProto): void {
    const { opType, input = [], output = [] } = node;
    const result = output[0]!;
    if (MOVING.has(opType!)) {
      const [first, ...constants] = input as [string, ...string[]];
      for (const name of constants) if (name) this.keep(name);
      if (opType === 'Pad' && (input[2] || this.grids.get(first)!.zero !== 0))
        this.fail(node, 'pads with other than 0');
      this.nodes.push({ ...node, input: [`${first}/q`, ...constants], output: [`${result}/q`] });
      this.grids.set(result, this.grids.get(first)!);
    } else if (opType === 'Relu' || COMPUTING.has(opType!)) {
      this.nodes.push({ ...node, input: this.operands(node), output: [`${result}/f`] });
      if (this.ranges.has(result)) this.quantize(result, `${result}/f`);
    } else {
      this.fail(node, 'is not known');
    }
  }

  /** Names of a computing node's inputs in float32. */
  private operands(node: NodeProto): string[] {
    const [first, second, bias] = node.input as [string, string?, string?];
    if (node.opType === 'Conv' || node.opType === 'Gemm' || node.opType === 'MatMul') {
      const weight = this.constants.get(second!);
      if (!weight) this.fail(node, 'has weights that are not constant');
      const scales = this.weight(weight, outputAxis(node, weight), this.grids.get(first)!, bias);
      const data = this.float(first);
      return [data, `${second}/f`, ...(bias ? [this.bias(bias, scales)] : [])];
    }
    if (node.input!.some((name) => this.constants.has(name))) this.fail(node, 'has a constant operand');
    return node.input!.map((name) => this.float(name));
  }

  /** The tensor as its producer left it where it was not quantised, else dequantised, anew for each reader. */
  private float(tensor: string): string {
    return this.grids.has(tensor) ? this.dequantize(tensor, `${tensor}/f${this.nodes.length}`) : `${tensor}/f`;
  }

  private quantize(tensor: string, from: string): void {
    const { min, max } = this.ranges.get(tensor)!;
    const low = Math.min(0, min);
    const scale = Math.fround((Math.max(0, max) - low) / 255) || 1;
    const grid = { scale, zero: Math.round(-low / scale) };
    this.grids.set(tensor, grid);
    this.nodes.push(makeNode('QuantizeLinear', [from, ...this.gridNames(grid)], [`${tensor}/q`]));
  }

  private dequantize(tensor: string, to: string): string {
    this.nodes.push(makeNode('DequantizeLinear', [`${tensor}/q`, ...this.gridNames(this.grids.get(tensor)!)], [to]));
    return to;
  }

  private gridNames({ scale, zero }: Grid): string[] {
    const names = [`scale ${scale}`, `zero ${zero}`];
    this.add(makeTensor(names[0]!, [], [scale]));
    this.add(makeTensor(names[1]!, [], [zero], 'uint8'));
    return names;
  }

  /** Writes an int8 weight, as `…/f` in float32; returns the scale of each channel's bias. */
  private weight({ name, dims, data }: OnnxTensor, axis: number, grid: Grid, biasName: string | undefined): number[] {
    const bias = biasName ? this.constants.get(biasName)!.data : [];
    const channels = dims[axis]!;
    const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
    const channelOf = (i: number) => Math.floor(i / inner) % channels;
    const scales = new Float32Array(channels);
    for (let i = 0; i < data.length; i++) {
      const c = channelOf(i);
      scales[c] = Math.max(scales[c]!, Math.abs(data[i]!) / 127);
    }
    // A bias must fit in 32 bits on the grid that its channel's weights give it.
    for (let c = 0; c < channels; c++) {
      scales[c] = Math.max(scales[c]!, Math.abs(bias[c] ?? 0) / (grid.scale * 2 ** 30)) || 1;
    }
    const values = Int8Array.from(data, (w, i) => Math.round(w / scales[channelOf(i)]!));
    this.add(makeTensor(`${name}/q`, dims, values, 'int8'));
    this.add(makeTensor(`${name}/scale`, [channels], scales));
    this.add(makeTensor(`${name}/zero`, [channels], new Int8Array(channels), 'int8'));
    const inputs = [`${name}/q`, `${name}/scale`, `${name}/zero`];
    this.nodes.push(makeNode('DequantizeLinear', inputs, [`${name}/f`], { axis }));
    return [...scales].map((scale) => Math.fround(scale * grid.scale));
  }

  private bias(name: string, scales: readonly number[]): string {
    const { data, dims } = this.constants.get(name)!;
    const values = Int32Array.from(data, (b, c) => Math.round(b / scales[c]!));
    this.add(makeTensor(`${name}/q`, dims, values, 'int32'));
    this.add(makeTensor(`${name}/scale`, [scales.length], scales));
    this.nodes.push(makeNode('DequantizeLinear', [`${name}/q`, `${name}/scale`], [`${name}/f`], { axis: 0 }));
    return `${name}/f`;
  }

  /** A constant that stays what it is: a shape, axes, pads. */
  private keep(name: string): void {
    const tensor = this.model.proto.graph.initializer!.find((one) => one.name === name);
    if (!tensor) throw new Error(`${this.model.file}: "${name}" is not constant`);
    this.add(tensor);
  }

  private add(tensor: ReturnType<typeof makeTensor>): void {
    this.initializers.set(tensor.name!, tensor);
  }

  private fail({ opType, name, output }: NodeProto, what: string): never {
    throw new Error(`${this.model.file}: ${opType} "${name || output![0]}" ${what}; bench/qdq.ts cannot quantise it`);
  }
}

/** Dimension of the weight that counts output channels. */
function outputAxis({ opType, attribute = [] }: NodeProto, weight: OnnxTensor): number {
  if (opType === 'Conv') return 0;
  if (opType === 'MatMul') return weight.dims.length - 1;
  return attribute.find(({ name }) => name === 'transB')?.i ? 0 : 1;
}
