/** The page of `casc evaluate --report`. */
import type { AnyEvaluation } from '../evaluate';
import { Html, html } from './html';
import { accuracySections } from './page-accuracy';
import { answerSections } from './page-answers';
import { costSections } from './page-costs';
import { foundSections, precisionSections } from './page-detection';
import { settingSections } from './page-settings';
import { STYLE } from './page-style';
import { plots } from './plots';
import { count, plural } from './table';

/**
 * One HTML page of an evaluation, complete in itself: no script, nothing loaded from elsewhere, light or dark as the reader's system
 * has it. Accuracy at every step beside the ANNs', steps to rest, firing rates, energy, spikes of some neurons, confusion, images that were answered
 * differently or skipped, certificate, settings and machine. Of a detector average precision in place of accuracy, confusion and
 * answers. In mode 'rest', which has no steps, without what only a simulation has.
 *
 * @example
 * await writeWhole('report.html', await reportPage(await evaluate(snn, dataset, { ann: 'fp32.onnx' })));
 */
export async function reportPage(evaluation: AnyEvaluation): Promise<string> {
  const draw = await plots();
  const { model } = evaluation;
  const detector = evaluation.task === 'detection';
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${model.file}: evaluation</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
${header(evaluation)}
<div class="cards">
${detector ? precisionSections(evaluation, draw) : accuracySections(evaluation, draw)}
${evaluation.mode === 'full' ? costSections(evaluation, draw) : null}
${detector ? foundSections(evaluation) : answerSections(evaluation, draw)}
${settingSections(evaluation)}
</div>
</main>
</body>
</html>
`.text;
}

function header({ model, data, images, selected, skipped, shard, quantized, mode }: AnyEvaluation): Html {
  const left = selected - images - skipped.length;
  const which = images < selected ? `${count(images)} of ${plural(selected, 'image')}` : plural(images, 'image');
  return html`<header>
<h1>${model.file}</h1>
<p class="lead">Spiking net at ${plural(quantized.levels, 'level')}, ${model.format}, on ${which} of ${data}${
    shard ? `, shard ${shard.index} of ${shard.of}` : ''
  }</p>
${mode === 'rest' ? html`<p class="lead">Mode rest: computed without the transient, as the quantised ANN; no steps, no spikes.</p>` : null}
${left > 0 ? html`<p class="bad">Not complete: ${plural(left, 'image')} still to be evaluated.</p>` : null}
${skipped.length > 0 ? html`<p class="bad">${plural(skipped.length, 'image')} could not be read and ${skipped.length === 1 ? 'is' : 'are'} in no figure.</p>` : null}
</header>`;
}
