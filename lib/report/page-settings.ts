/** Section of the page about what was evaluated, how, and where. */
import type { AnyEvaluation } from '../evaluate';
import { type Html, html, htmlTable } from './html';

export function settingSections(result: AnyEvaluation): Html[] {
  const { version, model, ann, data, mode, schedule, scaling, machine, notes } = result;
  const rows: [string, string | Html][] = [
    ['model', html`${model.file}, ${model.format}, ${model.levels} levels<br><code>sha256 ${model.hash}</code>`],
    ...(ann ? [['fp32 ANN', html`${ann.file}<br><code>sha256 ${ann.hash}</code>`] as [string, Html]] : []),
    ['data', data],
    ['mode', mode],
    ['schedule', settings(scheduleOf(schedule))],
    ['input scaling', settings(scaling)],
    [
      'machine',
      `${machine.cpu}, ${machine.threads} threads, ${model.isa}, ${machine.platform}, Node.js ${machine.node}`,
    ],
    ['casc-snn', version],
  ];
  return [
    html`<section id="settings" class="wide"><h2>Settings and machine</h2>${htmlTable(null, rows)}${notes.map(
      (note) => html`<p class="note">Note: ${note}</p>`,
    )}</section>`,
  ];
}

/** In the words of the command line. */
function scheduleOf(schedule: AnyEvaluation['schedule']): object {
  const { neuron, gamma, negative, upper, shift, wake, margin, sleep, cap, stagger } = schedule;
  return {
    neuron,
    gamma,
    'negative spikes': negative ? 'yes' : 'no',
    'upper bound': upper ? 'on' : 'off',
    shift: shift ?? "the net's",
    wake,
    margin,
    sleep: sleep < 0 ? `auto (at most ${cap})` : sleep,
    stagger,
  };
}

/** "neuron cif, gamma 1"; what is not plain is JSON. */
function settings(values: object): Html {
  const plain = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return html`${Object.entries(values).map(([name, value], i) => `${i === 0 ? '' : ', '}${name} ${plain(value)}`)}`;
}
