/** Simulation: wake-sleep conversion on the native engine. */
export { NeuronPopulation, type PopulationOptions } from './neurons';
export type { NeuronModel, Schedule, ScheduleOptions } from './schedule';
export {
  type Divergence,
  type SimulateOptions,
  type SimulationResult,
  SpikingNetwork,
  type Step,
} from './spiking-network';
export { Synapses, type SynapsesOptions, type SynapseTime } from './synapses';
