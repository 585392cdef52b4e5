/** The tables of the store as Markdown, for the README. */
import { columnsOf, specOf, TABLE_NAMES } from './schema.ts';

// biome-ignore format: a table is read by column
const GUARD_TEXTS = {
  grows:     'only grows',
  versioned: 'version + 1 at each change, never deleted',
  follows:   'only listed columns change, never deleted',
} as const;

export function storeTables(): Readonly<Record<string, string>> {
  const lines = TABLE_NAMES.map((table) => {
    const { key, guard, may, indexes } = specOf(table);
    const found = indexes.map(({ columns, unique, narrowedTo }) => {
      const where = narrowedTo === undefined ? '' : ` where ${narrowedTo.replaceAll('"', '')}`;
      return `${unique === true ? 'unique ' : ''}${columns.join('+')}${where}`;
    });
    const rule = may === undefined ? GUARD_TEXTS[guard] : `only ${may.join(', ')} change, never deleted`;
    return `| ${table} | ${key.join(' + ')} | ${rule} | ${found.join(', ') || '–'} | ${columnsOf(table).length} |`;
  });
  return {
    tables: [
      '| table | key | the database insists | also found by | columns |',
      '|---|---|---|---|---:|',
      ...lines,
    ].join('\n'),
  };
}
