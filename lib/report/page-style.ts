/** Looks of the page: its colours are variables, which light and dark set, and which the plots are drawn with. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b1f24; --muted: #5a6472; --line: #d9dee5;
  --snn: #1f66d1; --quantized: #b45309; --ann: #15803d; --negative: #c0266b; --asleep: #64748b; --bad: #b42318; --good: #15803d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1216; --card: #181c22; --text: #e6e9ee; --muted: #9aa5b4; --line: #303742;
    --snn: #6ea8ff; --quantized: #f5a524; --ann: #4ade80; --negative: #f472b6; --asleep: #94a3b8; --bad: #ff8a80; --good: #4ade80;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 8px; }
p { margin: 6px 0; overflow-wrap: anywhere; }
.lead, .note, figcaption { color: var(--muted); }
.note, figcaption { font-size: 0.875rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; margin-top: 16px; align-items: start; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; min-width: 0; }
section.wide { grid-column: 1 / -1; }
figure { margin: 0; }
figure svg { width: 100%; max-width: 560px; height: auto; color: var(--text); --plot-background: var(--card); overflow: visible; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 0.875rem; margin: 0 0 6px; padding: 0; list-style: none; }
.legend svg { width: 22px; height: 12px; vertical-align: -1px; margin-right: 6px; }
.scroll { overflow-x: auto; margin-top: 8px; }
table { border-collapse: collapse; font-size: 0.875rem; width: 100%; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { min-width: 6.5em; overflow-wrap: anywhere; }
td.number { min-width: 0; overflow-wrap: normal; }
th { color: var(--muted); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number, td small { white-space: nowrap; }
table.facts td:first-child { color: var(--muted); }
table.facts td.number { white-space: normal; }
small { color: var(--muted); }
code { font-size: 0.8125rem; overflow-wrap: anywhere; }
details { margin-top: 8px; }
summary { cursor: pointer; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
@media (max-width: 480px) {
  main { padding: 16px 10px 32px; }
  section { padding: 12px; }
  th, td { padding-right: 8px; }
  td small { white-space: normal; }
}
`;
