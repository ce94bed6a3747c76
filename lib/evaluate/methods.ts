/** The methods that are compared, and the figures of each. */
import type { ScheduleOptions, SimulationResult, SpikingNetwork } from '../simulate';
import { Counter } from './accuracy';
import { ENERGY } from './energy';
import type { Accuracy, TransientFigures } from './evaluation';
import { imageRun } from './image-run';
import { neuronLayers } from './neuron-layers';
import { firstClasses } from './ranking';
import { rowOf } from './runner';
import { TransientCollector } from './transient-figures';

/** if: starts at 0; qcfs: the same neuron, starts at half the threshold; cif-sleep: the only one that sleeps, until rest. */
export type ComparedMethod = 'if' | 'qcfs' | 'signed' | 'burst' | 'cif' | 'cif-sleep';

/** Where no shift is given, membranes start as the net was quantised. */
export const METHODS: Readonly<Record<ComparedMethod, ScheduleOptions>> = {
  if: { neuron: 'if', shift: 0, sleep: 0 },
  qcfs: { neuron: 'if', shift: 0.5, sleep: 0 },
  signed: { neuron: 'signed', sleep: 0 },
  burst: { neuron: 'burst', sleep: 0 },
  cif: { neuron: 'cif', sleep: 0 },
  'cif-sleep': { neuron: 'cif', sleep: 'auto' },
};

export const NAMES = Object.keys(METHODS) as ComparedMethod[];

/** One method at one number of levels. Spikes, operations and energy are per image. */
export interface MethodFigures extends Accuracy {
  /** Share of the images whose first class is the quantised ANN's. */
  agreement: number;
  /** Images that equal the quantised ANN; `exact`: all of them. */
  equal: number;
  exact: boolean;
  /** What was compared for that: every neuron's spike count and the readout (of cif-sleep), or the outputs bit by bit. */
  comparedAt: 'neurons' | 'outputs';
  steps: TransientFigures['steps'];
  spikes: { positive: number; negative: number };
  operations: TransientFigures['operations'];
  energy: { snn: number; ann: number };
}

export class MethodCollector {
  private readonly accuracy = new Counter();
  private readonly transient: TransientCollector;
  private images = 0;
  private alike = 0;
  private equal = 0;

  constructor(
    readonly name: ComparedMethod,
    snn: SpikingNetwork,
    levels: number,
  ) {
    const { total, input } = snn.denseMacs;
    this.transient = new TransientCollector({
      layers: neuronLayers(snn),
      macs: { total, firstLayer: input },
      wake: levels,
    });
  }

  /** oracle: outputs of the quantised ANN; at: position of the first image. */
  add(run: SimulationResult, oracle: readonly Float32Array[], labels: Int32Array, at: number): void {
    const count = labels.length;
    labels.forEach((label, i) => {
      const [ours, theirs] = [rowOf(run.outputs, i, count)[0]!, rowOf(oracle, i, count)[0]!];
      const [first, wanted] = [firstClasses(ours, 5), firstClasses(theirs, 1)];
      this.accuracy.add(first, label);
      if (first[0] === wanted[0] && first[0] !== -1) this.alike++;
      const own = run.certificate?.byImage[i];
      if (own ? own.mismatches === 0 : ours.every((value, k) => value === theirs[k])) this.equal++;
      this.transient.add(at + i, imageRun(run, i));
    });
    this.images += count;
  }

  /** Of at least one image. */
  figures(): MethodFigures {
    const { images, equal } = this;
    const { steps, spikes, operations, energy } = this.transient.figures(ENERGY);
    return {
      ...this.accuracy.accuracy(),
      agreement: this.alike / images,
      equal,
      exact: equal === images,
      comparedAt: this.name === 'cif-sleep' ? 'neurons' : 'outputs',
      steps,
      spikes: { positive: spikes.positive / images, negative: spikes.negative / images },
      operations,
      energy: { snn: energy.snn, ann: energy.ann },
    };
  }
}
