/** The one-page summary of the day: what happened, what was settled, what was proven, where it lies. */

/** One statement that was checked by reading the outputs again. */
export interface Check {
  readonly zh: string;
  readonly en: string;
  readonly ok: boolean;
  /** The figures on both sides. */
  readonly detail: string;
}

export interface DaySummary {
  readonly businessDate: string;
  readonly steps: readonly { readonly zh: string; readonly en: string; readonly outcome: string }[];
  readonly merchants: readonly {
    readonly nameZh: string;
    readonly nameEn: string;
    readonly sales: number;
    readonly gross: string;
    readonly discount: string;
    readonly net: string;
  }[];
  readonly differences: readonly { readonly zh: string; readonly en: string }[];
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly slips: readonly { readonly path: string; readonly title: string }[];
  readonly checks: readonly Check[];
}

const html = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

const rows = (cells: readonly (readonly string[])[]) =>
  cells.map((row) => `<tr>${row.map((cell) => `<td>${html(cell)}</td>`).join('')}</tr>`).join('\n');

const head = (titles: readonly string[]) => `<tr>${titles.map((t) => `<th>${html(t)}</th>`).join('')}</tr>`;

/** The summary as one HTML page without scripts or outside references; slips are linked as pictures. */
export function summaryPage(day: DaySummary): string {
  const proven = day.checks.every((check) => check.ok);
  return `<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>尊卡 Zunka ${day.businessDate}</title>
<style>
  body { font: 15px/1.5 "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: #1d2430; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
  h1 { margin-bottom: 0; } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; border-bottom: 2px solid #b08d3c; }
  table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #e3e6ea; vertical-align: top; }
  .money td:nth-child(n+2), .money th:nth-child(n+2) { text-align: right; font-variant-numeric: tabular-nums; }
  code { font-size: .8rem; word-break: break-all; color: #56606e; }
  .verdict { padding: .6rem 1rem; border-radius: 6px; color: #fff; background: ${proven ? '#1f7a4d' : '#b3261e'}; }
  .slips { display: flex; flex-wrap: wrap; gap: 1rem; } .slips figure { margin: 0; width: 236px; } .slips img { width: 100%; border: 1px solid #e3e6ea; } figcaption { font-size: .8rem; color: #56606e; }
  .no { color: #b3261e; font-weight: bold; }
</style>
<h1>尊卡的一天 · A day of Zunka</h1>
<p>营业日 Business date ${day.businessDate}</p>
<p class="verdict">${proven ? '已证明：账实相符，分文不差 · Proven: everything agrees to the fen' : '未能证明，见下表 · NOT proven, see below'}</p>
<h2>证明 What was proven</h2>
<table>${head(['', '结论', 'Statement', '数字 Figures'])}
${day.checks.map((c) => `<tr><td class="${c.ok ? '' : 'no'}">${c.ok ? '✓' : '✗'}</td><td>${html(c.zh)}</td><td>${html(c.en)}</td><td>${html(c.detail)}</td></tr>`).join('\n')}
</table>
<h2>商户清算 Merchants settled</h2>
<table class="money">${head(['商户 Merchant', '笔数 Items', '消费 Gross', '优惠 Discount', '应付 Net payable'])}
${rows(day.merchants.map((m) => [`${m.nameZh} ${m.nameEn}`, String(m.sales), m.gross, m.discount, m.net]))}
</table>
<h2>差错 Differences, named</h2>
<table>${rows(day.differences.map((d) => [d.zh, d.en]))}</table>
<h2>经过 What happened</h2>
<table>${head(['步骤', 'Step', '结果 Outcome'])}
${rows(day.steps.map((s) => [s.zh, s.en, s.outcome]))}
</table>
<h2>文件 Files</h2>
<table>${day.files.map((f) => `<tr><td><a href="${html(f.path)}">${html(f.path)}</a></td><td><code>${f.sha256}</code></td></tr>`).join('\n')}</table>
<h2>签购单 Slips</h2>
<div class="slips">${day.slips.map((s) => `<figure><img src="${html(s.path)}" alt="${html(s.title)}"><figcaption>${html(s.title)}</figcaption></figure>`).join('\n')}</div>
</html>
`;
}
