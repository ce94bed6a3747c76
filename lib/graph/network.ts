/**
 * The network: what an ONNX graph becomes after constants are folded and operators are normalised. One image at a time
 * (batch 1), every value a flat float32 array in C×H×W order. A node has one output and the id of its place in `nodes`,
 * which are in topological order.
 */

/** Per-image shape. Rank-4 ONNX values are (C, H, W); all others are (dims[1], product of the rest, 1). */
export interface Shape {
  readonly c: number;
  readonly h: number;
  readonly w: number;
}

/** Geometry of a sliding window. `pads` are resolved (auto_pad, ceil_mode): top, left, bottom, right. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
}

interface NodeBase {
  readonly id: number;
  /** The ONNX node's name, or `OpType(output tensor)` where it has none. What errors and tables show. */
  readonly name: string;
  /** ONNX tensor that holds this node's value in the original file; empty where none does (a step in between). */
  readonly tensor: string;
  readonly shape: Shape;
  readonly inputs: readonly number[];
  /** Names of all ONNX nodes that went into this one (folded BatchNormalization, …). */
  readonly onnx: readonly string[];
  /** True for the analogue tail: after the last neuron, computed on the readout. */
  readonly tail: boolean;
  /** How often each channel of the imported net is there, side by side, where activations were split (see split.ts). */
  readonly copies?: readonly number[];
}

/** An input grid: x → step · clip(roundHalfEven(x / step), lo, hi). */
export interface InputGrid {
  readonly step: number;
  readonly lo: number;
  readonly hi: number;
}

export interface InputNode extends NodeBase {
  readonly op: 'input';
  readonly grid: InputGrid | null;
}

/**
 * Convolution. weight is [M, C/groups, kh, kw]. A Gemm or MatMul of a flattened image is a convolution whose kernel is that
 * whole image (1×1 where it has one pixel), so a Flatten before it vanishes.
 */
export interface ConvNode extends NodeBase {
  readonly op: 'conv';
  readonly weight: Float32Array;
  /** Length M, or M·H·W (C×H×W order) where padding of fused layers makes it vary over the border. */
  readonly bias: Float32Array | null;
  readonly window: Window;
  readonly groups: number;
}

/**
 * y[c] = factor[c]·x[c] + shift[c]: a BatchNormalization that could not be folded, Mul or Add of a constant. The shift has
 * length C, or C·H·W where it varies within a channel.
 */
export interface ScaleNode extends NodeBase {
  readonly op: 'scale';
  readonly factor: Float32Array;
  readonly shift: Float32Array | null;
}

/** Sum of two or more values of one shape. (Sub is an Add with a Scale of −1.) */
export interface AddNode extends NodeBase {
  readonly op: 'add';
}

/** Mean over a window. The denominator counts pads (up to the padded size, as ONNX has it) if countIncludePad. */
export interface AvgPoolNode extends NodeBase {
  readonly op: 'avgpool';
  readonly window: Window;
  /** 1 / (number of elements counted) for each output position, length h·w. */
  readonly factor: Float32Array;
}

export interface MaxPoolNode extends NodeBase {
  readonly op: 'maxpool';
  readonly window: Window;
}

/**
 * Pure data movement (Concat, Slice, Split, Pad with zeros, Transpose, Reshape, Gather, Resize nearest, and chains of
 * them): out[i] = concat(inputs)[index[i]], or 0 where index[i] is −1.
 */
export interface RouteNode extends NodeBase {
  readonly op: 'route';
  readonly index: Int32Array;
}

/** An activation that is not quantised: clip(x, 0, max). max is Infinity for Relu. */
export interface ReluNode extends NodeBase {
  readonly op: 'relu';
  readonly max: number;
  /** Axes of the ONNX tensor after that of its channels: a constant per channel has dims [C, 1, …]. */
  readonly trailingAxes: number;
}

/**
 * A quantised activation: y = stepOut · clip(floor((x + offset) / stepIn), 0, levels).
 * Arrays have length 1 (per layer) or C (per channel). λ = levels·stepIn; φ = offset / stepIn.
 */
export interface QuantNode extends NodeBase {
  readonly op: 'quant';
  readonly levels: number;
  readonly stepIn: Float64Array;
  readonly offset: Float64Array;
  readonly stepOut: Float64Array;
  /** Where the file rounds ties to even (QuantizeLinear); the neuron rounds them up. */
  readonly tiesToEven: boolean;
}

export type UnaryKind = 'sigmoid' | 'tanh' | 'exp' | 'log' | 'sqrt' | 'abs' | 'neg' | 'relu' | 'floor' | 'round';

/** Element-wise function in the analogue tail. */
export interface UnaryNode extends NodeBase {
  readonly op: 'unary';
  readonly kind: UnaryKind;
}

/** Softmax (or its logarithm) over the middle axis of (outer, length, inner). */
export interface SoftmaxNode extends NodeBase {
  readonly op: 'softmax';
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly log: boolean;
}

export type NetworkNode =
  | InputNode
  | ConvNode
  | ScaleNode
  | AddNode
  | AvgPoolNode
  | MaxPoolNode
  | RouteNode
  | ReluNode
  | QuantNode
  | UnaryNode
  | SoftmaxNode;

export interface NetworkOutput {
  readonly name: string;
  readonly node: number;
  /** ONNX dimensions without the batch. */
  readonly dims: readonly number[];
}

/** What became of one node of the ONNX file. */
export type Verdict = 'folded' | 'neuron' | 'linear' | 'pool' | 'input' | 'tail' | 'refused';

export interface NodeVerdict {
  readonly name: string;
  readonly opType: string;
  readonly verdict: Verdict;
  /** Why, or what to know: "folded into /c1/Conv", "not quantised yet", "ties to even here, up in the neuron". */
  readonly note: string;
}

export interface Network {
  /** Path of the ONNX file, for messages. */
  readonly file: string;
  readonly nodes: readonly NetworkNode[];
  /** Id of the one input node. */
  readonly input: number;
  /** ONNX dimensions of the input without the batch. */
  readonly inputDims: readonly number[];
  readonly inputName: string;
  readonly outputs: readonly NetworkOutput[];
  readonly verdicts: readonly NodeVerdict[];
  /** metadata_props of the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** SHA-256 of the file's bytes (and its external data), hexadecimal. */
  readonly hash: string;
}

/** The nodes that read node `id`. */
export function readersOf(network: Network, id: number): NetworkNode[] {
  return network.nodes.filter((node) => node.inputs.includes(id));
}

/** Whether the net gives out what node `id` computes. */
export function isOutput(network: Network, id: number): boolean {
  return network.outputs.some(({ node }) => node === id);
}

export function numel(shape: Shape): number {
  return shape.c * shape.h * shape.w;
}
