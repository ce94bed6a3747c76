/** HTML whose values are escaped, unless they are HTML themselves. */

/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = Html | string | number | null | undefined | readonly Value[];

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A template whose values are escaped; those of a list are put one after the other, and null and undefined are nothing. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? '' : textOf(values[i - 1])) + text).join(''));
}

function textOf(value: Value): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'string' || typeof value === 'number')
    return String(value).replace(/[&<>"']/g, (c) => ENTITIES[c]!);
  return value.map(textOf).join('');
}

/** Columns; without `head`, names and their values. `right` names those of numbers. Wider than the page, it scrolls by itself. */
export function htmlTable(
  head: readonly string[] | null,
  rows: readonly Value[][],
  right: readonly number[] = [],
): Html {
  const side = (i: number) => (right.includes(i) ? html` class="number"` : null);
  const cells = (row: readonly Value[]) => row.map((cell, i) => html`<td${side(i)}>${cell}</td>`);
  return html`<div class="scroll"><table${head ? null : html` class="facts"`}>${
    head ? html`<thead><tr>${head.map((cell, i) => html`<th${side(i)}>${cell}</th>`)}</tr></thead>` : null
  }<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody></table></div>`;
}
