/**
 * A float32 quantised net as an ordinary ONNX file: the original graph, each plain ReLU replaced by Div, Mul, Add, Floor,
 * Clip, Div, Mul. Weights stay as they were.
 */
import { CascError } from '../errors';
import type { Network, ReluNode } from '../graph/network';
import type { ClipValues } from '../graph/quantized';
import { type AttributeValue, float, makeNode, makeTensor, type NodeProto, type OnnxModel, setMetadata } from '../onnx';

type Attributes = Record<string, AttributeValue>;

export interface ActivationSettings {
  levels: number;
  shift: number;
  /** λ by id of the network's relu node, length 1 or C. */
  clips: ClipValues;
}

export function writeFloat(
  model: OnnxModel,
  network: Network,
  settings: ActivationSettings,
  metadata: Readonly<Record<string, string>>,
): OnnxModel {
  const replaced = new Map<NodeProto, ReluNode>();
  for (const id of settings.clips.keys()) {
    const relu = network.nodes[id] as ReluNode;
    replaced.set(activationNode(model, network, relu), relu);
  }
  const { graph } = model.proto;
  const used = tensorNames(model);
  const initializer = [...(graph.initializer ?? [])];
  const node = (graph.node ?? []).flatMap((original): NodeProto[] => {
    const relu = replaced.get(original);
    if (!relu) return [original];
    const chain = activation(analogueInput(model, original), original.output![0]!, relu, settings, model.opset, used);
    initializer.push(...chain.constants);
    return chain.nodes;
  });
  const result: OnnxModel = {
    ...model,
    proto: {
      ...model.proto,
      metadataProps: [...(model.proto.metadataProps ?? [])],
      graph: { ...graph, node, initializer },
    },
  };
  for (const [key, value] of Object.entries(metadata)) setMetadata(result, key, value);
  return result;
}

/** The ONNX node that a relu node came from (a max-pool may stand between the two in the network). */
function activationNode(model: OnnxModel, network: Network, relu: ReluNode): NodeProto {
  const found = (model.proto.graph.node ?? []).find(
    (node) =>
      ['Relu', 'Clip', 'Max'].includes(node.opType!) &&
      (node.output?.[0] === relu.tensor || relu.onnx.includes(node.name || `${node.opType}(${node.output?.[0]})`)),
  );
  if (found) return found;
  throw new CascError(
    'ERR_CASC_MODEL',
    `${network.file}: the activation ${relu.name} has no node of its own in the file`,
    { file: network.file, node: relu.name },
  );
}

/** The input that is no constant: Max(0, x) has it second. */
function analogueInput(model: OnnxModel, { opType, input = [] }: NodeProto): string {
  if (opType !== 'Max') return input[0]!;
  const { initializer = [], node = [] } = model.proto.graph;
  const constants = new Set([
    ...initializer.map(({ name }) => name),
    ...node.filter((other) => other.opType === 'Constant').map(({ output }) => output?.[0]),
  ]);
  return input.find((name) => !constants.has(name)) ?? input[0]!;
}

function tensorNames(model: OnnxModel): Set<string> {
  const { initializer = [], node = [], input = [] } = model.proto.graph;
  return new Set([
    ...initializer.map(({ name }) => name!),
    ...node.flatMap(({ output }) => output ?? []),
    ...input.map(({ name }) => name!),
  ]);
}

function activation(
  input: string,
  output: string,
  { id, trailingAxes }: ReluNode,
  { levels, shift, clips }: ActivationSettings,
  opset: number,
  used: Set<string>,
) {
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let i = 2; used.has(name); i++) name = `${wanted}#${i}`;
    used.add(name);
    return name;
  };
  const constants: ReturnType<typeof makeTensor>[] = [];
  const constant = (name: string, value: number | Float64Array): string => {
    const values = typeof value === 'number' ? [value] : value;
    // A channel's constants are shaped for the tensor's rank, whatever that is.
    const dims = values.length === 1 ? [] : [values.length, ...new Array<number>(trailingAxes).fill(1)];
    const tensor = makeTensor(unique(`${output}/${name}`), dims, values);
    constants.push(tensor);
    return tensor.name!;
  };
  const lambda = constant('clip', clips.get(id)!);
  const q = constant('levels', levels);
  // Before opset 11 the bounds of Clip were attributes.
  const bounded: [string[], Attributes] =
    opset < 11 ? [[], { min: float(0), max: float(levels) }] : [[constant('zero', 0), q], {}];
  const steps: [string, string[], Attributes?][] = [
    ['Div', [lambda]],
    ['Mul', [q]],
    ['Add', [constant('shift', shift)]],
    ['Floor', []],
    ['Clip', ...bounded],
    ['Div', [q]],
    ['Mul', [lambda]],
  ];
  let x = input;
  const nodes = steps.map(([opType, operands, attributes = {}], i) => {
    const y = i === steps.length - 1 ? output : unique(`${output}/${i}`);
    const node = makeNode(opType, [x, ...operands], [y], attributes, `${output}/${opType}${i}`);
    x = y;
    return node;
  });
  return { nodes, constants };
}
