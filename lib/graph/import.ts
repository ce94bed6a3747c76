/** ONNX model to Network. */
import { CascError } from '../errors';
import { getMetadata, hashOf, type OnnxModel, readModel } from '../onnx';
import { recogniseActivations } from './activations';
import { cut, type Draft, type DraftGraph } from './draft';
import { finish } from './finish';
import type { Network } from './network';
import {
  actBeforePooling,
  type Dropped,
  exhaust,
  foldBatchNorm,
  foldMatMulBias,
  mergeScales,
  simplifyActivations,
} from './normalise';
import type { OnnxNode } from './onnx-node';
import { composeRoutes } from './routes';
import { openGraph } from './source';
import { cancelStraightThrough } from './straight-through';
import { markTail } from './tail';
import { type RefusedNode, translate } from './translate';
import { giveVerdicts } from './verdicts';

export interface ImportOptions {
  /**
   * True (the default): throw for the first ONNX node that cannot be converted. False: return the net as far as it
   * goes, with a verdict for every node, and outputs only where they can be computed.
   */
  strict?: boolean;
}

/**
 * Imports an ONNX file or a model in memory.
 * Throws ERR_CASC_FILE and ERR_CASC_MODEL for files that cannot be read or are inconsistent, and (strict)
 * ERR_CASC_UNSUPPORTED for the first refused node in file order, naming node, operator and reason.
 *
 * @example
 * const network = await importModel('net.onnx');
 * for (const { name, verdict } of network.verdicts) console.log(name, verdict);
 */
export async function importModel(model: string | OnnxModel, options: ImportOptions = {}): Promise<Network> {
  return importGraph(typeof model === 'string' ? await readModel(model) : model, options);
}

/** The synchronous core of importModel. */
export function importGraph(model: OnnxModel, options: ImportOptions = {}): Network {
  const { file } = model;
  const source = openGraph(model);
  const translation = translate(source);
  const { graph, refused } = translation;
  const dropped: Dropped = new Map();
  normalise(graph, refused, dropped);
  if (options.strict ?? true) throwFirst(source.nodes, refused);
  const { nodes, ids } = finish(graph, file);
  return {
    file,
    nodes,
    input: ids.get(graph.input)!,
    inputDims: source.input.dims.slice(1),
    inputName: source.input.name,
    outputs: graph.outputs.map(({ name, node, dims }) => ({
      name,
      node: ids.get(node)!,
      dims: dims[0] === 1 ? dims.slice(1) : dims,
    })),
    verdicts: giveVerdicts(source, graph, translation, dropped),
    metadata: getMetadata(model),
    hash: hashOf(model),
  };
}

function normalise(graph: DraftGraph, refused: Map<OnnxNode, RefusedNode>, dropped: Dropped): void {
  exhaust(() => foldMatMulBias(graph));
  exhaust(() => foldBatchNorm(graph));
  exhaust(() => cancelStraightThrough(graph, dropped));
  const unrecognised = recogniseActivations(graph);
  exhaust(() => simplifyActivations(graph, dropped) || mergeScales(graph, dropped) || actBeforePooling(graph));
  composeRoutes(graph, dropped);
  const mark = () => markTail(graph, unrecognised);
  for (let list = mark(); list.length; list = mark()) refuse(graph, list, refused);
}

/** Takes refused nodes, and what depends on them, out of the graph. */
function refuse(
  graph: DraftGraph,
  list: readonly { node: Draft; reason: string }[],
  refused: Map<OnnxNode, RefusedNode>,
): void {
  if (list.length === 0) return;
  const roots = new Map(list.map(({ node, reason }) => [node, reason]));
  const cause = new Map<Draft, OnnxNode>();
  for (const node of graph.nodes()) {
    const reason = roots.get(node);
    const origin = node.origin;
    const inherited = node.inputs.map((input) => cause.get(input)).find((found) => found !== undefined);
    if (!origin) continue;
    if (reason !== undefined && !inherited) {
      cause.set(node, origin);
      refused.set(origin, { reason, root: origin });
    } else if (inherited) {
      cause.set(node, inherited);
      if (!refused.has(origin)) refused.set(origin, { reason: `depends on ${inherited.name}`, root: inherited });
    }
  }
  cut(graph, new Set(roots.keys()));
}

function throwFirst(nodes: readonly OnnxNode[], refused: ReadonlyMap<OnnxNode, RefusedNode>): void {
  for (const node of nodes) {
    const entry = refused.get(node);
    if (entry?.root !== node) continue;
    throw new CascError(
      'ERR_CASC_UNSUPPORTED',
      `${node.file}: node ${node.name} (${node.opType}) cannot be converted: ${entry.reason}`,
      { file: node.file, node: node.name, opType: node.opType },
    );
  }
}
