/** The analogue tail: what stands after the last neuron (Softmax, Sigmoid, …), computed on the readout by the dense float pass. */
import type { ConvertedNetwork } from '../convert';
import type { NetworkNode } from '../graph/network';
import { numel } from '../graph/network';
import { addon, type NativeAbortFlag, type NativeDensePlan } from '../native';

export class Tail {
  private readonly plan: NativeDensePlan;
  /** Elements of each readout, in the order of the engine's readout. */
  private readonly sizes: number[];
  readonly outputSizes: number[];

  constructor(converted: ConvertedNetwork) {
    const { network, layered } = converted;
    const byLayer = [...layered.readouts].sort((a, b) => a[1] - b[1]);
    const ids = new Map<number, number>();
    const nodes: NetworkNode[] = [];
    for (const [id] of byLayer) {
      const node = network.nodes[id]!;
      ids.set(id, nodes.length);
      nodes.push({ ...node, op: 'input', inputs: [], grid: null, id: nodes.length } as NetworkNode);
    }
    for (const node of network.nodes) {
      if (!node.tail) continue;
      ids.set(node.id, nodes.length);
      nodes.push({ ...node, id: nodes.length, inputs: node.inputs.map((input) => ids.get(input)!) } as NetworkNode);
    }
    this.sizes = byLayer.map(([id]) => numel(network.nodes[id]!.shape));
    this.outputSizes = network.outputs.map((output) => numel(network.nodes[output.node]!.shape));
    const outputs = network.outputs.map((output) => ids.get(output.node)!);
    this.plan = new (addon().DensePlan)({ nodes, outputs });
  }

  /**
   * readout: [rows × all readouts], real values (already divided by the awake steps).
   * Returns one array per output of the net, [rows × numel].
   */
  async run(readout: Float32Array, rows: number, threads: number, abort?: NativeAbortFlag): Promise<Float32Array[]> {
    const width = this.sizes.reduce((sum, size) => sum + size, 0);
    let start = 0;
    const inputs = this.sizes.map((size) => {
      if (size === width) return readout;
      const part = new Float32Array(rows * size);
      for (let row = 0; row < rows; row++) {
        part.set(readout.subarray(row * width + start, row * width + start + size), row * size);
      }
      start += size;
      return part;
    });
    return (await this.plan.run(inputs, rows, { threads, abort })).outputs;
  }

  dispose(): void {
    this.plan.dispose();
  }
}
