/** Evaluates ONNX nodes whose inputs are all constants: what exporters leave of shape arithmetic and weight packing. */
import { AttributeType, dataTypeName, type ElementType, elementTypeOf } from '../onnx';
import {
  BINARY,
  cast,
  dequantize,
  mapBinary,
  mapUnary,
  PREDICATES,
  quantize,
  REDUCTIONS,
  range,
  reduce,
  UNARY,
  where,
} from './arithmetic';
import { GraphError, Refusal } from './graph-error';
import { type Inputs, isMovement, move } from './movement';
import { create, fromNumbers, type NDArray } from './ndarray';
import type { OnnxNode } from './onnx-node';

function need(inputs: Inputs, at: number): NDArray {
  const value = inputs[at];
  if (!value) throw new GraphError(`input ${at} is missing`);
  return value;
}

function constant(node: OnnxNode): NDArray {
  const tensor = node.tensor('value');
  if (tensor) return tensor;
  if (node.has('value_float')) return fromNumbers('float32', [], [node.float('value_float', 0)]);
  if (node.has('value_int')) return fromNumbers('int64', [], [node.int('value_int', 0)]);
  const floats = node.floats('value_floats');
  if (floats?.length) return fromNumbers('float32', [floats.length], floats);
  const ints = node.ints('value_ints');
  if (ints) return fromNumbers('int64', [ints.length], ints);
  throw new Refusal('it holds a string or sparse tensor; expected numbers');
}

/** Dims from `start` to `end`, as Shape of opset 15 may slice them. */
export function shapeOf(node: OnnxNode, dims: readonly number[]): NDArray {
  const rank = dims.length;
  const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);
  const part = dims.slice(clamp(node.int('start', 0)), clamp(node.int('end', rank)));
  return fromNumbers('int64', [part.length], part);
}

/** Element type a Cast goes to. */
export function castTarget(node: OnnxNode): ElementType {
  const code = node.int('to', AttributeType.FLOAT);
  const type = elementTypeOf(code);
  if (!type) throw new Refusal(`it casts to ${dataTypeName(code)}; expected a number type`);
  return type;
}

/** Axes that a reduction goes over: attribute, input, or all. Undefined: the node does nothing. */
export function reducedAxes(node: OnnxNode, rank: number, input: NDArray | undefined): number[] | undefined {
  const axes = node.ints('axes') ?? input?.numbers() ?? [];
  if (axes.length) return axes;
  if (node.int('noop_with_empty_axes', 0) !== 0) return undefined;
  return Array.from({ length: rank }, (_, axis) => axis);
}

function constantOfShape(node: OnnxNode, shape: NDArray): NDArray {
  const value = node.tensor('value');
  const out = create(value?.type ?? 'float32', shape.numbers());
  if (value) out.data.fill(value.scalar('the value'));
  return out;
}

function clip(node: OnnxNode, inputs: Inputs): NDArray {
  const lo = inputs[1]?.scalar('min') ?? node.float('min', Number.NEGATIVE_INFINITY);
  const hi = inputs[2]?.scalar('max') ?? node.float('max', Number.POSITIVE_INFINITY);
  return mapUnary(need(inputs, 0), (x) => Math.min(Math.max(x, lo), hi));
}

function refuseBlocks(node: OnnxNode): void {
  if (node.int('block_size', 0) !== 0) throw new Refusal('it quantises in blocks; export per tensor or per channel');
}

function quantizeLinear(node: OnnxNode, inputs: Inputs): NDArray {
  refuseBlocks(node);
  const type = quantizedType(node, inputs[2]);
  const [lo, hi] = integerRange(type);
  return quantize(need(inputs, 0), need(inputs, 1), inputs[2], node.int('axis', 1), { type, lo, hi });
}

function dequantizeLinear(node: OnnxNode, inputs: Inputs): NDArray {
  refuseBlocks(node);
  return dequantize(need(inputs, 0), need(inputs, 1), inputs[2], node.int('axis', 1));
}

