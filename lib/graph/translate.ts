/** Walks the ONNX nodes once: constants are folded, all else becomes draft nodes or is refused. */
import { CascError } from '../errors';
import { type Draft, DraftGraph, draft } from './draft';
import { fold, isFoldable, shapeOf } from './fold';
import { GraphError, Refusal } from './graph-error';
import { LoweringContext, lower, unsupported, type Value } from './lowering';
import { fromNumbers, type NDArray } from './ndarray';
import type { OnnxNode } from './onnx-node';
import type { Source } from './source';

/** Why a node was refused; `root` is the node itself or the one that it depends on. */
export interface RefusedNode {
  readonly reason: string;
  readonly root: OnnxNode;
}

export interface Translation {
  readonly graph: DraftGraph;
  readonly refused: Map<OnnxNode, RefusedNode>;
  /** Nodes evaluated at import. */
  readonly constants: ReadonlySet<OnnxNode>;
}

function modelError(node: OnnxNode, reason: string): CascError {
  return new CascError(
    'ERR_CASC_MODEL',
    `${node.file}: node ${node.name} (${node.opType}) is inconsistent: ${reason}. Check the export.`,
    { file: node.file, node: node.name, opType: node.opType },
  );
}

class Translator {
  readonly values = new Map<string, Value>();
  readonly refused = new Map<OnnxNode, RefusedNode>();
  readonly constants = new Set<OnnxNode>();
  /** What refused nodes would have read: the net as far as it goes. */
  readonly frontier: Draft[] = [];

  constructor(
    readonly source: Source,
    readonly input: Draft,
  ) {
    this.values.set(source.input.name, { kind: 'node', node: input });
  }

  value(name: string): Value | undefined {
    const known = this.values.get(name);
    if (known) return known;
    const array = this.source.initializer(name);
    if (!array) return undefined;
    const value: Value = { kind: 'constant', array };
    this.values.set(name, value);
    return value;
  }

  translate(node: OnnxNode): void {
    const values = node.inputs.map((name) => (name ? this.value(name) : undefined));
    const blocked = values.find((value) => value?.kind === 'refused');
    if (blocked?.kind === 'refused') {
      const root = this.refused.get(blocked.by)?.root ?? blocked.by;
      this.refuse(node, values, `depends on ${root.name}`, root);
      return;
    }
    try {
      this.run(node, values);
    } catch (error) {
      if (error instanceof GraphError) throw modelError(node, error.message);
      if (!(error instanceof Refusal)) throw error;
      this.refuse(node, values, error.message, node);
    }
  }

  private refuse(node: OnnxNode, values: readonly (Value | undefined)[], reason: string, root: OnnxNode): void {
    this.refused.set(node, { reason, root });
    for (const value of values) if (value?.kind === 'node') this.frontier.push(value.node);
    for (const output of node.outputs) if (output) this.values.set(output, { kind: 'refused', by: node });
  }

  private run(node: OnnxNode, values: readonly (Value | undefined)[]): void {
    if (node.domain) {
      throw new Refusal(
        `it is of domain "${node.domain}"; expected ONNX's own operators. Export without custom operators.`,
      );
    }
    if (values.every((value) => value?.kind !== 'node')) {
      if (!isFoldable(node.opType)) throw unsupported(node);
      const arrays = values.map((value) => (value?.kind === 'constant' ? value.array : undefined));
      this.setConstants(node, fold(node, arrays));
      return;
    }
    const first = values[0];
    if ((node.opType === 'Shape' || node.opType === 'Size') && first?.kind === 'node') {
      const { dims } = first.node;
      const size = dims.reduce((product, dim) => product * dim, 1);
      this.setConstants(node, [node.opType === 'Shape' ? shapeOf(node, dims) : fromNumbers('int64', [], [size])]);
      return;
    }
    const context = new LoweringContext(node, values);
    lower(context);
    node.outputs.forEach((output, at) => {
      const result = context.outputs[at];
      if (output) this.values.set(output, result ? { kind: 'node', node: result } : { kind: 'refused', by: node });
    });
  }

  private setConstants(node: OnnxNode, arrays: readonly NDArray[]): void {
    this.constants.add(node);
    node.outputs.forEach((output, at) => {
      const array = arrays[at];
      if (output) this.values.set(output, array ? { kind: 'constant', array } : { kind: 'refused', by: node });
    });
  }
}

/** Throws ERR_CASC_MODEL for inconsistent nodes; refused ones are returned. */
export function translate(source: Source): Translation {
  const input = draft(
    { op: 'input', name: source.input.name, grid: null },
    undefined,
    [],
    source.input.dims,
    source.input.name,
  );
  const translator = new Translator(source, input);
  for (const node of source.order) translator.translate(node);
  const outputs: { name: string; node: Draft; dims: readonly number[] }[] = [];
  for (const name of source.outputs) {
    const value = translator.value(name)!;
    if (value.kind === 'constant') {
      throw new CascError('ERR_CASC_MODEL', `${source.file}: output "${name}" does not depend on the input.`, {
        file: source.file,
        tensor: name,
      });
    }
    if (value.kind === 'node') outputs.push({ name, node: value.node, dims: value.node.dims });
  }
  const graph = new DraftGraph(outputs, translator.frontier, input);
  return { graph, refused: translator.refused, constants: translator.constants };
}
