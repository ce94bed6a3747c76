/** Simulation: wake-sleep conversion on the native engine. */
export { NeuronPopulation, type PopulationOptions } from './neurons';
export type { LayerRaster, RasterOptions, RasterSpike } from './raster';
export type { RestOptions, RestResult } from './rest';
export type { NeuronModel, Schedule, ScheduleOptions } from './schedule';
export type {
  Certificate,
  Divergence,
  ImageCertificate,
  LayerProfile,
  MemoryBound,
  Profile,
  SimulateOptions,
  SimulationResult,
  Step,
} from './simulation';
export { SpikingNetwork } from './spiking-network';
export { Synapses, type SynapsesOptions, type SynapseTime } from './synapses';
