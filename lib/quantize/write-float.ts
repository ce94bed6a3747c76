/**
 * A float32 quantised net as an ordinary ONNX file: the original graph, each plain ReLU replaced by Div, Mul, Add, Floor,
 * Clip, Div, Mul. Weights stay as they were.
 */
import { CascError } from '../errors';
import type { Network } from '../graph/network';
import { makeNode, makeTensor, type NodeProto, type OnnxModel, setMetadata } from '../onnx';

export interface ActivationSettings {
  levels: number;
  shift: number;
  /** λ by id of the network's relu node. */
  clips: ReadonlyMap<number, number>;
}

export function writeFloat(
  model: OnnxModel,
  network: Network,
  settings: ActivationSettings,
  metadata: Readonly<Record<string, string>>,
): OnnxModel {
  const replaced = new Map<string, number>();
  for (const [id, clip] of settings.clips) replaced.set(activationTensor(model, network, id), clip);
  const { graph } = model.proto;
  const initializer = [...(graph.initializer ?? [])];
  const node = (graph.node ?? []).flatMap((original): NodeProto[] => {
    const output = original.output?.[0] ?? '';
    const clip = replaced.get(output);
    if (clip === undefined) return [original];
    const made = chain(original.input![0]!, output, clip, settings);
    initializer.push(...made.constants);
    return made.nodes;
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

/** Output tensor of the ONNX node that a relu node came from (a max-pool may stand between the two in the network). */
function activationTensor(model: OnnxModel, network: Network, id: number): string {
  const relu = network.nodes[id]!;
  const found = (model.proto.graph.node ?? []).find(
    (node) =>
      (node.opType === 'Relu' || node.opType === 'Clip') &&
      (node.output?.[0] === relu.tensor || relu.onnx.includes(node.name || `${node.opType}(${node.output?.[0]})`)),
  );
  if (found) return found.output![0]!;
  throw new CascError(
    'ERR_CASC_MODEL',
    `${network.file}: the activation ${relu.name} has no node of its own in the file`,
    {
      file: network.file,
      node: relu.name,
    },
  );
}

function chain(input: string, output: string, clip: number, { levels, shift }: ActivationSettings) {
  const constants = (
    [
      ['clip', clip],
      ['levels', levels],
      ['shift', shift],
      ['zero', 0],
    ] as const
  ).map(([name, value]) => makeTensor(`${output}/${name}`, [], [value]));
  const [lambda, q, phi, zero] = constants.map((tensor) => tensor.name!) as [string, string, string, string];
  const steps: [string, string[]][] = [
    ['Div', [lambda]],
    ['Mul', [q]],
    ['Add', [phi]],
    ['Floor', []],
    ['Clip', [zero, q]],
    ['Div', [q]],
    ['Mul', [lambda]],
  ];
  let x = input;
  const nodes = steps.map(([opType, operands], i) => {
    const y = i === steps.length - 1 ? output : `${output}/${i}`;
    const node = makeNode(opType, [x, ...operands], [y], {}, `${output}/${opType}${i}`);
    x = y;
    return node;
  });
  return { nodes, constants };
}
