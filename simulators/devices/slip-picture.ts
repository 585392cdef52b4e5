/**
 * A slip as a picture (SVG): 58 mm thermal paper, each character set by its column, so that Chinese and
 * figures stand right in any viewer and with any font.
 */
import type { Row } from './paper.ts';
import { COLUMNS } from './paper.ts';

/** Dots of a 203 dpi head: 384 printable, 464 of paper. */
const COLUMN_DOTS = 12;
const PRINT_DOTS = COLUMNS * COLUMN_DOTS;
const EDGE_DOTS = 40;
const PAPER_DOTS = PRINT_DOTS + 2 * EDGE_DOTS;
const GLYPH_DOTS = 24;
const GAP_DOTS = 8;
/** Paper before the first and behind the last line, and the space around it for the shadow. */
const HEAD_DOTS = 36;
const MARGIN_DOTS = 24;
const TOOTH_DOTS = 8;

const CHINESE = "'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif";
const LATIN = "'DejaVu Sans Mono','Noto Sans Mono','Menlo','Consolas',monospace";

/** @param complete false draws the lower edge as torn off by hand, true as cut at the tear bar */
export function slipPicture(rows: readonly Row[], complete: boolean): string {
  const heights = rows.map((row) => row.look.high * GLYPH_DOTS + GAP_DOTS);
  const height = 2 * HEAD_DOTS + heights.reduce((sum, one) => sum + one, 0);
  const texts: string[] = [];
  const stripes: string[] = [];
  let top = HEAD_DOTS;
  for (const [at, row] of rows.entries()) {
    const rowHeight = heights[at] ?? 0;
    texts.push(rowPicture(row, top));
    if (row.nearEnd) stripes.push(stripe(top, rowHeight));
    top += rowHeight;
  }
  const width = PAPER_DOTS + 2 * MARGIN_DOTS;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + 2 * MARGIN_DOTS}" width="${width}" height="${height + 2 * MARGIN_DOTS}">`,
    '<defs><linearGradient id="paper" x1="0" x2="1" y1="0" y2="0"><stop offset="0" stop-color="#f1efe9"/><stop offset=".08" stop-color="#fdfcf9"/><stop offset=".9" stop-color="#fdfcf9"/><stop offset="1" stop-color="#efece5"/></linearGradient>',
    '<filter id="shadow" x="-10%" y="-5%" width="120%" height="110%"><feDropShadow dx="0" dy="3" stdDeviation="5" flood-color="#3a3428" flood-opacity=".28"/></filter></defs>',
    `<g transform="translate(${MARGIN_DOTS} ${MARGIN_DOTS})">`,
    `<path d="${outline(height, complete)}" fill="url(#paper)" filter="url(#shadow)"/>`,
    ...stripes,
    `<g fill="#2b2a2e" text-anchor="middle" xml:space="preserve">`,
    ...texts.filter((text) => text !== ''),
    '</g></g></svg>',
    '',
  ].join('\n');
}

/** One element for the Chinese characters of a row and one for the others, each with its list of places. */
function rowPicture(row: Row, top: number): string {
  const { wide, high, bold } = row.look;
  const visible = row.glyphs.filter(({ text }) => text !== ' ');
  const base = top + high * (GLYPH_DOTS - 4);
  const picture = (isChinese: boolean) => {
    const glyphs = visible.filter(({ columns }) => (columns === 2 * wide) === isChinese);
    if (glyphs.length === 0) return '';
    // Set at normal width and stretched: a glyph of double width and height is then exactly twice the size.
    const places = glyphs.map(
      ({ column, columns }) => (EDGE_DOTS + (column + columns / 2) * COLUMN_DOTS) / wide,
    );
    const stretch = wide === 1 && high === 1 ? '' : ` transform="scale(${wide} ${high})"`;
    const look = `font-family="${isChinese ? CHINESE : LATIN}" font-size="${isChinese ? 23 : 19.5}"${bold ? ' font-weight="700"' : ''}`;
    const text = glyphs.map((glyph) => escaped(glyph.text)).join('');
    return `<text${stretch} ${look} x="${places.map(short).join(' ')}" y="${short(base / high)}">${text}</text>`;
  };
  return picture(true) + picture(false);
}

/** The dyed edges of the last metre of a roll. */
function stripe(top: number, height: number): string {
  const edge = (x: number) =>
    `<rect x="${x}" y="${top}" width="14" height="${height}" fill="#e5484d" opacity=".22"/>`;
  return edge(4) + edge(PAPER_DOTS - 18);
}

function outline(height: number, complete: boolean): string {
  const upper = edgeOf(0, 1, true);
  const lower = edgeOf(height, -1, complete).reverse();
  return `M${[...upper, ...lower].map(([x, y]) => `${x} ${short(y)}`).join('L')}Z`;
}

/** Teeth of the tear bar, or an edge torn by hand (always the same one: pictures must be reproducible). */
function edgeOf(y: number, inwards: 1 | -1, cut: boolean): [number, number][] {
  const points: [number, number][] = [];
  for (let x = 0; x <= PAPER_DOTS; x += TOOTH_DOTS) {
    const tooth = cut ? ((x / TOOTH_DOTS) % 2) * 5 : 9 + 7 * Math.sin(x / 23) + 5 * Math.sin(x / 7.3);
    points.push([x, y + inwards * tooth]);
  }
  return points;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function short(dots: number): string {
  return String(Math.round(dots * 100) / 100);
}
