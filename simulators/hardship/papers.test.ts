import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Papers } from './papers.ts';

const REFERENCE = '010000000037';
const slip = (amount: string, mark = '') => ({
  text: `${mark}\n交易参考号 REF NO   ${REFERENCE}\n日期/时间 DATE/TIME 2026\n金额 AMOUNT\n          RMB ${amount}\n`,
  complete: true,
});
const COPY = '****重打印/DUPLICATED****';
const STANDING = [{ rrn: REFERENCE, amount: 1_77 }];

function judged(...slips: readonly { text: string; complete: boolean }[]) {
  const papers = new Papers();
  papers.take(slips);
  return papers.wrong(STANDING);
}

const paper = suite('paper: one original of each transaction, with its amount');

paper('an original and any number of marked copies are right', () => {
  assert.equal(judged(slip('1.77'), slip('1.77', COPY), slip('1.77', COPY)), []);
});

paper('a torn slip counts for nothing, a marked copy after it does', () => {
  assert.equal(judged({ ...slip('1.77'), complete: false }, slip('1.77', COPY)), []);
});

paper('two originals, no slip, another amount, and a slip of nothing are each told', () => {
  assert.equal(judged(slip('1.77'), slip('1.77')), [`${REFERENCE}: 2 originals`]);
  assert.equal(judged(), [`${REFERENCE}: no slip`]);
  assert.equal(judged(slip('-1.78')), [`${REFERENCE}: 178 fen on paper, 177 in the books`]);
  const papers = new Papers();
  papers.take([slip('1.77')]);
  assert.equal(papers.wrong([]), [`${REFERENCE}: a slip, and nothing stands`]);
});

paper.run();
