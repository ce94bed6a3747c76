/** The header of an evaluation that begins. */
import { cpus } from 'node:os';
import type { Dataset } from '../datasets';
import { version } from '../info';
import { addon } from '../native';
import type { Schedule, SpikingNetwork } from '../simulate';
import type { EvaluateOptions, RestEvaluateOptions } from './evaluation';
import { imagesToCertify } from './full';
import { JOURNAL_FORMAT, type JournalHeader } from './header';
import { neuronLayers } from './neuron-layers';
import { evaluationNotes } from './notes';

/** Without the task and the fp32 net. */
export async function headerOf(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: EvaluateOptions | RestEvaluateOptions,
  schedule: Schedule,
): Promise<Omit<JournalHeader, 'task' | 'ann'>> {
  const { network, format, levels, plan, metadata } = snn.converted;
  const categories = dataset.detection?.categories.map((category) => category.name);
  const classNames = categories ?? dataset.classNames ?? metadata.classes;
  const { consistent: _, lossFree: __, notes: ___, ...own } = schedule;
  const rest = options.mode === 'rest';
  const certify = rest ? undefined : (options as EvaluateOptions).certify;
  const [input] = plan.layers.filter((layer) => layer.kind === 'input');
  return {
    journal: 'casc-snn evaluation',
    format: JOURNAL_FORMAT,
    version: version(),
    mode: rest ? 'rest' : 'full',
    model: { file: network.file, hash: network.hash, format, levels, isa: snn.isa },
    data: {
      name: dataset.name,
      hash: await dataset.identity(),
      images: dataset.size,
      classNames: classNames ? [...classNames] : null,
    },
    settings: {
      scaling: { ...dataset.scaling },
      grid: input?.grid ?? null,
      schedule: own,
      certify: rest ? 0 : imagesToCertify(certify, schedule),
      certifyAsked: certify !== undefined,
      verify: (rest && (options as RestEvaluateOptions).verify) || null,
    },
    layers: neuronLayers(snn),
    macs: { total: snn.denseMacs.total, firstLayer: snn.denseMacs.input },
    shard: options.shard ?? null,
    machine: {
      platform: `${process.platform}-${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? '',
      threads: options.threads ?? addon().info().threads,
      node: process.version,
    },
    notes: [...evaluationNotes(snn), ...schedule.notes, ...dataset.notes],
  };
}
