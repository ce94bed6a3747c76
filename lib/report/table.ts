/** Columns of text and how figures are written in them. */
import Table from 'cli-table3';

export type Row = (string | number)[];

/** Borderless columns, two spaces apart; `right` names those that are aligned right. Without `head` only the rows. */
export function table(head: string[] | null, rows: Row[], right: number[] = []): string {
  const columns = head?.length ?? rows[0]?.length ?? 0;
  const made = new Table({
    ...(head ? { head } : {}),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      right: '',
      'right-mid': '',
      mid: '',
      'mid-mid': '',
      middle: '  ',
    },
    colAligns: Array.from({ length: columns }, (_, i) => (right.includes(i) ? 'right' : 'left')),
  });
  made.push(...rows);
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** "31.20 – 40.00 %". */
export const percentRange = ([from, to]: readonly [number, number]): string =>
  `${(100 * from).toFixed(2)} – ${(100 * to).toFixed(2)} %`;

/** Percentage points, with their sign. */
export const points = (difference: number): string => {
  const text = (100 * difference).toFixed(2);
  return Number(text) === 0 ? '0.00' : difference > 0 ? `+${text}` : text;
};

/** A whole number with its thousands apart. */
export const count = (n: number): string => Math.round(n).toLocaleString('en-US');

/** Bytes in millions, "12.3 MB". */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB`;

/** "1 image", "2 images". */
export const plural = (n: number, what: string): string => `${count(n)} ${what}${n === 1 ? '' : 's'}`;

/** Three digits, in the unit that needs no exponent. */
export function joules(value: number): string {
  const [factor, unit] = value < 1e-6 ? [1e9, 'nJ'] : value < 1e-3 ? [1e6, 'µJ'] : value < 1 ? [1e3, 'mJ'] : [1, 'J'];
  return `${Number((value * factor).toPrecision(3))} ${unit}`;
}
