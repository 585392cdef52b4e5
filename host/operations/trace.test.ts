import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openFixture, saleFrame } from '../acquiring/node-acquiring.fixture.ts';
import { exportJournal } from '../journal/export.ts';
import { ANSWERED, answeredLine, openLog } from '../log.ts';
import { traceOf } from './trace.ts';

const trace = suite('one transaction through all parts');

const UT = '01KAMZ3T5W8X9Y0ABCDEFGHJKM';
const OTHER = '01KAMZ3T5W8X9Y0ABCDEFGHJKX';

trace('is found under each of its names in every part, and no other with it', async () => {
  const host = await openFixture();
  try {
    await host.signIn(host.shop, 'V1');
    const card = await host.card();
    const answer = await host.answer(saleFrame(host.shop, card, 1_00));
    await host.answer(saleFrame(host.shop, card, 2_00));
    const rrn = answer.fields[37] ?? '';
    const [row] = (await host.rows('transactions')).filter((one) => one.rrn === rrn);
    const id = row?.transactionId ?? '';

    const log: string[] = [];
    const pino = openLog({ level: 'info', destination: { write: (line) => void log.push(line.trimEnd()) } });
    const about = host.log.filter(({ text }) => text === ANSWERED).map((one) => one.about);
    for (const one of about) pino.info(one, ANSWERED);
    assert.is(log.length, 3);
    // No answer pays for pino and the cleaning: whoever changes its line must change how it is spelled.
    for (const one of about.slice(1)) assert.type(answeredLine(one, ''), 'string', JSON.stringify(one));

    let journal = '';
    for await (const part of exportJournal(host.deps.store)) journal += part;
    const terminal = [
      JSON.stringify({ ut: UT, rrn, terminal: '10000001', msg: 'outcome' }),
      JSON.stringify({ ut: OTHER, rrn: '019999999999', terminal: '10000001', msg: 'outcome' }),
      `${JSON.stringify({ type: 'transaction sent', transaction: { ut: UT, original: { ut: OTHER } } })}\t${'ab'.repeat(32)}`,
      JSON.stringify({ type: 'batch', transactions: [{ ut: UT }, { ut: OTHER }] }),
    ];
    const sources = [
      { name: 'terminal', lines: () => [terminal] },
      { name: 'log', lines: () => [log.slice(0, 1), log.slice(1)] },
      { name: 'journal', lines: () => [journal.split('\n')] },
      { name: 'file', lines: () => [[`10000001,${rrn},${card.pan}`, '10000001,010000099999,x']] },
    ];
    for (const name of [UT, id, rrn]) {
      const { names, lines } = await traceOf(name, sources);
      assert.equal(new Set(names), new Set([UT, id, rrn]));
      assert.equal(
        lines.map(({ source, line }) => `${source}:${line}`),
        [
          'terminal:1',
          'terminal:3',
          'terminal:4',
          'log:2',
          ...lines.filter(({ source }) => source === 'journal').map(({ line }) => `journal:${line}`),
          'file:1',
        ],
      );
      assert.is(lines.filter(({ source }) => source === 'journal').length, 1);
      for (const { text } of lines) assert.not.match(text, card.pan);
    }
    assert.equal((await traceOf('010000088888', sources)).lines, []);
    // Told by the refund's line, and not joined with it: the sale's trace stays the sale's.
    const sale = await traceOf(OTHER, sources);
    assert.equal(new Set(sale.names), new Set([OTHER, '019999999999']));
    assert.equal(
      sale.lines.map(({ source, line }) => `${source}:${line}`),
      ['terminal:2', 'terminal:3', 'terminal:4'],
    );
  } finally {
    await host.close();
  }
});

trace.run();
