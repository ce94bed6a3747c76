/** Chains of data movement become one route; routes that move nothing vanish. */
import { type Draft, type DraftGraph, type DraftOf, is } from './draft';
import type { Dropped } from './normalise';

function sizeOf(node: Draft): number {
  return node.shape.c * node.shape.h * node.shape.w;
}

/** Rewrites the index of a route over the inputs of the routes that it reads. */
function compose(route: DraftOf<'route'>): void {
  const sources: Draft[] = [];
  const starts = new Map<Draft, number>();
  const size = route.inputs.reduce((sum, input) => sum + sizeOf(input), 0);
  // origin[i]: element of (all sources side by side) that element i of the concatenated inputs is.
  const origin = new Int32Array(size);
  let end = 0;
  let place = 0;
  const startOf = (source: Draft): number => {
    let start = starts.get(source);
    if (start === undefined) {
      start = end;
      starts.set(source, start);
      sources.push(source);
      end += sizeOf(source);
    }
    return start;
  };
  for (const input of route.inputs) {
    if (is(input, 'route')) {
      const offsets = spans(input).map(({ source, from }) => ({ from, shift: startOf(source) - from }));
      for (const element of input.operation.index) {
        if (element < 0) {
          origin[place++] = -1;
        } else {
          let span = offsets.length - 1;
          while (offsets[span]!.from > element) --span;
          origin[place++] = element + offsets[span]!.shift;
        }
      }
      route.absorbed = [...new Set([...route.absorbed, ...input.absorbed])];
    } else {
      const start = startOf(input);
      for (let i = 0; i < sizeOf(input); ++i) origin[place++] = start + i;
    }
  }
  route.operation.index = route.operation.index.map((element) => (element < 0 ? -1 : origin[element]!));
  route.inputs = sources;
  prune(route);
}

/** Where each input of a route starts in its concatenation. */
function spans(route: Draft): { source: Draft; from: number }[] {
  let from = 0;
  return route.inputs.map((source) => {
    const span = { source, from };
    from += sizeOf(source);
    return span;
  });
}

/** Removes inputs that no element comes from. One is kept even of a route of nothing but pads. */
function prune(route: DraftOf<'route'>): void {
  const list = spans(route);
  const used = new Array<boolean>(list.length).fill(false);
  const { index } = route.operation;
  for (const element of index) {
    if (element < 0) continue;
    let at = list.length - 1;
    while (list[at]!.from > element) --at;
    used[at] = true;
  }
  if (used.every(Boolean) || !used.some(Boolean)) return;
  let removed = 0;
  const shifts = list.map(({ source }, at) => {
    if (!used[at]) removed += sizeOf(source);
    return removed;
  });
  route.operation.index = index.map((element) => {
    if (element < 0) return -1;
    let at = list.length - 1;
    while (list[at]!.from > element) --at;
    return element - shifts[at]!;
  });
  route.inputs = route.inputs.filter((_, at) => used[at]);
}

/** Every element stays where it is; only the dims may differ. */
function isReshape(node: Draft): node is DraftOf<'route'> {
  if (!is(node, 'route') || node.inputs.length !== 1) return false;
  const { index } = node.operation;
  return index.length === sizeOf(node.inputs[0]!) && index.every((from, i) => from === i);
}

function sameShape(a: Draft, b: Draft): boolean {
  return a.shape.c === b.shape.c && a.shape.h === b.shape.h && a.shape.w === b.shape.w;
}

export function composeRoutes(graph: DraftGraph, dropped: Dropped): void {
  const vanish = (node: Draft) => {
    for (const origin of node.absorbed) dropped.set(origin, 'the data stays in place');
  };
  for (const node of graph.nodes()) {
    if (!is(node, 'route')) continue;
    if (node.inputs.some((input) => is(input, 'route'))) compose(node);
    if (isReshape(node) && sameShape(node, node.inputs[0]!)) {
      graph.replace(node, node.inputs[0]!);
      vanish(node);
    }
  }
  // An output has dims of its own.
  for (const output of graph.outputs) {
    while (isReshape(output.node)) {
      vanish(output.node);
      output.node = output.node.inputs[0]!;
    }
  }
}
