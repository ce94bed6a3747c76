/** The ONNX graph, checked: one input, known dims, every tensor made once, nodes in an order they can run in. */
import { CascError } from '../errors';
import {
  dataTypeName,
  decodeTensor,
  elementTypeOf,
  type OnnxModel,
  type TensorProto,
  type ValueInfoProto,
} from '../onnx';
import { GraphError } from './graph-error';
import { NDArray, sizeOf } from './ndarray';
import { OnnxNode } from './onnx-node';

export interface Source {
  readonly file: string;
  readonly input: { readonly name: string; readonly dims: readonly number[] };
  readonly outputs: readonly string[];
  /** In file order. */
  readonly nodes: readonly OnnxNode[];
  /** Those that an output needs, in an order they can run in. */
  readonly order: readonly OnnxNode[];
  /** Decodes an initializer; undefined where there is none of that name. */
  readonly initializer: (name: string) => NDArray | undefined;
}

function fail(file: string, message: string, tensor?: string): CascError {
  return new CascError('ERR_CASC_MODEL', `${file}: ${message}`, { file, ...(tensor ? { tensor } : {}) });
}

/** Dims at batch 1. A symbolic first dim becomes 1; any other must be a number. */
function inputDims(file: string, info: ValueInfoProto): number[] {
  const name = info.name ?? '';
  const type = info.type?.tensorType;
  if (!type?.shape?.dim?.length)
    throw fail(file, `input "${name}" has no shape; expected [N, …]. Export it again.`, name);
  const element = elementTypeOf(type.elemType ?? 0);
  if (element !== 'float32' && element !== 'float64') {
    const shown = dataTypeName(type.elemType ?? 0);
    throw fail(
      file,
      `input "${name}" is of type ${shown}; expected float. Export the net without the conversion.`,
      name,
    );
  }
  const dims = type.shape.dim.map((dim, axis): number => {
    const value = dim.dimValue ?? 0;
    if (value > 0) return value;
    if (axis === 0) return 1;
    const called = dim.dimParam ? `"${dim.dimParam}"` : 'unknown';
    throw fail(
      file,
      `dimension ${axis} of input "${name}" is ${called}; only the batch may be open. ` +
        'Export with a fixed size (leave this axis out of dynamic_axes).',
      name,
    );
  });
  if (dims[0] !== 1) {
    throw fail(
      file,
      `input "${name}" has a fixed batch of ${dims[0]}; expected 1 or an open batch. Export it again.`,
      name,
    );
  }
  if (dims.length < 2) throw fail(file, `input "${name}" has dims [${dims}]; expected a batch axis and more.`, name);
  try {
    sizeOf(dims);
  } catch (error) {
    if (error instanceof GraphError) throw fail(file, `input "${name}": ${error.message}.`, name);
    throw error;
  }
  return dims;
}

/** Kahn's algorithm, the earliest node of the file first. */
function sorted(file: string, nodes: readonly OnnxNode[], known: ReadonlySet<string>): OnnxNode[] {
  const maker = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const output of node.outputs) {
      if (!output) continue;
      if (maker.has(output) || known.has(output)) {
        throw fail(file, `tensor "${output}" is made twice (the second time by ${node.name}).`, output);
      }
      maker.set(output, node);
    }
  }
  const waiting = new Map<OnnxNode, number>();
  const readers = new Map<OnnxNode, OnnxNode[]>();
  const ready: OnnxNode[] = [];
  for (const node of nodes) {
    const makers = new Set<OnnxNode>();
    for (const input of node.inputs) {
      if (!input || known.has(input)) continue;
      const from = maker.get(input);
      if (!from)
        throw fail(file, `node ${node.name} (${node.opType}) reads tensor "${input}", which nothing makes.`, input);
      makers.add(from);
    }
    waiting.set(node, makers.size);
    for (const from of makers) {
      const list = readers.get(from);
      if (list) list.push(node);
      else readers.set(from, [node]);
    }
    if (makers.size === 0) ready.push(node);
  }
  const order: OnnxNode[] = [];
  for (let node = ready.shift(); node; node = ready.shift()) {
    order.push(node);
    for (const reader of readers.get(node) ?? []) {
      const left = waiting.get(reader)! - 1;
      waiting.set(reader, left);
      if (left === 0) ready.splice(placeOf(ready, reader), 0, reader);
    }
  }
  if (order.length < nodes.length) {
    const stuck = nodes.find((node) => waiting.get(node)! > 0)!;
    throw fail(file, `the graph has a cycle through node ${stuck.name} (${stuck.opType}).`);
  }
  return order;
}

function placeOf(ready: readonly OnnxNode[], node: OnnxNode): number {
  let at = ready.length;
  while (at > 0 && ready[at - 1]!.at > node.at) --at;
  return at;
}

/** The nodes that an output depends on. */
function needed(order: readonly OnnxNode[], outputs: readonly string[]): OnnxNode[] {
  const wanted = new Set(outputs);
  const result: OnnxNode[] = [];
  for (const node of [...order].reverse()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    for (const input of node.inputs) if (input) wanted.add(input);
    result.push(node);
  }
  return result.reverse();
}

/** Checks the graph of a model. Throws ERR_CASC_MODEL. */
export function openGraph(model: OnnxModel): Source {
  const { file } = model;
  const { graph } = model.proto;
  if (graph.sparseInitializer?.length)
    throw fail(file, 'it has sparse initializers; expected dense ones. Export it again.');
  const tensors = new Map<string, TensorProto>();
  for (const tensor of graph.initializer ?? []) {
    const name = tensor.name ?? '';
    if (tensors.has(name)) throw fail(file, `initializer "${name}" is given twice.`, name);
    tensors.set(name, tensor);
  }
  const inputs = (graph.input ?? []).filter((info) => !tensors.has(info.name ?? ''));
  const names = inputs.map((info) => `"${info.name ?? ''}"`).join(', ');
  if (inputs.length !== 1) {
    throw fail(file, `the graph has ${inputs.length} inputs${names ? ` (${names})` : ''}; expected one, the image.`);
  }
  const input = { name: inputs[0]!.name ?? '', dims: inputDims(file, inputs[0]!) };
  const outputs = (graph.output ?? []).map((info) => info.name ?? '');
  if (outputs.length === 0) throw fail(file, 'the graph has no outputs.');
  const nodes = (graph.node ?? []).map((proto, at) => new OnnxNode(at, proto, file, model.opset));
  const known = new Set([input.name, ...tensors.keys()]);
  const order = needed(sorted(file, nodes, known), outputs);
  const made = new Set([...known, ...nodes.flatMap((node) => node.outputs)]);
  const missing = outputs.find((name) => !name || !made.has(name));
  if (missing !== undefined) throw fail(file, `output "${missing}" is made by no node.`, missing);
  const decoded = new Map<string, NDArray>();
  const initializer = (name: string): NDArray | undefined => {
    const tensor = tensors.get(name);
    if (!tensor) return undefined;
    let array = decoded.get(name);
    if (!array) {
      const { type, dims, data } = decodeTensor(tensor, file);
      array = new NDArray(type, dims, data);
      decoded.set(name, array);
    }
    return array;
  };
  return { file, input, outputs, nodes, order, initializer };
}
