/**
 * A quantised network as an ordinary float32 ONNX file, node by node: for nets whose weights a method has changed, since
 * BatchNormalization and its like are folded by then and the original initializers fit no more. Activations are Div, Mul,
 * Add, Floor, Clip, Div, Mul.
 */
import type { AvgPoolNode, ConvNode, Network, NetworkNode, QuantNode } from '../graph/network';
import type { OnnxModel } from '../onnx';
import { GraphWriter, tensorOf, windowOf } from './graph-writer';

/** The model; `metadata` become its metadata_props. Every activation before the tail must be quantised. */
export function writeNetwork(network: Network, metadata: Readonly<Record<string, string>>): OnnxModel {
  return new NetworkWriter(network).write(metadata);
}

class NetworkWriter extends GraphWriter {
  write(metadata: Readonly<Record<string, string>>): OnnxModel {
    for (const node of this.network.nodes) this.values.set(node.id, this.node(node));
    return this.finish(metadata);
  }

  protected override node(node: NetworkNode): string {
    const input = this.values.get(node.inputs[0]!)!;
    switch (node.op) {
      case 'input': {
        const { grid, shape } = node;
        if (!grid) return this.shaped(this.network.inputName, shape);
        const x = this.emit('Mul', [this.inputGrid(grid), this.scalar('input/step', grid.step)], 'input/rounded');
        return this.shaped(x, shape);
      }
      case 'conv':
        return this.conv(node, input);
      case 'avgpool':
        return this.averagePool(node, input);
      case 'maxpool':
        return this.maxPool(input, node.window, tensorOf(node));
      case 'quant':
        return this.activation(node, input);
      default:
        return super.node(node);
    }
  }

  private conv(node: ConvNode, input: string): string {
    const { name, shape, window, groups, weight, bias } = node;
    const perGroup = this.network.nodes[node.inputs[0]!]!.shape.c / groups;
    const inputs = [input, this.tensor(`${name}/weight`, [shape.c, perGroup, ...window.kernel], weight)];
    const varies = bias !== null && bias.length !== shape.c;
    if (bias && !varies) inputs.push(this.tensor(`${name}/bias`, [shape.c], bias));
    const output = varies ? `${name}/conv` : tensorOf(node);
    const sum = this.emit('Conv', inputs, output, { ...windowOf(window), group: groups });
    return varies ? this.emit('Add', [sum, this.shift(`${name}/bias`, bias, shape)], tensorOf(node)) : sum;
  }

  private averagePool(node: AvgPoolNode, input: string): string {
    const { name, window, factor, shape } = node;
    const [kh, kw] = window.kernel;
    const { dilations, pads, ...rest } = windowOf(window);
    const whole = factor.every((f) => f === Math.fround(1 / (kh * kw)));
    if (!whole || window.dilations.some((d) => d !== 1)) {
      return this.windowSum(input, window, factor, shape, name, tensorOf(node));
    }
    return this.emit('AveragePool', [input], tensorOf(node), { ...rest, pads: pads!, count_include_pad: 1 });
  }

  private activation(node: QuantNode, input: string): string {
    const { name, levels, stepIn, stepOut, offset, shape } = node;
    const constant = (label: string, values: Float64Array) =>
      values.length === 1
        ? this.scalar(`${name}/${label}`, values[0]!)
        : this.perChannel(`${name}/${label}`, values, shape);
    const clip = constant(
      'clip',
      stepIn.map((step) => step * levels),
    );
    const same = stepOut.every((step, c) => step === stepIn[c]);
    const top = same
      ? clip
      : constant(
          'top',
          stepOut.map((step) => step * levels),
        );
    const q = this.scalar(`${name}/levels`, levels);
    const shift = constant(
      'shift',
      offset.map((value, c) => value / (stepIn[c] ?? stepIn[0]!)),
    );
    const zero = this.scalar(`${name}/zero`, 0);
    let x = this.emit('Div', [input, clip], `${name}/0`);
    x = this.emit('Mul', [x, q], `${name}/1`);
    x = this.emit('Add', [x, shift], `${name}/2`);
    x = this.emit('Floor', [x], `${name}/3`);
    x = this.emit('Clip', [x, zero, q], `${name}/4`);
    x = this.emit('Div', [x, q], `${name}/5`);
    return this.emit('Mul', [x, top], tensorOf(node));
  }
}
