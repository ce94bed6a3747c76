/** Sections of the page about single answers: confusion, images that were answered differently, images that were skipped. */
import type { Evaluation, EvaluationFrame, RestEvaluation } from '../evaluate';
import { type Html, html, htmlTable } from './html';
import type { Plots } from './plots';
import { count, plural } from './table';

/** Classes that a heat map shows. */
const MOST_CLASSES = 20;
/** Confusions that are listed where it cannot. */
const MOST_CONFUSIONS = 30;
/** Images in a list. */
const MOST_IMAGES = 500;

export function answerSections(result: Evaluation | RestEvaluation, draw: Plots): Html[] {
  return [
    confusionSection(result, draw),
    // With one net there is nothing to compare.
    ...(result.mode === 'full' || result.ann ? [disagreeingSection(result)] : []),
    ...(result.skipped.length > 0 ? [skippedSection(result)] : []),
  ];
}

function confusionSection({ confusion, classNames }: Evaluation | RestEvaluation, draw: Plots): Html {
  const classes = confusion.reduce(
    (most, { label, answer }) => Math.max(most, label + 1, answer + 1),
    classNames?.length ?? 0,
  );
  const nameOf = (index: number) => classNames?.[index] ?? String(index);
  // An answer of NaN is no class: it is in the list.
  const undefinedAnswers = confusion.some(({ answer }) => answer < 0);
  if (classes <= MOST_CLASSES && !undefinedAnswers) {
    const names = Array.from({ length: classes }, (_, i) => nameOf(i));
    return html`<section id="confusion"><h2>Confusion</h2><figure>${draw.confusion(confusion, names)}
<figcaption>Rows: label; columns: the SNN's answer; numbers: images. The shade is the share of the label's images.</figcaption></figure></section>`;
  }
  const wrong = confusion.filter(({ label, answer }) => label !== answer).sort((a, b) => b.images - a.images);
  if (wrong.length === 0)
    return html`<section id="confusion"><h2>Confusion</h2><p>No class was taken for another.</p></section>`;
  const shown = wrong.slice(0, MOST_CONFUSIONS);
  const rows = shown.map(({ label, answer, images }) => [
    nameOf(label),
    answer < 0 ? 'NaN' : nameOf(answer),
    count(images),
  ]);
  return html`<section id="confusion"><h2>Most frequent confusions</h2>${htmlTable(['label', 'SNN', 'images'], rows, [2])}
<p class="note">${count(shown.length)} of ${plural(wrong.length, 'pair')} of classes that the SNN confused.</p></section>`;
}

function disagreeingSection({ disagreeing, classNames, ann, mode }: Evaluation | RestEvaluation): Html {
  const nameOf = (index: number) => (index < 0 ? 'NaN' : (classNames?.[index] ?? String(index)));
  const nets = mode === 'rest' ? ['SNN'] : ['quantised ANN', 'SNN'];
  if (disagreeing.length === 0) {
    return html`<section id="disagreeing"><h2>Images answered differently</h2><p>All nets gave the same first class to every image.</p></section>`;
  }
  const rows = disagreeing
    .slice(0, MOST_IMAGES)
    .map((image) => [
      image.id,
      nameOf(image.label),
      ...(ann ? [image.ann === undefined ? '' : nameOf(image.ann)] : []),
      ...(mode === 'rest' ? [] : [nameOf(image.quantized)]),
      nameOf(image.snn),
    ]);
  return html`<section id="disagreeing"><h2>Images answered differently</h2>
<p>${plural(disagreeing.length, 'image')} on which two of the nets differ.</p>
<details><summary>The list</summary>${htmlTable(['image', 'label', ...(ann ? ['fp32 ANN'] : []), ...nets], rows)}${cut(disagreeing.length)}</details></section>`;
}

export function skippedSection({ skipped }: Pick<EvaluationFrame, 'skipped'>): Html {
  const rows = skipped
    .slice(0, MOST_IMAGES)
    .map(({ id, code, message }) => [id, html`${message}<br><small>${code}</small>`]);
  return html`<section id="skipped" class="wide"><h2>Skipped images</h2>
<p class="bad">${plural(skipped.length, 'image')} could not be read.</p>${htmlTable(['image', 'why'], rows)}${cut(skipped.length)}</section>`;
}

const cut = (all: number): Html | null =>
  all > MOST_IMAGES ? html`<p class="note">${count(MOST_IMAGES)} of ${count(all)}; --json has all.</p>` : null;
