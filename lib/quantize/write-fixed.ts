/**
 * A fixed-point network as an ordinary ONNX file: integer-valued weights, levels 0..Q between layers, each activation
 * Add(⌊φK⌋) → Div(K) → Floor → Clip(0, Q). All values are sums over Q steps, so biases are Q times those of a step.
 * Any runtime that sums in plain float32 executes it as the quantised ANN, exactly.
 */
import type { LinearTerm } from '../graph/compose';
import type { Layer, LinearLayer, NeuronLayer, RelayLayer } from '../graph/layered';
import type { Shape } from '../graph/network';
import type { OnnxModel } from '../onnx';
import type { FixedNetwork } from './fixed-point';
import { GraphWriter, tensorOf, windowOf } from './graph-writer';

/** The model; `metadata` become its metadata_props. */
export function writeFixedPoint(fixed: FixedNetwork, metadata: Readonly<Record<string, string>>): OnnxModel {
  return new FixedWriter(fixed).write(metadata);
}

/** Real value of one unit of each readout, in order. */
export function readoutUnits(fixed: FixedNetwork): number[] {
  return [...fixed.source.readouts.values()].sort((a, b) => a - b).map((index) => fixed.units[index]![0]!);
}

class FixedWriter extends GraphWriter {
  /** Tensor that carries each layer's plane. */
  private readonly planes: string[] = [];

  constructor(private readonly fixed: FixedNetwork) {
    super(fixed.source.network);
  }

  write(metadata: Readonly<Record<string, string>>): OnnxModel {
    for (const [index, layer] of this.fixed.layers.entries()) this.planes.push(this.layer(layer, index));
    for (const [node, layer] of this.fixed.source.readouts) this.values.set(node, this.planes[layer]!);
    for (const node of this.network.nodes) if (node.tail) this.values.set(node.id, this.node(node));
    return this.finish(metadata);
  }

  private layer(layer: Layer, index: number): string {
    switch (layer.kind) {
      case 'input': {
        const grid = this.inputGrid(layer.grid!);
        const sum = this.emit('Mul', [grid, this.scalar('input/steps', this.fixed.levels)], 'input/sum');
        return this.shaped(sum, layer.shape);
      }
      case 'neuron':
        return this.neuron(layer);
      case 'linear':
        return this.linear(layer, index);
      case 'maxpool':
        return this.maxPool(this.planes[layer.source]!, layer.window, tensorOf(layer));
      case 'relay':
        return this.relay(layer);
    }
  }

  private neuron(layer: NeuronLayer): string {
    const { name, shape, levels } = layer;
    let z = this.sum(layer, name);
    if (layer.offset.some((offset) => offset !== 0)) {
      z = this.emit('Add', [z, this.perChannel(`${name}/start`, layer.offset, shape)], `${name}/shifted`);
    }
    z = this.emit('Div', [z, this.perChannel(`${name}/threshold`, layer.stepIn, shape)], `${name}/div`);
    z = this.emit('Floor', [z], `${name}/floor`);
    const zero = this.scalar(`${name}/zero`, 0);
    return this.emit('Clip', [z, zero, this.scalar(`${name}/levels`, levels)], tensorOf(layer));
  }

  private linear(layer: LinearLayer, index: number): string {
    const sum = this.sum(layer, layer.name);
    if (!layer.readout) return sum;
    // The readout leaves the integers: one unit for all its elements.
    const unit = this.fixed.units[index]![0]!;
    return this.emit('Mul', [sum, this.scalar(`${layer.name}/unit`, unit)], tensorOf(layer));
  }

  /** Σ terms + Q·bias. A bias per channel goes into the first convolution. */
  private sum(layer: NeuronLayer | LinearLayer, name: string): string {
    const { shape } = layer;
    const bias = layer.bias.map((b) => b * this.fixed.levels);
    let open = bias.some((b) => b !== 0);
    const parts = layer.terms.map((term, t) => {
      const label = layer.terms.length > 1 ? `${name}/${t}` : name;
      const takesBias = open && term.op === 'conv' && bias.length === shape.c;
      if (takesBias) open = false;
      return this.term(term, label, shape, takesBias ? bias : undefined);
    });
    let sum = parts[0] ?? this.fail(`${name} reads nothing`);
    parts.slice(1).forEach((part, i) => {
      sum = this.emit('Add', [sum, part], `${name}/sum${i}`);
    });
    if (open) {
      sum = this.emit('Add', [sum, this.shift(`${name}/bias`, bias, shape)], `${name}/biased`);
    }
    return sum;
  }

  private term(term: LinearTerm, name: string, shape: Shape, bias: Float64Array | undefined): string {
    const source = this.planes[term.source]!;
    const inShape = this.fixed.layers[term.source]!.shape;
    if (term.op === 'conv') {
      const weight = this.tensor(
        `${name}/weight`,
        [shape.c, inShape.c / term.groups, ...term.window.kernel],
        term.weight,
      );
      const inputs = [source, weight, ...(bias ? [this.tensor(`${name}/bias`, [shape.c], bias)] : [])];
      return this.emit('Conv', inputs, `${name}/conv`, { ...windowOf(term.window), group: term.groups });
    }
    if (term.op === 'scale') {
      if (term.factor.every((f) => f === 1)) return source;
      return this.emit('Mul', [source, this.perChannel(`${name}/factor`, term.factor, shape)], `${name}/scaled`);
    }
    return this.windowSum(source, term.window, term.factor, shape, name);
  }

  private relay(layer: RelayLayer): string {
    const shapes = layer.sources.map((source) => this.fixed.layers[source]!.shape);
    const sources = layer.sources.map((source) => this.planes[source]!);
    return this.route(layer.name, tensorOf(layer), sources, shapes, layer.shape, layer.index);
  }
}