/** The type that a QuantizeLinear produces. */
export function quantizedType(node: OnnxNode, zero: NDArray | undefined): ElementType {
  return zero?.type ?? elementTypeOf(node.int('output_dtype', 0)) ?? 'uint8';
}

/** Least and largest value of the integer types that QuantizeLinear produces. */
export function integerRange(type: ElementType): [number, number] {
  switch (type) {
    case 'uint4':
      return [0, 15];
    case 'int4':
      return [-8, 7];
    case 'uint8':
      return [0, 255];
    case 'int8':
      return [-128, 127];
    case 'uint16':
      return [0, 65535];
    case 'int16':
      return [-32768, 32767];
    default:
      throw new Refusal(`its zero point is of type ${type}; expected a signed or unsigned integer of 4, 8 or 16 bits`);
  }
}

type Evaluator = (node: OnnxNode, inputs: Inputs) => NDArray;

const EVALUATORS: Readonly<Record<string, Evaluator>> = {
  Constant: constant,
  Shape: (node, inputs) => shapeOf(node, need(inputs, 0).dims),
  Size: (_, inputs) => fromNumbers('int64', [], [need(inputs, 0).size]),
  ConstantOfShape: (node, inputs) => constantOfShape(node, need(inputs, 0)),
  Range: (_, inputs) => range(need(inputs, 0), need(inputs, 1), need(inputs, 2)),
  Cast: (node, inputs) => cast(need(inputs, 0), castTarget(node)),
  Where: (_, inputs) => where(need(inputs, 0), need(inputs, 1), need(inputs, 2)),
  Not: (_, inputs) => mapUnary(need(inputs, 0), (x) => Number(x === 0)),
  Clip: clip,
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  MatMul: (_, inputs) => matmul(need(inputs, 0), need(inputs, 1)),
};

function matmul(a: NDArray, b: NDArray): NDArray {
  if (a.dims.length !== 2 || b.dims.length !== 2 || a.dims[1] !== b.dims[0]) {
    throw new GraphError(`cannot multiply [${a.dims}] by [${b.dims}]`);
  }
  const [rows, inner] = [a.dims[0]!, a.dims[1]!];
  const columns = b.dims[1]!;
  const out = create(a.type, [rows, columns]);
  for (let i = 0; i < rows; ++i) {
    for (let j = 0; j < columns; ++j) {
      let sum = 0;
      for (let k = 0; k < inner; ++k) sum += a.data[i * inner + k]! * b.data[k * columns + j]!;
      out.data[i * columns + j] = sum;
    }
  }
  return out;
}

/** True where all-constant inputs can be evaluated. */
export function isFoldable(opType: string): boolean {
  return (
    [EVALUATORS, UNARY, BINARY, PREDICATES, REDUCTIONS].some((table) => Object.hasOwn(table, opType)) ||
    isMovement(opType)
  );
}

/** Evaluates a node on constants; one array per output. */
export function fold(node: OnnxNode, inputs: Inputs): NDArray[] {
  const { opType } = node;
  if (isMovement(opType)) return move(node, inputs);
  const evaluator = EVALUATORS[opType];
  if (evaluator) return [evaluator(node, inputs)];
  const unary = UNARY[opType];
  if (unary) return [mapUnary(need(inputs, 0), unary)];
  const binary = BINARY[opType];
  if (binary)
    return [
      inputs.slice(1).reduce<NDArray>((left, _, at) => mapBinary(left, need(inputs, at + 1), binary), need(inputs, 0)),
    ];
  const predicate = PREDICATES[opType];
  if (predicate) return [mapBinary(need(inputs, 0), need(inputs, 1), predicate, 'bool')];
  const x = need(inputs, 0);
  const axes = reducedAxes(node, x.dims.length, inputs[1]);
  return [axes ? reduce(x, axes, node.int('keepdims', 1) !== 0, REDUCTIONS[opType]!) : x];
}
